"""Writes the input of another provider's model: the fields of its schema alone, with images as ``data:`` URLs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from cloudflare_image_mcp.backends.workers_ai.ai_gateway import DEFAULT_GATEWAY, gateway_headers
from cloudflare_image_mcp.backends.workers_ai.proxied_wire import REFERENCE_SIDE, proxied_wire_of
from cloudflare_image_mcp.backends.workers_ai.request import VARIATION_PROMPT, WireRequest

if TYPE_CHECKING:
    from cloudflare_image_mcp.backends.workers_ai.proxied_wire import ProxiedField
    from cloudflare_image_mcp.core.ports import Call, Pixels
    from cloudflare_image_mcp.imagefile.image import Image


async def encode_proxied(call: Call, pixels: Pixels, gateway: str | None = None) -> WireRequest:
    """``gateway`` is the id of an AI Gateway; without one Cloudflare's own is used. Raises what ``Pixels.reference``
    raises.
    """
    wire = proxied_wire_of(call.model)
    values: dict[str, Any] = {
        "prompt": call.prompt or VARIATION_PROMPT,
        "negative_prompt": call.negative_prompt,
        "steps": call.steps,
        "guidance": call.guidance,
        "strength": call.strength if call.images else None,
        "seed": call.seed,
        "quality": call.quality,
        "background": call.background,
        "output_format": None if call.output_format is None else call.output_format.value,
    }
    fields = {
        row.name: sent for name, row in wire.parameters.items() if (sent := _sent(row, values.get(name))) is not None
    }
    fields |= {**wire.constants, **wire.size.fields(call.size)}
    images: list[Image] = []
    if wire.images is not None and call.images:
        images = [await pixels.reference(image, REFERENCE_SIDE) for image in call.images[: wire.images.most]]
        fields[wire.images.name] = wire.images.value([await _data_url(image) for image in images])
        if wire.mask is not None and call.mask is not None:
            fields[wire.mask] = await _data_url(call.mask)
    return WireRequest(
        json.dumps(fields).encode(),
        (),
        tuple(image.size for image in images),
        gateway=gateway_headers(gateway or DEFAULT_GATEWAY, has_seed="seed" in wire.parameters),
        timeout=wire.timeout,
    )


def _sent(row: ProxiedField, value: Any) -> Any:
    """The value as the schema has it; None where it is not sent."""
    return value if row.values is None or value is None else row.values.get(value)


async def _data_url(image: Image) -> str:
    chunks = [chunk async for chunk in image.payload.base64_chunks()]
    return f"data:{image.format.media_type};base64,{b''.join(chunks).decode('ascii')}"
