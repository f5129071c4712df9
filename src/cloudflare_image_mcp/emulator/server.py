"""Serves the emulator with uvicorn, and breaks connections when a fault asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from cloudflare_image_mcp.emulator.app import create_app
from cloudflare_image_mcp.emulator.broken import CLOSE
from cloudflare_image_mcp.emulator.emulator import Emulator, EmulatorOptions

if TYPE_CHECKING:
    import asyncio

    from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["make_server"]


def make_server(options: EmulatorOptions) -> uvicorn.Server:
    """A server that has not started; without sockets for its ``run`` it takes a free port of the loopback address.

    Raises ``FaultSpecError``.
    """
    transports: dict[Any, asyncio.Transport] = {}

    class TrackedProtocol(H11Protocol):
        """Registers its connection, which ASGI cannot close without an answer."""

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn's own narrowing
            super().connection_made(transport)
            transports[self.client] = transport

        def connection_lost(self, exc: Exception | None) -> None:
            transports.pop(self.client, None)
            super().connection_lost(exc)

    app = _Breakable(create_app(Emulator(options)), transports)
    config = uvicorn.Config(app, port=0, http=TrackedProtocol, log_level="warning", access_log=False)
    return uvicorn.Server(config)


class _Breakable:
    """Puts the function that closes the connection into the scope, for ``BrokenAnswer``."""

    def __init__(self, app: ASGIApp, transports: dict[Any, asyncio.Transport]) -> None:
        self._app = app
        self._transports = transports

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            # The client may have disconnected already.
            transport = self._transports.get(scope["client"])
            scope[CLOSE] = transport.close if transport is not None else lambda: None
        await self._app(scope, receive, send)
