"""Streamable HTTP in a process of our own: one endpoint for every revision of the protocol, with sessions for clients
that begin with a handshake and without for those of 2026-07-28.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from cloudflare_image_mcp.limits import MAX_BODY_BYTES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
    from starlette.types import Receive, Scope, Send

    from cloudflare_image_mcp.catalog import Model
    from cloudflare_image_mcp.mcp_server.door import Door
    from cloudflare_image_mcp.mcp_server.server import ImageServer


class HttpTransport:
    """The MCP servers of one HTTP application: one with every model, and one a model. Each is begun by the first
    request to it, so that a process that is never asked does without the SDK.
    """

    def __init__(self, door: Door) -> None:
        self._door = door
        self._managers: dict[str | None, asyncio.Future[StreamableHTTPSessionManager]] = {}
        self._lives: list[asyncio.Task[None]] = []
        self._over = asyncio.Event()
        self._building = asyncio.Lock()

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """While it lasts requests are served; in the end every session is closed."""
        try:
            yield
        finally:
            self._over.set()
            await asyncio.gather(*self._lives)

    async def serve(self, model: Model | None, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI, over the server of that model alone, or of all."""
        name = None if model is None else model.id
        if name not in self._managers:
            self._managers[name] = asyncio.get_running_loop().create_future()
            self._lives.append(asyncio.create_task(self._live(model, self._managers[name])))
        # Shielded: a client that hangs up while the server begins is not the only one that waits for it.
        manager = await asyncio.shield(self._managers[name])
        await manager.handle_request(scope, receive, send)

    async def _live(self, model: Model | None, begun: asyncio.Future[StreamableHTTPSessionManager]) -> None:
        """One server, from beginning to end in one task, as the SDK's task groups want it."""
        try:
            # In a thread: the SDK's import would keep everybody else waiting for a second. One at a time: two threads
            # that import the same packages can meet half of one.
            async with self._building:
                server = await asyncio.to_thread(self.build, model)
            async with server.session_manager.run():
                begun.set_result(server.session_manager)
                await self._over.wait()
        except Exception as error:
            if begun.done():
                raise
            del self._managers[None if model is None else model.id]  # the next request tries again
            begun.set_exception(error)

    def build(self, model: Model | None) -> ImageServer:
        """The server of that model alone, or of all, ready to answer HTTP."""
        from mcp.server.transport_security import TransportSecuritySettings

        from cloudflare_image_mcp.mcp_server.server import build_server

        server = build_server(self._door if model is None else replace(self._door, model=model))
        server.streamable_http_app(
            max_request_body_size=MAX_BODY_BYTES,
            # Guard checks Host and Origin, and says what to do about it.
            transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
        )
        return server
