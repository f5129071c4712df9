"""Reads the JSON of a call to a model that takes JSON: schnell, Lucid, Phoenix and the Stable Diffusion
family.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Any, Final

from cloudflare_image_mcp.backends.workers_ai.wire import wire_of
from cloudflare_image_mcp.catalog import Operation, Size
from cloudflare_image_mcp.emulator.errors import (
    BAD_BASE64,
    FAILED,
    IMAGE_SHAPE,
    INCOMPLETE,
    MISSING_INPUT,
    NO_ACCESS,
    NO_IMAGE_INPUT,
    SCHEMA,
    UNDECODABLE,
    refuse,
)
from cloudflare_image_mcp.emulator.image_call import ImageCall, InputImage, Mode
from cloudflare_image_mcp.emulator.schemas import field_schema, input_schema
from cloudflare_image_mcp.emulator.validator import SchemaFault, validate

if TYPE_CHECKING:
    from cloudflare_image_mcp.catalog import Model
    from cloudflare_image_mcp.emulator.fields import FieldCounts

DEFAULT_GUIDANCE: Final = 7.5


def read_json(model: Model, body: bytes, mode: Mode, fields: FieldCounts, *, img2img: bool) -> ImageCall:
    """``img2img``: whether the account may use the img2img model. Raises ``RefusalError``."""
    values = _object(body)
    if wire_of(model).request == "multipart":
        _validate(model, values, fields, published=True)
        raise refuse(SCHEMA, reason="required properties at '/' are 'multipart'")
    known = field_schema(model.id)["properties"]
    # Options of the call, not of the model; schnell's closed schema refuses them like everything else.
    fields.look_at(model.short_name, values.keys() - {"options"}, known)
    _validate(model, values, fields)
    _count_loose_values(model, values, fields)
    if mode is Mode.LIVE:
        _refuse_live(model, values, fields, img2img=img2img)
    return _image_call(model, values)


def _object(body: bytes) -> dict[str, Any]:
    if not body:
        raise refuse(INCOMPLETE, what="body")
    try:
        values = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise refuse(INCOMPLETE, what="body")
    return values


def _no_number(name: str) -> float:
    """Refuses ``NaN`` and ``Infinity``, which Python's parser accepts and JSON has not."""
    raise ValueError(name)


def _validate(model: Model, values: dict[str, Any], fields: FieldCounts, *, published: bool = False) -> None:
    try:
        validate(input_schema(model.id) if published else field_schema(model.id), values)
    except SchemaFault as fault:
        if fault.out_of_range:
            fields.outside(model.short_name, fault.field.strip("/"))
        raise refuse(SCHEMA, reason=str(fault)) from None


_LOOSE: Final = {"strength": (0, 1), "num_steps": (1, None), "steps": (1, None), "seed": (0, 2**64)}
"""Ranges that the documentation states and the schema lacks."""


def _count_loose_values(model: Model, values: dict[str, Any], fields: FieldCounts) -> None:
    for name, (low, high) in _LOOSE.items():
        value = values.get(name)
        if value is not None and (value < low or (high is not None and value > high)):
            fields.outside(model.short_name, name)


def _refuse_live(model: Model, values: dict[str, Any], fields: FieldCounts, *, img2img: bool) -> None:
    """Refuses what the service refuses although its schema accepts it."""
    has_image = "image" in values or "image_b64" in values
    refusal = model.live.refusal
    if refusal == "no-access" and not img2img:
        raise refuse(NO_ACCESS, model=model.id)
    if has_image and refusal == "no-image-input":
        raise refuse(NO_IMAGE_INPUT)
    if has_image and refusal == "image-shape":
        length = len(_file(values, "image") or b"")
        raise refuse(IMAGE_SHAPE, model=model.short_name, length=length)
    if model.promise.tasks == {Operation.EDIT}:
        for name, inputs in (("image", {"image", "image_b64"}), ("mask_image", {"mask"})):
            if not inputs & values.keys():
                raise refuse(MISSING_INPUT, name=name)
    multiple = wire_of(model).sizes.multiple
    for name in ("width", "height"):
        if values.get(name, 0) % multiple:
            fields.outside(model.short_name, name)
            raise refuse(FAILED)


def _image_call(model: Model, values: dict[str, Any]) -> ImageCall:
    source = _file(values, "image")
    mask = _file(values, "mask")
    image = InputImage.decode(source) if source is not None else None
    seed = values.get("seed")
    return ImageCall(
        model=model,
        prompt=_text(values["prompt"]),
        negative_prompt=_text(values.get("negative_prompt", "")),
        size=_size(model, values, image),
        steps=max(1, int(values.get("num_steps", values.get("steps", model.price.default_steps)))),
        guidance=float(values.get("guidance", DEFAULT_GUIDANCE)),
        strength=min(1.0, max(0.0, float(values.get("strength", 1)))),
        seed=None if seed is None else int(seed),
        images=() if image is None else (image,),
        mask=None if mask is None or image is None else InputImage.decode(mask),
    )


def _text(value: str) -> str:
    """JSON can hold half of a surrogate pair, which is no character."""
    return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _size(model: Model, values: dict[str, Any], image: InputImage | None) -> Size:
    """Width and height where given; else the input image's, cut to whole blocks; else the model's own."""
    sizes = wire_of(model).sizes
    if not wire_of(model).size_fields:
        return sizes.default
    own = sizes.default
    if image is not None:
        width, height = (
            max(sizes.minimum, min(sizes.maximum, side // sizes.multiple * sizes.multiple)) for side in image.size
        )
        own = Size(width, height)
    # Lucid's and Phoenix's schemas go down to 0, which cannot be the size of a picture.
    return Size(int(values.get("width", 0)) or own.width, int(values.get("height", 0)) or own.height)


def _file(values: dict[str, Any], name: str) -> bytes | None:
    """A file that came as an array of its bytes, or as base64. Raises ``RefusalError``."""
    if (numbers := values.get(name)) is not None:
        try:
            return bytes(numbers)
        except (ValueError, TypeError):
            raise refuse(UNDECODABLE, index=0) from None
    if name == "image" and (text := values.get("image_b64")) is not None:
        try:
            return base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            raise refuse(BAD_BASE64, type="string") from None
    return None
