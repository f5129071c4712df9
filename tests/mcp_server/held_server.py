"""``python -m tests.mcp_server.held_server LEDGER [PORT]``: REST API and MCP, or stdio, over a ``HeldBackend``."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import uvicorn

from cloudflare_image_mcp.assembly import assemble
from cloudflare_image_mcp.mcp_server.stdio import serve_assembly
from cloudflare_image_mcp.rest.server import app_over
from cloudflare_image_mcp.settings import Settings
from tests.mcp_server.backends import HeldBackend


def main(ledger: str, port: str | None = None) -> None:
    settings = Settings.read(os.environ)
    assembly = assemble(settings, backend=HeldBackend(Path(ledger)))
    if port is None:
        asyncio.run(serve_assembly(assembly, settings))
    else:
        uvicorn.run(app_over(assembly, settings), host="127.0.0.1", port=int(port), log_level="warning")


if __name__ == "__main__":
    main(*sys.argv[1:])
