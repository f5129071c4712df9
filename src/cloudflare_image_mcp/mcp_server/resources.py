"""Resources: the catalogue, and every stored image by its id."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError
from mcp_types import Annotations

from cloudflare_image_mcp.catalog import models
from cloudflare_image_mcp.core.image_sources import find_stored
from cloudflare_image_mcp.core.stored_payload import StoredPayload
from cloudflare_image_mcp.errors import GatewayError, UnreadableImage, shown
from cloudflare_image_mcp.imagefile.image import Image
from cloudflare_image_mcp.mcp_server.models import description
from cloudflare_image_mcp.mcp_server.results import PREVIEW_BYTES, PREVIEW_SIDE

if TYPE_CHECKING:
    from mcp.server.mcpserver import MCPServer

    from cloudflare_image_mcp.mcp_server.door import Door

CATALOG: Final = "models://catalog"
IMAGE: Final = "image://{id}"
PREVIEW: Final = "image://{id}/preview"


def add_resources(server: MCPServer[Any], door: Door) -> None:
    @server.resource(
        CATALOG,
        name="catalog",
        title="Image models",
        description="Every image model with its parameters, sizes, price and known limits, as JSON.",
        mime_type="application/json",
        annotations=Annotations(audience=["assistant"], priority=0.3),
    )
    async def catalog() -> str:
        rows = [door.model] if door.model else models().values()
        return json.dumps([description(model, door.gateway) for model in rows])

    @server.resource(
        IMAGE,
        name="image",
        title="Stored image",
        description="An image in full resolution, by its id from run_model or list_images.",
        mime_type="image/png",
    )
    async def image(id: str) -> bytes:  # noqa: A002 - the template's own word
        return await (await _stored(door, id)).payload.read()

    @server.resource(
        PREVIEW,
        name="preview",
        title="Preview of a stored image",
        description=f"The same image with no side over {PREVIEW_SIDE} pixels, small enough for every client.",
        mime_type="image/jpeg",
    )
    async def preview(id: str) -> bytes:  # noqa: A002
        stored = await _stored(door, id)
        try:
            smaller = await door.gateway.pixels.preview(stored, PREVIEW_SIDE, PREVIEW_BYTES)
        except (GatewayError, UnreadableImage) as error:
            raise ResourceError(str(error)) from error
        return await smaller.payload.read()


async def _stored(door: Door, name: str) -> Image:
    """Raises ``ResourceNotFoundError``, or ``ResourceError`` when the store fails."""
    store = door.gateway.store
    try:
        found = await find_stored(store, name)
        if found is None:
            raise ResourceNotFoundError(f"Image {shown(name)} does not exist, or has expired")
        return await Image.sniff(StoredPayload(store, found))
    except GatewayError as error:
        raise ResourceError(error.message) from error
