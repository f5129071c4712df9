"""What the tools, resources and prompts of one MCP server share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cloudflare_image_mcp.catalog import Operation

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from starlette.requests import Request

    from cloudflare_image_mcp.catalog import Model
    from cloudflare_image_mcp.core.gateway import Gateway
    from cloudflare_image_mcp.core.jobs import Jobs
    from cloudflare_image_mcp.mcp_server.local_files import LocalFiles


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """One gateway as seen from one MCP endpoint."""

    gateway: Gateway
    jobs: Jobs
    structured: bool = True
    """Whether results carry structured content. It is all or nothing: a tool with an output schema must."""
    model: Model | None = None
    """The only model, on ``/mcp/simple``."""
    files: LocalFiles | None = None
    """Where input images may be read from by path; None where callers are not on this machine (HTTP)."""
    saved: Callable[[str], Path | None] = lambda key: None
    """Where a stored image lies on this machine, for a caller that is on it too."""
    base_url: Callable[[Request | None], str | None] = lambda request: None
    """Origin of image URLs, without a slash, if there is one."""

    @property
    def takes_images(self) -> bool:
        """Whether a model here edits or varies."""
        return self.model is None or self.model.promise.tasks != {Operation.GENERATE}

    def image_url(self, request: Request | None, key: str) -> str | None:
        origin = self.base_url(request)
        return f"{origin}/images/{key}" if origin else None
