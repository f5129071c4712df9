"""``python -m tests.mcp_server.conformance_server PORT``: the server as shipped, and the suite's fixtures on it."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import uvicorn

from cloudflare_image_mcp.mcp_server.transport import HttpTransport
from cloudflare_image_mcp.rest.server import build_app
from cloudflare_image_mcp.settings import Settings
from tests.mcp_server.conformance_fixtures import add_fixtures

if TYPE_CHECKING:
    from mcp.server.lowlevel import Server

    from cloudflare_image_mcp.catalog import Model


class WithFixtures(HttpTransport):
    def build(self, model: Model | None) -> Server[Any]:
        server = super().build(model)
        add_fixtures(server)
        return server


def main(port: int) -> None:
    app = build_app(Settings.read(os.environ), transport=WithFixtures)
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")


if __name__ == "__main__":
    main(int(sys.argv[1]))
