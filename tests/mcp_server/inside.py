"""An MCP server in this process, called by a real client in memory, for tests that bring parts of their own."""

from __future__ import annotations

import base64
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from mcp import Client
from mcp_types import BlobResourceContents, Implementation, TextResourceContents

from cloudflare_image_mcp.assembly import assemble
from cloudflare_image_mcp.mcp_server.endpoint import McpEndpoint
from cloudflare_image_mcp.mcp_server.local_files import LocalFiles
from cloudflare_image_mcp.mcp_server.server import build_server
from cloudflare_image_mcp.settings import Settings
from tests.mcp_server.backends import NoiseBackend

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from mcp_types import CallToolResult, ReadResourceResult

    from cloudflare_image_mcp.core.ports import Backend, ImageFetcher, Pixels


@asynccontextmanager
async def talking(
    *,
    backend: Backend | None = None,
    fetcher: ImageFetcher | None = None,
    pixels: Pixels | None = None,
    roots: tuple[Path, ...] | None = None,
    client_name: str = "tests",
    **options: Any,
) -> AsyncIterator[Client]:
    """A client of a server with a store in memory. ``roots``: as on stdio; None: as over HTTP. ``pixels`` replaces the
    gateway's. ``options``: further fields of ``McpEndpoint``.
    """
    settings = Settings.read({"IMAGE_STORAGE_URL": "memory:"})
    assembly = assemble(settings, backend=backend or NoiseBackend(), fetcher=fetcher)
    if pixels is not None:
        assembly.gateway.pixels = pixels
    files = None if roots is None else LocalFiles(roots)
    server = build_server(McpEndpoint(gateway=assembly.gateway, jobs=assembly.jobs, files=files, **options))
    try:
        async with Client(server, client_info=Implementation(name=client_name, version="1")) as client:
            yield client
    finally:
        await assembly.aclose()


def text(result: CallToolResult) -> str:
    """What the result's first block says."""
    block = result.content[0]
    assert block.type == "text"
    return block.text


def read_text(result: ReadResourceResult) -> str:
    """The one text that a resource holds."""
    (content,) = result.contents
    assert isinstance(content, TextResourceContents)
    return content.text


def read_bytes(result: ReadResourceResult) -> bytes:
    """The one file that a resource holds."""
    (content,) = result.contents
    assert isinstance(content, BlobResourceContents)
    return base64.b64decode(content.blob)


async def refusal(client: Client, **arguments: Any) -> str:
    """The error of ``run_model``, which must fail."""
    result = await client.call_tool("run_model", {"prompt": "x", "size": "256x256", **arguments})
    assert result.is_error, text(result)
    assert len(result.content) == 1
    assert "Traceback" not in text(result)
    return text(result)


async def answer(client: Client, tool: str = "run_model", **arguments: Any) -> dict[str, Any]:
    """A tool's structured content; it must succeed."""
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, text(result)
    structured: dict[str, Any] = result.structured_content
    return structured
