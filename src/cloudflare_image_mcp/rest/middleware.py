"""What wraps every request, as plain ASGI: the request's id, CORS, defects, the key. Headers are built once, here."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from cloudflare_image_mcp import request_context
from cloudflare_image_mcp.errors import GatewayError
from cloudflare_image_mcp.rest.errors import error_answer, internal_error

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from cloudflare_image_mcp.core.ports import Ids

ALLOW_HEADERS: Final = "Content-Type, Authorization"
CORS_HEADERS: Final = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Allow-Headers": ALLOW_HEADERS,
}
"""Word for word those of the API document."""

_OPEN_PATHS: Final = ("/health", "/images/")
"""Paths that want no key: the health check, and images, whose names nobody can guess and which pages show in
``<img>``. Generating (POST) below /images/ does want one.
"""


class RequestIdMiddleware:
    """``x-request-id`` on every answer."""

    def __init__(self, app: ASGIApp, ids: Ids) -> None:
        self._app = app
        self._ids = ids

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = f"req_{self._ids.name()}"
        scope.setdefault("state", {})["request_id"] = request_id
        request_context.request_id.set(request_id)
        request_context.upstream_headers.set(_passed_headers(scope))

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["x-request-id"] = request_id
            await send(message)

        await self._app(scope, receive, send_with_id)


class CORSMiddleware:
    """The document's three headers on every answer; any ``OPTIONS`` is answered at once.

    A preflight that asks for further headers (OpenAI's own SDK does in a browser) is also allowed those.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["method"] == "OPTIONS":
            asked = Headers(scope=scope)
            headers = CORS_HEADERS | {
                "Access-Control-Allow-Headers": _allowed_headers(asked.get("access-control-request-headers", ""))
            }
            if asked.get("access-control-request-method") == "DELETE":  # how an MCP client ends its session
                headers["Access-Control-Allow-Methods"] += ", DELETE"
            await Response(status_code=204, headers=headers)(scope, receive, send)
            return

        async def send_with_cors(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(CORS_HEADERS)
            await send(message)

        await self._app(scope, receive, send_with_cors)


class DefectMiddleware:
    """An unexpected exception as the table's ``internal_error``: inside the two above, so that it has their headers,
    which Starlette's own handler for it, outside all others, would leave out.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def send_noting(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, send_noting)
        except ClientDisconnect:  # in the midst of its request: nobody is left to be answered
            return
        except Exception as error:
            if begun:  # no status is left to change: the server breaks the connection off
                raise
            await error_answer(internal_error(error, scope["state"]["request_id"]))(scope, receive, send)


class KeyMiddleware:
    """``Authorization: Bearer <one of the keys>``, or Azure's ``api-key: <one>``, on all but the open paths. A key may
    hold spaces.
    """

    def __init__(self, app: ASGIApp, keys: tuple[str, ...]) -> None:
        self._app = app
        self._keys = tuple(key.encode() for key in keys)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or _is_open(scope) or self._is_known(scope):
            await self._app(scope, receive, send)
            return
        error = GatewayError("invalid_api_key", "a valid API key is required: send it as Authorization: Bearer <key>")
        await error_answer(error, {"www-authenticate": "Bearer"})(scope, receive, send)

    def _is_known(self, scope: Scope) -> bool:
        headers = Headers(scope=scope)
        scheme, _, key = headers.get("authorization", "").partition(" ")
        key = key if scheme.lower() == "bearer" else headers.get("api-key", "")
        given = key.strip().encode("latin-1")  # the bytes that came
        # Every key is compared, so that the time taken says nothing of which one was near.
        known = [hmac.compare_digest(given, one) for one in self._keys]
        return any(known)


def _passed_headers(scope: Scope) -> dict[str, str]:
    """Returns the caller's headers that are sent to the backend too."""
    names = {name.encode(): name for name in request_context.PASSED_HEADERS}
    return {names[name]: value.decode("latin-1") for name, value in scope["headers"] if name in names}


def _is_open(scope: Scope) -> bool:
    return scope["method"] in {"GET", "HEAD"} and scope["path"].startswith(_OPEN_PATHS)


def _allowed_headers(asked: str) -> str:
    names = [name.strip() for name in asked.split(",")]
    known = {name.strip().lower() for name in ALLOW_HEADERS.split(",")}
    further = [name for name in names if name.replace("-", "").isalnum() and name.lower() not in known]
    return ", ".join([ALLOW_HEADERS, *further])
