"""Traces every HTTP request as one span, as the outermost ASGI middleware; it is there only where tracing is on."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from cloudflare_image_mcp.request_context import RequestRecord, request_record
from cloudflare_image_mcp.rest.middleware import CLIENT_LEFT
from cloudflare_image_mcp.rest.paths import METRICS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from cloudflare_image_mcp.core.tracing import Span, Tracer

UNTRACED: Final = frozenset({"/health", "/ready", METRICS})
"""Paths that monitoring asks for every few seconds."""
KNOWN_METHODS: Final = frozenset(
    {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"}
)
"""Methods that spans name; a caller could make up any number of others."""


class TracingMiddleware:
    """ASGI, around ``RequestMiddleware``. Names are those of
    https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-server-span
    """

    def __init__(self, app: ASGIApp, tracer: Tracer) -> None:
        self._app = app
        self._tracer = tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in UNTRACED:
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        with self._tracer.span(_name(scope), "server", _attributes(scope, headers), caller=headers) as span:
            status = CLIENT_LEFT

            async def send_noting_status(message: Message) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = message["status"]
                await send(message)

            try:
                await self._app(scope, receive, send_noting_status)
            finally:
                _end(span, scope, status)


def _name(scope: Scope) -> str:
    """The method in a span's name."""
    method: str = scope["method"]
    return method if method in KNOWN_METHODS else "HTTP"


def _attributes(scope: Scope, headers: Mapping[str, str]) -> dict[str, str | int | float]:
    method = scope["method"]
    attributes: dict[str, str | int | float] = {
        "http.request.method": method if method in KNOWN_METHODS else "_OTHER",
        "url.scheme": scope["scheme"],
        "network.protocol.version": scope["http_version"],
    }
    if method not in KNOWN_METHODS:
        attributes["http.request.method_original"] = method
    host, _, port = headers.get("host", "").rpartition(":")
    if port.isdigit():
        attributes |= {"server.address": host, "server.port": int(port)}
    elif "host" in headers:
        attributes["server.address"] = headers["host"]
    if "user-agent" in headers:
        attributes["user_agent.original"] = headers["user-agent"]
    return attributes


def _end(span: Span, scope: Scope, status: int) -> None:
    record = request_record.get() or RequestRecord()
    route = record.route
    attributes: dict[str, str | int | float] = {"http.response.status_code": status}
    if route:
        # Not the path itself: the ids of images and jobs in paths give access to them.
        attributes |= {"http.route": route, "url.path": route}
        span.rename(f"{_name(scope)} {route}")
    # A stream begins with 200 and may fail after that.
    ended_with = max(status, record.status) if status == HTTPStatus.OK else status
    if record.error and ended_with >= 400:
        attributes["error.type"] = record.error
    span.set(attributes)
    if ended_with >= 500:
        span.fail(str(ended_with))
