"""Writes the request for a call: a JSON object or a form, by model, with the fields of the model's schema alone."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from cloudflare_image_mcp.backends.workers_ai.ai_gateway import gateway_headers
from cloudflare_image_mcp.backends.workers_ai.wire import REFERENCE_SIDE, wire_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudflare_image_mcp.catalog import Model, Size
    from cloudflare_image_mcp.core.ports import Call, Pixels
    from cloudflare_image_mcp.imagefile.image import Image

LARGE_SOURCE: Final = 1024 * 1024
"""Bytes. As an array of numbers a file grows to 3.6 times its length, and the service's largest body, which is not
published, comes near: a larger source goes as a JPEG, a quarter as long. What lies outside a mask is the original's
anyway.
"""

VARIATION_PROMPT: Final = "a variation of this image"
"""A variation needs no words here; every model's schema wants some."""

_encode: Final = json.JSONEncoder(ensure_ascii=False).encode
"""``json.dumps`` makes an encoder at every call."""
_NUMBERS: Final = tuple(str(byte) for byte in range(256))


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a form: a text field, or a file when it has a media type."""

    name: str
    value: str | bytes
    media_type: str | None = None
    filename: str | None = None


@dataclass(frozen=True, slots=True)
class WireRequest:
    """Either ``body``, a JSON text, or ``parts``, a form."""

    body: bytes | None
    parts: tuple[Part, ...]
    inputs: tuple[Size, ...]
    """The sizes of the input images as sent, which count towards the price."""
    gateway: Mapping[str, str] = field(default_factory=dict)
    """Headers for an AI Gateway, in lower case."""
    timeout: float = 300.0
    """Seconds for the call, from the first byte sent to the last received."""


async def encode(call: Call, pixels: Pixels, gateway: str | None = None) -> WireRequest:
    """``gateway`` is the id of an AI Gateway. Raises what ``Pixels.reference`` raises."""
    wire = wire_of(call.model)
    if wire.request == "multipart":
        # A form cannot pass an AI Gateway (500, code 7000), so FLUX.2 is called without one.
        return await _form(call, pixels)
    return await _json(call, pixels, gateway_headers(gateway, has_seed="seed" in wire.parameters))


def _fields(call: Call) -> dict[str, str | int | float]:
    """The scalar fields under their wire names. None was not asked for; an empty text is below every minimum."""
    wire = wire_of(call.model)
    steps = _default(call.model, "steps") if call.steps is None else call.steps
    strength = _default(call.model, "strength") if call.strength is None else call.strength
    values: dict[str, str | int | float | None] = {
        "prompt": call.prompt or VARIATION_PROMPT,
        "negative_prompt": call.negative_prompt or None,
        "steps": steps,
        "guidance": call.guidance,
        "strength": strength if call.images else None,
        "seed": call.seed,
    }
    fields = {
        wire.parameters[name].field: value
        for name, value in values.items()
        if value is not None and name in wire.parameters
    }
    if wire.size_fields:
        fields |= {"width": call.size.width, "height": call.size.height}
    return fields


def _default(model: Model, name: str) -> int | float | None:
    """What the catalogue promises where the caller does not say, if the service's own default is another."""
    promised, wire = model.promise.parameters.get(name), wire_of(model).parameters.get(name)
    if promised is None or wire is None or promised.default == wire.default or promised.default is None:
        return None
    return int(promised.default) if wire.type == "integer" else promised.default


async def _json(call: Call, pixels: Pixels, gateway: Mapping[str, str]) -> WireRequest:
    wire = wire_of(call.model)
    text = _encode(_fields(call))
    inputs: tuple[Size, ...] = ()
    if wire.images == "array" and call.images:
        source = call.images[0]
        if source.payload.size > LARGE_SOURCE:
            source = await pixels.reference(source, max(source.size))
        text = _with_file(text, "image", await source.payload.read())
        inputs = (source.size,)
        if wire.mask and call.mask is not None:
            text = _with_file(text, "mask", await call.mask.payload.read())
    return WireRequest(text.encode(), (), inputs, gateway, wire.timeout)


def _with_file(text: str, name: str, data: bytes) -> str:
    """Adds a file to a JSON object the way the schema wants it: its bytes as an array of numbers.

    Written as text at once: ten times less memory than a list of numbers for the JSON encoder.
    """
    return f'{text[:-1]}, "{name}": [{",".join(map(_NUMBERS.__getitem__, data))}]}}'


async def _form(call: Call, pixels: Pixels) -> WireRequest:
    parts = [Part(name, f"{value}") for name, value in _fields(call).items()]
    references: list[Image] = []
    for index, image in enumerate(call.images[: wire_of(call.model).max_images]):
        reference = await pixels.reference(image, REFERENCE_SIDE)
        references.append(reference)
        name = f"input_image_{index}"
        parts.append(
            Part(
                name,
                await reference.payload.read(),
                reference.format.media_type,
                f"{name}.{reference.format.extension}",
            )
        )
    sizes = tuple(reference.size for reference in references)
    return WireRequest(None, tuple(parts), sizes, timeout=wire_of(call.model).timeout)
