"""``/mcp`` and ``/mcp/simple`` as routes of the HTTP application: one endpoint for every revision of the protocol, with
sessions for clients that begin with a handshake and without for those of 2026-07-28.
"""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from mcp.server.transport_security import TransportSecuritySettings
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from cloudflare_image_mcp.catalog import models
from cloudflare_image_mcp.errors import GatewayError, invalid
from cloudflare_image_mcp.gateway.limits import MAX_BODY_BYTES
from cloudflare_image_mcp.gateway.model_names import find_model
from cloudflare_image_mcp.mcp_server.guard import Guard
from cloudflare_image_mcp.mcp_server.server import build_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from mcp.server.mcpserver import MCPServer
    from starlette.types import ASGIApp, Receive, Scope, Send

    from cloudflare_image_mcp.mcp_server.door import Door
    from cloudflare_image_mcp.settings import Settings

PATH: Final = "/mcp"
SIMPLE_PATH: Final = "/mcp/simple"

_GUARDED: Final = TransportSecuritySettings(enable_dns_rebinding_protection=False)
"""``Guard`` checks Host and Origin, and says what to do about it."""


class HttpTransport:
    """The MCP servers of one HTTP application: one with every model, and one a model."""

    def __init__(self, door: Door, settings: Settings) -> None:
        self.server = build_server(door)
        self._app = _application(self.server)
        self._simple = {model.id: build_server(replace(door, model=model)) for model in models().values()}
        self._simple_apps = {name: _application(server) for name, server in self._simple.items()}
        self._settings = settings

    @property
    def routes(self) -> list[Route]:
        return [
            Route(PATH, endpoint=self._guarded(self._app)),
            Route(SIMPLE_PATH, endpoint=self._guarded(OneModel(self._simple_apps))),
        ]

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """While it lasts the routes answer."""
        async with AsyncExitStack() as stack:
            for server in (self.server, *self._simple.values()):
                await stack.enter_async_context(server.session_manager.run())
            yield

    def _guarded(self, app: ASGIApp) -> ASGIApp:
        settings = self._settings
        return Guard(
            app,
            hosts=settings.mcp_allowed_hosts,
            origins=settings.mcp_allowed_origins,
            public_base_url=settings.public_base_url,
            keys=bool(settings.api_keys),
        )


class OneModel:
    """ASGI: hands a request to the server of the model that ``?model=`` names; 404 when there is none such."""

    def __init__(self, apps: Mapping[str, ASGIApp]) -> None:
        self._apps = apps

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        name = Request(scope).query_params.get("model")
        try:
            if not name:
                raise invalid("model", f"model is required: {SIMPLE_PATH}?model=@cf/…")
            app = self._apps[find_model(name).id]
        except GatewayError as error:
            await JSONResponse(error.envelope(), status_code=error.row.status)(scope, receive, send)
            return
        await app(scope, receive, send)


def _application(server: MCPServer[Any]) -> ASGIApp:
    server.streamable_http_app(max_request_body_size=MAX_BODY_BYTES, transport_security=_GUARDED)
    return server.session_manager.handle_request
