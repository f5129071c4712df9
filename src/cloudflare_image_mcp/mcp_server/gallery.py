"""The result gallery: an MCP App (SEP-1865) in one HTML file that sends requests to its host alone."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Final

from mcp.server.apps import APP_MIME_TYPE, EXTENSION_ID
from mcp_types import Resource

if TYPE_CHECKING:
    from cloudflare_image_mcp.mcp_server.endpoint import McpEndpoint

IDENTIFIER: Final = EXTENSION_ID
URI: Final = "ui://cloudflare-image-mcp/gallery.html"
"""``run_model`` and ``get_job`` name it in ``_meta.ui``."""


def resource(endpoint: McpEndpoint) -> Resource:
    """Describes the HTML file. Its content security policy lets it load nothing from elsewhere."""
    return Resource(
        uri=URI,
        name="gallery",
        title="Image gallery",
        description="Shows the images of a result: full size, download"
        + (", vary, use as input." if endpoint.takes_images else "."),
        mime_type=APP_MIME_TYPE,
        _meta={"ui": {"csp": {"connectDomains": [], "resourceDomains": []}, "prefersBorder": True}},
    )


def html(endpoint: McpEndpoint) -> str:
    """Returns the HTML file; without buttons for edits where no model makes them."""
    text = files("cloudflare_image_mcp.mcp_server").joinpath("gallery.html").read_text("utf-8")
    return text if endpoint.takes_images else text.replace("<html ", '<html data-changes="no" ', 1)
