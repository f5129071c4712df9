"""Resources: the catalogue, the gallery, and every stored image by its id."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from mcp.shared.exceptions import MCPError
from mcp_types import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    Annotations,
    BlobResourceContents,
    ListResourcesResult,
    ListResourceTemplatesResult,
    ReadResourceResult,
    Resource,
    ResourceTemplate,
    TextResourceContents,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from cloudflare_image_mcp.core.own_images import find_own
from cloudflare_image_mcp.core.stored_payload import StoredPayload
from cloudflare_image_mcp.errors import GatewayError, UnreadableImage, shown
from cloudflare_image_mcp.imagefile.image import Image
from cloudflare_image_mcp.mcp_server import gallery
from cloudflare_image_mcp.mcp_server.models import description
from cloudflare_image_mcp.mcp_server.results import PREVIEW_BYTES, PREVIEW_SIDE

if TYPE_CHECKING:
    from mcp.server.context import ServerRequestContext
    from mcp_types import PaginatedRequestParams, ReadResourceRequestParams

    from cloudflare_image_mcp.mcp_server.endpoint import McpEndpoint

CATALOG: Final = "models://catalog"
IMAGE: Final = "image://{id}"
PREVIEW: Final = "image://{id}/preview"
RESOURCE_NOT_FOUND: Final = -32002
"""The code for an unknown resource up to the revision 2025-11-25; later ones want INVALID_PARAMS."""

_IMAGE_URI: Final = re.compile(r"image://(?P<id>[^/?#]+)(?P<preview>/preview)?")

_CATALOG: Final = Resource(
    uri=CATALOG,
    name="catalog",
    title="Image models",
    description="Every image model with its parameters, sizes, price and known limits, as JSON.",
    mime_type="application/json",
    annotations=Annotations(audience=["assistant"], priority=0.3),
)
_TEMPLATES: Final = (
    ResourceTemplate(
        uri_template=IMAGE,
        name="image",
        title="Stored image",
        description="An image in full resolution, by its id from run_model or list_images.",
        mime_type="image/png",
    ),
    ResourceTemplate(
        uri_template=PREVIEW,
        name="preview",
        title="Preview of a stored image",
        description=f"The same image with no side over {PREVIEW_SIDE} pixels, small enough for every client.",
        mime_type="image/jpeg",
    ),
)


class Resources:
    """Answers ``resources/list``, ``resources/templates/list`` and ``resources/read``."""

    def __init__(self, endpoint: McpEndpoint) -> None:
        self._endpoint = endpoint

    async def list(
        self, ctx: ServerRequestContext[Any, Any], params: PaginatedRequestParams | None
    ) -> ListResourcesResult:
        return ListResourcesResult(resources=[gallery.resource(self._endpoint), _CATALOG])

    async def list_templates(
        self, ctx: ServerRequestContext[Any, Any], params: PaginatedRequestParams | None
    ) -> ListResourceTemplatesResult:
        return ListResourceTemplatesResult(resource_templates=[*_TEMPLATES])

    async def read(self, ctx: ServerRequestContext[Any, Any], params: ReadResourceRequestParams) -> ReadResourceResult:
        """Raises ``MCPError`` for a resource that does not exist or cannot be read."""
        uri = str(params.uri)
        if uri == CATALOG:
            return _text_result(uri, _CATALOG.mime_type, self._catalog())
        if uri == gallery.URI:
            described = gallery.resource(self._endpoint)
            return _text_result(uri, described.mime_type, gallery.html(self._endpoint), described.meta)
        match = _IMAGE_URI.fullmatch(uri)
        if match is None:
            raise _not_found(ctx, uri, f"Resource {shown(uri, 200)} does not exist")
        try:
            image = await self._stored(unquote(match["id"]))
            if image is None:
                raise _not_found(ctx, uri, f"Image {shown(unquote(match['id']))} does not exist, or has expired")
            if match["preview"]:
                image = await self._endpoint.gateway.pixels.preview(image, PREVIEW_SIDE, PREVIEW_BYTES)
            data = await image.payload.read()
        except (GatewayError, UnreadableImage) as error:
            raise MCPError(code=INTERNAL_ERROR, message=str(error), data={"uri": uri}) from error
        # A template has one media type, the store has several.
        content = BlobResourceContents(
            uri=uri, blob=base64.b64encode(data).decode("ascii"), mime_type=image.format.media_type
        )
        return ReadResourceResult(contents=[content])

    def _catalog(self) -> str:
        endpoint = self._endpoint
        rows = [endpoint.model] if endpoint.model else endpoint.gateway.options.names.usable()
        return json.dumps([description(model, endpoint.gateway) for model in rows])

    async def _stored(self, name: str) -> Image | None:
        """Raises ``GatewayError`` when the store fails, ``UnreadableImage`` for a file that is no image."""
        store = self._endpoint.gateway.store
        found = await find_own(store, name)
        return None if found is None else await Image.sniff(StoredPayload(store, found))


def _not_found(ctx: ServerRequestContext[Any, Any], uri: str, message: str) -> MCPError:
    code = INVALID_PARAMS if ctx.protocol_version in MODERN_PROTOCOL_VERSIONS else RESOURCE_NOT_FOUND
    return MCPError(code=code, message=message, data={"uri": uri})


def _text_result(uri: str, mime_type: str | None, text: str, meta: dict[str, Any] | None = None) -> ReadResourceResult:
    return ReadResourceResult(contents=[TextResourceContents(uri=uri, mime_type=mime_type, text=text, _meta=meta)])
