"""Reads the input of a call to another provider's model by the usual names of its fields."""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cloudflare_image_mcp.backends.workers_ai.proxied_fields import FORMATS, IMAGES, PROMPTS, SCALES, side_of_scale
from cloudflare_image_mcp.backends.workers_ai.proxied_wire import size_of_ratio
from cloudflare_image_mcp.catalog import Size
from cloudflare_image_mcp.emulator.errors import INCOMPLETE, NO_SUCH_MODEL, SCHEMA, refuse
from cloudflare_image_mcp.emulator.image_call import ImageCall, InputImage
from cloudflare_image_mcp.emulator.validator import SchemaFault, validate

if TYPE_CHECKING:
    from cloudflare_image_mcp.emulator.proxied_registry import Registered, Registry

_BLOCK: Final = 16
"""Pixels: models with ratios make sides in multiples of it, which is not quite the ratio."""


@dataclass(frozen=True, slots=True)
class ProxiedInput:
    """One accepted call."""

    row: Registered
    call: ImageCall
    media_type: str
    transparent: bool


def read_proxied(body: bytes, registry: Registry) -> ProxiedInput:
    """Raises ``RefusalError``."""
    try:
        request: Any = json.loads(body)
        model_id, values = request["model"], request["input"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise refuse(INCOMPLETE, what="model or input") from None
    row = registry.find(model_id) if isinstance(model_id, str) else None
    if row is None:
        raise refuse(NO_SUCH_MODEL, model=model_id)
    try:
        validate(row.input, values if isinstance(values, dict) else {})
    except SchemaFault as fault:
        raise refuse(SCHEMA, reason=str(fault)) from None
    return _input(row, values)


def _input(row: Registered, values: dict[str, Any]) -> ProxiedInput:
    images = tuple(InputImage.decode(data, index) for index, data in enumerate(_images(values)))
    mask = values.get("mask")
    seed = values.get("seed")
    wanted = str(_first(values, FORMATS) or row.media_type.removeprefix("image/")).replace("jpg", "jpeg")
    return ProxiedInput(
        row,
        ImageCall(
            model=row.model,
            prompt=str(_first(values, PROMPTS) or "a picture"),
            negative_prompt=str(values.get("negative_prompt", "")),
            size=_size(row, values, images),
            steps=int(values.get("steps", values.get("num_steps", 4))),
            guidance=float(values.get("guidance", 7.5)),
            strength=1.0,
            seed=None if seed is None else int(seed),
            images=images,
            mask=InputImage.decode(_data(mask)) if isinstance(mask, str) and images else None,
        ),
        f"image/{wanted}",
        values.get("background") == "transparent",
    )


def _first(values: dict[str, Any], names: tuple[str, ...]) -> Any:
    return next((values[name] for name in names if name in values), None)


def _images(values: dict[str, Any]) -> list[bytes]:
    given = _first(values, IMAGES)
    listed = given if isinstance(given, list) else [] if given is None else [given]
    return [_data(item["url"] if isinstance(item, dict) else item) for item in listed]


def _data(text: str) -> bytes:
    """A ``data:`` URL or base64. The emulator fetches nothing."""
    try:
        return base64.b64decode(text.rpartition("base64,")[2], validate=True)
    except (ValueError, binascii.Error):
        raise refuse(SCHEMA, reason="the emulator takes images as data: URLs or base64 alone") from None


def _size(row: Registered, values: dict[str, Any], images: tuple[InputImage, ...]) -> Size:
    """Of two numbers, of a text, or of a ratio and a resolution; else the input image's, or the model's own."""
    if "width" in values and "height" in values:
        return Size(int(values["width"]), int(values["height"]))
    text, ratio = str(values.get("size", "")).replace("*", "x"), values.get("aspect_ratio")
    if re.fullmatch(r"\d+x\d+", text):
        return Size.parse(text)
    sides = (side_of_scale(str(values.get(name, ""))) for name in SCALES)
    side = next((side for side in sides if side is not None), row.side)
    if not isinstance(ratio, str) or ":" not in ratio:
        if images:
            return images[0].size
        return Size(side, side)
    return Size(*(max(_BLOCK, round(edge / _BLOCK) * _BLOCK) for edge in size_of_ratio(ratio, side)))
