"""MCP in a Worker: the same server over the official SDK, without sessions, because two requests of one client need not
reach the same isolate.

The SDK takes seconds to import here, so only the first request to ``/mcp`` does it.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from importlib.util import find_spec
from types import ModuleType
from typing import TYPE_CHECKING, Any

from cloudflare_image_mcp.worker.asgi import MAX_BODY_BYTES

if TYPE_CHECKING:
    from mcp.server.lowlevel import Server
    from starlette.types import Receive, Scope, Send

    from cloudflare_image_mcp.catalog import Model
    from cloudflare_image_mcp.mcp_server.endpoint import McpEndpoint


class WorkerMcp:
    """The MCP servers of one isolate."""

    def __init__(self, endpoint: McpEndpoint) -> None:
        self._endpoint = endpoint
        self._servers: dict[str | None, Server[Any]] = {}

    async def serve(self, model: Model | None, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI: the server of that model alone, or of all. Each request has a session manager of its own: one that
        outlived it would hold another request's streams.
        """
        server = self._server(model)
        from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

        manager = StreamableHTTPSessionManager(
            server, json_response=True, stateless=True, max_request_body_size=MAX_BODY_BYTES
        )
        async with manager.run():
            await manager.handle_request(scope, receive, send)

    def _server(self, model: Model | None) -> Server[Any]:
        name = None if model is None else model.id
        if name not in self._servers:
            _stand_in_for_cryptography()
            from cloudflare_image_mcp.mcp_server.server import build_server

            self._servers[name] = build_server(
                self._endpoint if model is None else replace(self._endpoint, model=model)
            )
        return self._servers[name]


class _Missing:
    """Stands for a class of the package cryptography, which this runtime does not have. Creating one raises an error:
    nothing may take for encrypted what is not.
    """

    def __init__(self, *_: Any, **__: Any) -> None:
        raise NotImplementedError("the package cryptography is not part of this Worker")


def _stand_in_for_cryptography() -> None:
    """Makes the package importable: the SDK imports a cipher for a feature that is not used here."""
    if "cryptography" in sys.modules or find_spec("cryptography") is not None:
        return
    names: dict[str, dict[str, object]] = {
        "cryptography": {},
        "cryptography.exceptions": {"InvalidTag": type("InvalidTag", (Exception,), {})},
        "cryptography.hazmat": {},
        "cryptography.hazmat.primitives": {},
        "cryptography.hazmat.primitives.hashes": {"SHA256": _Missing},
        "cryptography.hazmat.primitives.ciphers": {},
        "cryptography.hazmat.primitives.ciphers.aead": {"AESGCM": _Missing},
        "cryptography.hazmat.primitives.kdf": {},
        "cryptography.hazmat.primitives.kdf.hkdf": {"HKDF": _Missing},
    }
    for name, members in names.items():
        module = ModuleType(name)
        module.__dict__.update(members, __path__=[])
        sys.modules[name] = module
