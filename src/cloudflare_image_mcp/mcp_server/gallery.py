"""The result gallery: an MCP App (SEP-1865) in one HTML file that asks nobody for anything but its host."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from mcp.server.apps import Apps, ResourceCsp

from cloudflare_image_mcp.mcp_server.tools import GALLERY

if TYPE_CHECKING:
    from cloudflare_image_mcp.mcp_server.door import Door


class Gallery(Apps):
    """The ``ui://`` resource that ``run_model`` and ``get_job`` point at in ``_meta.ui``."""

    def __init__(self, door: Door) -> None:
        super().__init__()
        html = files("cloudflare_image_mcp.mcp_server").joinpath("gallery.html").read_text("utf-8")
        if not door.takes_images:
            html = html.replace("<html ", '<html data-changes="no" ', 1)
        self.add_html_resource(
            GALLERY,
            html,
            name="gallery",
            title="Image gallery",
            description="Shows the images of a result: full size, download"
            + (", vary, use as input." if door.takes_images else "."),
            csp=ResourceCsp(connect_domains=[], resource_domains=[]),
            prefers_border=True,
        )
