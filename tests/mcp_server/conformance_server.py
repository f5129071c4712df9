"""``python -m tests.mcp_server.conformance_server PORT``: the server as shipped, and the suite's fixtures on it."""

from __future__ import annotations

import os
import sys

import uvicorn

from cloudflare_image_mcp.http.server import build_app
from cloudflare_image_mcp.settings import Settings
from tests.mcp_server.conformance_fixtures import add_fixtures


def main(port: int) -> None:
    app = build_app(Settings.read(os.environ))
    add_fixtures(app.state.mcp.server)
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")


if __name__ == "__main__":
    main(int(sys.argv[1]))
