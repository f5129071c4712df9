"""``/mcp`` and ``/mcp/simple`` as routes of an HTTP application, here and in a Worker.

Imports none of the SDK, which takes half a second and 30 MB (in a Worker four seconds): the first request to an
endpoint starts its server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from cloudflare_image_mcp.errors import GatewayError, invalid
from cloudflare_image_mcp.mcp_server.guard import Guard
from cloudflare_image_mcp.mcp_server.json_answers import JsonAnswers

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from cloudflare_image_mcp.catalog import Model
    from cloudflare_image_mcp.core.model_names import ModelNames
    from cloudflare_image_mcp.settings import Settings

PATH: Final = "/mcp"
SIMPLE_PATH: Final = "/mcp/simple"


class Serve(Protocol):
    """An ASGI application that also takes the only model to offer, or None for all."""

    async def __call__(self, model: Model | None, scope: Scope, receive: Receive, send: Send) -> None: ...


def mcp_routes(serve: Serve, settings: Settings, names: ModelNames, *, any_host: bool = False) -> list[Route]:
    """Returns both endpoints, behind the checks of Host and Origin. ``names``: the gateway's models. ``any_host``: only
    the operator can point a name at this server.
    """

    def guarded(app: ASGIApp) -> ASGIApp:
        return Guard(
            JsonAnswers(app),
            hosts=settings.mcp_allowed_hosts,
            origins=settings.mcp_allowed_origins,
            public_base_url=settings.public_base_url,
            any_host=any_host or settings.has_keys,
        )

    return [
        Route(PATH, endpoint=guarded(EveryModel(serve))),
        Route(SIMPLE_PATH, endpoint=guarded(OneModel(serve, names))),
    ]


class EveryModel:
    """ASGI: the server with all models."""

    def __init__(self, serve: Serve) -> None:
        self._serve = serve

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._serve(None, scope, receive, send)


class OneModel:
    """ASGI: the server of the model that ``?model=`` names; 404 when it does not exist."""

    def __init__(self, serve: Serve, names: ModelNames) -> None:
        self._serve = serve
        self._names = names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        name = Request(scope).query_params.get("model")
        try:
            if not name:
                raise invalid("model", f"model is required: {SIMPLE_PATH}?model=@cf/…")
            model = self._names.find(name)
        except GatewayError as error:
            await JSONResponse(error.envelope(), status_code=error.row.status)(scope, receive, send)
            return
        await self._serve(model, scope, receive, send)
