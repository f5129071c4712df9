"""Streamable HTTP in a process of our own: one endpoint for every revision of the protocol, with sessions for clients
that begin with a handshake and without for those of 2026-07-28.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cloudflare_image_mcp.limits import MAX_BODY_BYTES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mcp.server.lowlevel import Server
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
    from starlette.types import Receive, Scope, Send

    from cloudflare_image_mcp.catalog import Model
    from cloudflare_image_mcp.mcp_server.endpoint import McpEndpoint


class HttpTransport:
    """The MCP servers of one HTTP application: one with every model, and one for each model. The first request to a
    server starts it, so that a process without MCP requests never imports the SDK.
    """

    def __init__(self, endpoint: McpEndpoint) -> None:
        self._endpoint = endpoint
        self._managers: dict[str | None, asyncio.Future[StreamableHTTPSessionManager]] = {}
        self._running: list[asyncio.Task[None]] = []
        self._stop = asyncio.Event()
        self._building = asyncio.Lock()

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Serves requests until the context ends, then closes every session."""
        try:
            yield
        finally:
            self._stop.set()
            await asyncio.gather(*self._running)

    async def serve(self, model: Model | None, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI: the server of that model alone, or of all."""
        name = None if model is None else model.id
        if name not in self._managers:
            self._managers[name] = asyncio.get_running_loop().create_future()
            self._running.append(asyncio.create_task(self._run_server(model, self._managers[name])))
        # Shielded: other requests wait for the server, too, when this client hangs up.
        manager = await asyncio.shield(self._managers[name])
        if key_name := scope["state"]["access"].name:
            scope["user"] = _session_owner(key_name)
        await manager.handle_request(scope, receive, send)

    async def _run_server(self, model: Model | None, started: asyncio.Future[StreamableHTTPSessionManager]) -> None:
        """Runs one server from start to end in one task, as the SDK's task groups want it."""
        try:
            # In a thread: the SDK's import would block the event loop for a second. One at a time: two threads that
            # import the same packages can meet a half-imported one.
            async with self._building:
                server = await asyncio.to_thread(self.build, model)
            from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

            # No transport security of the SDK's: Guard checks Host and Origin, and names the setting to change.
            manager = StreamableHTTPSessionManager(server, max_request_body_size=MAX_BODY_BYTES)
            async with manager.run():
                started.set_result(manager)
                await self._stop.wait()
        except Exception as error:
            if started.done():
                raise
            del self._managers[None if model is None else model.id]  # the next request tries again
            started.set_exception(error)

    def build(self, model: Model | None) -> Server[Any]:
        """Returns the server of that model alone, or of all."""
        from cloudflare_image_mcp.mcp_server.server import build_server

        return build_server(self._endpoint if model is None else replace(self._endpoint, model=model))


def _session_owner(key_name: str) -> object:
    """The user to whom the SDK binds a session to the API key that opened it: with another key it answers 404."""
    from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
    from mcp.server.auth.provider import AccessToken

    return AuthenticatedUser(AccessToken(token=key_name, client_id=key_name, scopes=[]))
