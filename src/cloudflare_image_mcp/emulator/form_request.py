"""Reads the form of a call to FLUX.2. Unknown parts are ignored, as by the service."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any, Final

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException

from cloudflare_image_mcp.backends.workers_ai.wire import wire_of
from cloudflare_image_mcp.catalog import Size
from cloudflare_image_mcp.emulator.errors import FAILED, INCOMPLETE, SCHEMA, UNDECODABLE, refuse
from cloudflare_image_mcp.emulator.image_call import ImageCall, InputImage, Mode
from cloudflare_image_mcp.emulator.schemas import field_schema
from cloudflare_image_mcp.emulator.validator import SchemaFault, validate

if TYPE_CHECKING:
    from starlette.datastructures import FormData
    from starlette.requests import Request

    from cloudflare_image_mcp.catalog import Model
    from cloudflare_image_mcp.emulator.fields import FieldCounts
    from cloudflare_image_mcp.emulator.schemas import Schema

REFERENCE_LIMIT: Final = 512
"""Pixels: references must be smaller than that on both sides. It is not documented what the service does with larger
ones; the emulator accepts them and counts them as out of range.
"""
SEED_IGNORED: Final = frozenset({"@cf/black-forest-labs/flux-2-klein-4b"})
"""Models that were seen to ignore the seed."""
DEFAULT_GUIDANCE: Final = 4.0
_MAX_PART: Final = 32 * 1024 * 1024
_NUMBER: Final = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*", re.ASCII | re.IGNORECASE)
"""``float`` alone would also accept ``1_000`` and ``nan``."""


async def read_form(model: Model, request: Request, mode: Mode, fields: FieldCounts) -> ImageCall:
    """Raises ``RefusalError``."""
    try:
        form = await request.form(max_part_size=_MAX_PART)
    except (MultiPartException, HTTPException):  # Starlette turns the one into the other within an application
        raise refuse(INCOMPLETE, what="body") from None
    try:
        return await _image_call_of(form, model, mode, fields)
    finally:
        await form.close()  # its temporary files


async def _image_call_of(form: FormData, model: Model, mode: Mode, fields: FieldCounts) -> ImageCall:
    texts = {name: value for name, value in form.items() if isinstance(value, str)}
    files = {name: value for name, value in form.items() if isinstance(value, UploadFile)}
    names = [f"input_image_{index}" for index in range(wire_of(model).max_images)]
    schema = field_schema(model.id)
    fields.look_at(model.short_name, texts.keys() | files.keys(), schema["properties"].keys() | names)
    values = {name: _number(schema, name, text) for name, text in texts.items() if name in schema["properties"]}
    if mode is Mode.LIVE:
        _refuse_sizes(model, values, fields)
    try:
        validate(schema, values)
    except SchemaFault as fault:
        if fault.out_of_range:
            fields.outside(model.short_name, fault.field.strip("/"))
        raise refuse(SCHEMA, reason=str(fault)) from None
    if any(name in texts for name in names):
        raise refuse(UNDECODABLE, index=next(i for i, name in enumerate(names) if name in texts))
    images = [await _reference(files[name], index, model, fields) for index, name in enumerate(names) if name in files]
    return _image_call(model, values, tuple(images), mode, fields)


def _number(schema: Schema, name: str, text: str) -> Any:
    """A part's text as a number where the schema wants one and the text is one; otherwise unchanged."""
    kind = schema["properties"][name]["type"]
    if kind == "string" or _NUMBER.fullmatch(text) is None:
        return text
    value = float(text)
    return int(value) if kind == "integer" and value.is_integer() else value


def _refuse_sizes(model: Model, values: dict[str, Any], fields: FieldCounts) -> None:
    """Outside the documented sides the service was seen to fail (2048), not to refuse."""
    sizes = wire_of(model).sizes
    for name in ("width", "height"):
        side = values.get(name)
        if isinstance(side, int) and not sizes.minimum <= side <= sizes.maximum:
            fields.outside(model.short_name, name)
            raise refuse(FAILED)


async def _reference(part: UploadFile, index: int, model: Model, fields: FieldCounts) -> InputImage:
    # Decoding a large image must not hold up the other calls.
    image = await asyncio.to_thread(InputImage.decode, await part.read(), index)
    if (part.content_type or "").partition(";")[0].strip().lower() != image.media_type:
        raise refuse(FAILED)
    if max(image.size) >= REFERENCE_LIMIT:
        fields.outside(model.short_name, f"input_image_{index}")
    return image


def _image_call(
    model: Model, values: dict[str, Any], images: tuple[InputImage, ...], mode: Mode, fields: FieldCounts
) -> ImageCall:
    sizes = wire_of(model).sizes
    asked = Size(values.get("width", sizes.default.width), values.get("height", sizes.default.height))
    for name, side in zip(("width", "height"), asked, strict=True):
        if side % sizes.multiple:
            fields.outside(model.short_name, name)
    size = asked
    if mode is Mode.LIVE:
        size = Size(*(side // sizes.multiple * sizes.multiple for side in asked))
    seed = values.get("seed")
    if mode is Mode.LIVE and model.id in SEED_IGNORED:
        seed = None
    return ImageCall(
        model=model,
        prompt=values["prompt"],
        negative_prompt="",
        size=size,
        steps=max(1, values.get("steps", model.price.default_steps)),
        guidance=float(values.get("guidance", DEFAULT_GUIDANCE)),
        strength=0.7,
        seed=seed,
        images=images,
    )
