"""The MCP server: tools, resources and prompts for assistants, over stdio and over Streamable HTTP at ``/mcp``.

The SDK takes half a second to import, so this module imports none of it: what is here does so when it is called.
"""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloudflare_image_mcp.settings import Settings

__all__ = ["load_stdio"]


def load_stdio() -> Callable[[Settings], None]:
    """Imports the server over stdin and stdout, and returns what serves one client until it closes them."""
    # The imports make half a million objects that all stay; searching them for garbage is a sixth of the start.
    gc.disable()
    from cloudflare_image_mcp.mcp_server.stdio import serve_stdio

    return serve_stdio
