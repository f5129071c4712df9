"""What the tools, resources and prompts of one MCP endpoint share: the gateway, its jobs and options."""

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
class McpEndpoint:
    """One MCP endpoint (stdio, ``/mcp``, or ``/mcp/simple`` with one model) over a gateway."""

    gateway: Gateway
    jobs: Jobs
    structured: bool = True
    """Whether results carry structured content. MCP wants it from every tool that has an output schema, so it is
    decided for all calls alike.
    """
    links: bool = True
    """Whether results hold a ``resource_link`` for each image, where the client can use one."""
    model: Model | None = None
    """The only model, on ``/mcp/simple``."""
    files: LocalFiles | None = None
    """Reads input images by path; None over HTTP, where callers are on other machines."""
    stored_path: Callable[[str], Path | None] = lambda key: None
    """Returns where a stored image lies on this machine, for a caller that is on it too."""
    base_url: Callable[[Request | None], str | None] = lambda request: None
    """Returns the origin of image URLs, without a slash, if there is one."""

    @property
    def takes_images(self) -> bool:
        """Whether a model of this endpoint edits or varies images."""
        return self.model is None or self.model.promise.tasks != {Operation.GENERATE}

    def image_url(self, request: Request | None, key: str) -> str | None:
        """Returns the URL of a stored image, if the caller can reach one."""
        origin = self.base_url(request)
        return f"{origin}/images/{key}" if origin else None
