"""Wraps every HTTP request, as one ASGI middleware: path, request id, CORS, origin, API key, body limits, errors.

One layer instead of six, because each layer costs every request a call and a wrapped ``send``. It also calls the
endpoints of the hot routes itself, without the framework's routing.
"""

from __future__ import annotations

import asyncio
import math
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from cloudflare_image_mcp import request_context
from cloudflare_image_mcp.core.access import EVERYTHING, NOTHING, access
from cloudflare_image_mcp.core.limiter import RateReport, rate_report
from cloudflare_image_mcp.errors import GatewayError, shown
from cloudflare_image_mcp.logs import log_request
from cloudflare_image_mcp.rest.body import check_json
from cloudflare_image_mcp.rest.errors import error_answer, internal_error
from cloudflare_image_mcp.rest.paths import CHAT, METRICS, OPERATIONS, canonical_path, needs_key
from cloudflare_image_mcp.rest.request_body import RequestBody

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from cloudflare_image_mcp.core.access import Access
    from cloudflare_image_mcp.core.gateway import Gateway
    from cloudflare_image_mcp.core.limiter import Limiter
    from cloudflare_image_mcp.rest.options import AppOptions

    Endpoint = Callable[[Request], Awaitable[Response]]

ALLOW_METHODS: Final = "GET, POST, OPTIONS"
ALLOW_HEADERS: Final = "Content-Type, Authorization"
EXPOSED_HEADERS: Final = (
    "X-Request-Id",
    "X-Image-Model",
    "X-Image-Backend",
    "X-Image-Neurons",
    "X-Image-Usd",
    "X-Image-Cache",
    "Server-Timing",
    "Retry-After",
    "X-Should-Retry",
    "Location",
    "Preference-Applied",
    "X-RateLimit-Limit-Requests",
    "X-RateLimit-Remaining-Requests",
    "X-RateLimit-Reset-Requests",
    "CF-AIG-Log-Id",
    "CF-AIG-Cache-Status",
)
"""Headers of an answer that a web page of another origin may read."""
CORS_HEADERS: Final = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": ALLOW_METHODS,
    "Access-Control-Allow-Headers": ALLOW_HEADERS,
    "Access-Control-Expose-Headers": ", ".join(EXPOSED_HEADERS),
}
"""The first three are word for word those of the API document."""

CLIENT_LEFT: Final = 499
"""The status that is logged and counted where the client left before the answer."""
_MCP: Final = "/mcp"
"""Routes that parse their own bodies, so the limits of JSON are checked before."""
_ANY: Final = "*"
_KNOWN_HEADERS: Final = frozenset(name.strip().lower() for name in ALLOW_HEADERS.split(","))
_OWN_HEAD: Final = ("/mcp", "/images/", "/health")
"""Routes with a HEAD of their own, or (MCP) whose GET is a stream without an end."""


class RequestMiddleware:
    """ASGI. Raises nothing for an HTTP request: every error is an answer."""

    def __init__(
        self, app: ASGIApp, *, gateway: Gateway, options: AppOptions, endpoints: Mapping[tuple[str, str], Endpoint]
    ) -> None:
        """``endpoints``: by method and canonical path; other requests go to ``app``."""
        self._app = app
        self._ids = gateway.ids
        self._budget = gateway.budget
        self._endpoints = endpoints
        self._timeout = options.read_timeout
        self._clock = gateway.clock
        self._keys = options.keys
        self._limiter = gateway.limiter
        self._metrics = gateway.recorder.metrics
        self._open = frozenset({METRICS} if options.metrics_open else ())
        self._origins = {origin.lower().rstrip("/") for origin in options.allowed_origins}
        self._any_origin = _ANY in self._origins
        if options.public_base_url:
            url = urlsplit(options.public_base_url.lower())
            self._origins.add(f"{url.scheme}://{url.netloc}")
        self._cors = [(name.lower().encode(), value.encode()) for name, value in CORS_HEADERS.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = f"req_{self._ids.name()}"
        request_context.request_id.set(request_id)
        record = request_context.RequestRecord(
            method=scope["method"],
            path=scope["path"],
            began=self._clock.monotonic(),
            task=asyncio.current_task(),
        )
        request_context.request_record.set(record)
        request_context.upstream_headers.set(_passed_headers(scope))
        headers = _read_headers(scope["headers"])
        body = RequestBody(scope, receive, self._budget, timeout=self._timeout)
        answer = _Answer(send, [*self._cors_for(headers.get(b"origin")), (b"x-request-id", request_id.encode())])
        rights = self._rights(headers)
        access.set(rights)
        record.key = rights.name
        if self._limiter is not None and rights.quota.requests_per_minute is not None:
            answer.rate = _RateHeaders(self._limiter, rights)
        inner = _canonical(scope, headers, {"request_id": request_id, "body": body, "access": rights})
        try:
            await self._answer(inner, headers, body, answer.send)
        except asyncio.CancelledError:  # the server is being stopped, and this request took too long
            if answer.begun:
                raise
            stopped = GatewayError("overloaded", "the server is being stopped; send the request again")
            await error_answer(stopped)(inner, body.receive, answer.send)
        except ClientDisconnect:  # nobody is left to answer
            return
        except Exception as error:
            if answer.begun:  # no status is left to change: the server closes the connection
                raise
            response = error_answer(error if isinstance(error, GatewayError) else internal_error(error, request_id))
            # Its frames hold the body, 64 MiB perhaps: freed now, not with the answer's last byte.
            error.__traceback__ = None
            await response(inner, body.receive, answer.send)
        finally:
            body.close()
            self._end(record, inner, answer.status)

    def _end(self, record: request_context.RequestRecord, scope: Scope, status: int) -> None:
        """Logs the request, and counts it where it is for images and did not get as far as the gateway."""
        path = scope["path"]
        record.route = _route(scope)
        if not record.ended:
            record.status = status or CLIENT_LEFT
            operation = OPERATIONS.get(path)
            if (operation is not None or path == CHAT) and record.method == "POST" and status != HTTPStatus.ACCEPTED:
                record.operation = operation or ""
                self._metrics.count_request(record)
        record.seconds = self._clock.monotonic() - record.began
        log_request(record)
        record.method = record.path = ""  # a job that goes on with it gets a line of its own

    async def _answer(self, scope: Scope, headers: Mapping[bytes, bytes], body: RequestBody, send: Send) -> None:
        response = self._refusal(scope, headers, headers.get(b"origin"))
        if response is None and (endpoint := self._endpoints.get((scope["method"], scope["path"]))):
            response = await endpoint(Request(scope, body.receive))
        if response is None and scope["method"] == "POST" and scope["path"].startswith(_MCP):
            data = await body.read()
            check_json(data)
            body.replay(data)
        await (response or self._app)(scope, body.receive, send)

    def _refusal(self, scope: Scope, headers: Mapping[bytes, bytes], origin: bytes | None) -> Response | None:
        """The answer to a preflight, to a web page that may not use the server, and to a request without its key."""
        if origin is not None and not self._allows(origin, headers):
            error = GatewayError(
                "origin_not_allowed", f"ALLOWED_ORIGINS does not name {shown(origin.decode('latin-1'))}"
            )
            return error_answer(error)
        if scope["method"] == "OPTIONS":
            return self._preflight(headers)
        if scope["state"]["access"] is NOTHING and self._needs_key(scope):
            message = "a valid API key is required: send it as Authorization: Bearer <key>"
            return error_answer(GatewayError("invalid_api_key", message), {"www-authenticate": "Bearer"})
        return None

    def _needs_key(self, scope: Scope) -> bool:
        return scope["path"] not in self._open and needs_key(scope["method"], scope["path"])

    def _rights(self, headers: Mapping[bytes, bytes]) -> Access:
        """Returns the rights of the API key in ``Authorization: Bearer <key>``, or in Azure's ``api-key: <key>``. A key
        may hold spaces.
        """
        if self._keys is None:
            return EVERYTHING
        scheme, _, key = headers.get(b"authorization", b"").partition(b" ")
        given = (key if scheme.lower() == b"bearer" else headers.get(b"api-key", b"")).strip()
        return (self._keys.find(given, self._clock.now()) if given else None) or NOTHING

    def _allows(self, origin: bytes, headers: Mapping[bytes, bytes]) -> bool:
        """Origins that are listed, and pages of this very server on this machine."""
        if self._any_origin:
            return True
        written = origin.decode("latin-1").lower()
        if written in self._origins:
            return True
        scheme, _, place = written.partition("://")
        name = place.rpartition(":")[0] if place.rpartition(":")[2].isdigit() else place
        own = place == headers.get(b"host", b"").decode("latin-1").lower()
        return scheme in {"http", "https"} and own and name in {"localhost", "127.0.0.1", "[::1]"}

    def _cors_for(self, origin: bytes | None) -> list[tuple[bytes, bytes]]:
        """The CORS headers. Where only some origins are allowed, the others get none, and may not read the answer."""
        if self._any_origin:
            return self._cors
        vary = (b"vary", b"Origin")
        if origin is None or origin.decode("latin-1").lower() not in self._origins:
            return [vary]
        return [(self._cors[0][0], origin), *self._cors[1:], vary]

    def _preflight(self, headers: Mapping[bytes, bytes]) -> Response:
        """Allows the further headers that it asks for: OpenAI's SDK sends some in a browser."""
        asked = [
            name.strip() for name in headers.get(b"access-control-request-headers", b"").decode("latin-1").split(",")
        ]
        further = [name for name in asked if name.replace("-", "").isalnum() and name.lower() not in _KNOWN_HEADERS]
        response = Response(status_code=204)
        if further:
            response.headers["access-control-allow-headers"] = ", ".join([ALLOW_HEADERS, *further])
        # How an MCP client ends its session.
        if headers.get(b"access-control-request-method") == b"DELETE":
            response.headers["access-control-allow-methods"] = f"{ALLOW_METHODS}, DELETE"
        return response


def _passed_headers(scope: Scope) -> dict[str, str]:
    """Returns the caller's headers that are sent to the backend too."""
    return {_PASSED[name]: value.decode("latin-1") for name, value in scope["headers"] if name in _PASSED}


_PASSED: Final = {name.encode(): name for name in request_context.PASSED_HEADERS}


class _Answer:
    """The server's ``send``, which adds headers to the answer, unless it has them."""

    def __init__(self, send: Send, headers: list[tuple[bytes, bytes]]) -> None:
        self._send = send
        self._headers = headers
        self.begun = False
        self.status = 0
        self.rate: _RateHeaders | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun = True
            self.status = message["status"]
            own = message.get("headers", ())
            names = {name for name, _ in own}
            message["headers"] = [*own, *(pair for pair in self._headers if pair[0] not in names)]
            if self.rate is not None:
                message["headers"] += await self.rate.headers()
        await self._send(message)


class _RateHeaders:
    """OpenAI's ``x-ratelimit-*`` headers for one request of a key with limited requests."""

    def __init__(self, limiter: Limiter, rights: Access) -> None:
        self._limiter = limiter
        self._rights = rights
        self._report = RateReport()
        rate_report.set(self._report)

    async def headers(self) -> list[tuple[bytes, bytes]]:
        """What the request left, or what is left where it did not count; none while the counters cannot be read."""
        state = self._report.state or await self._limiter.rate_state(self._rights)
        if state is None:
            return []
        minutes, seconds = divmod(math.ceil(state.reset), 60)
        reset = f"{minutes}m{seconds}s" if minutes else f"{seconds}s"
        return [
            (b"x-ratelimit-limit-requests", b"%d" % state.limit),
            (b"x-ratelimit-remaining-requests", b"%d" % state.remaining),
            (b"x-ratelimit-reset-requests", reset.encode()),
        ]


def _canonical(scope: Scope, headers: Mapping[bytes, bytes], state: Mapping[str, object]) -> Scope:
    """The scope that the routes see: canonical path, GET for HEAD, no headers of a packed body (it is unpacked)."""
    path, deployment = canonical_path(scope["path"])
    method = scope["method"]
    if method == "HEAD" and not path.startswith(_OWN_HEAD):
        method = "GET"  # the server leaves the body out
    inner = {
        **scope,
        "method": method,
        "path": path,
        "state": {**scope.get("state", {}), **state, "deployment": deployment},
    }
    if path != scope["path"]:
        inner["raw_path"] = path.encode()
    if b"content-encoding" in headers:
        inner["headers"] = [pair for pair in scope["headers"] if pair[0] not in _OF_PACKED]
    return inner


def _route(scope: Scope) -> str:
    """The pattern of the route that took the request; empty where none did. FastAPI names its own routes alone."""
    if "route" in scope:
        pattern: str = scope["route"].path_format
        return pattern
    taken = "endpoint" in scope or scope["path"] in OPERATIONS
    return scope["path"] if taken and not scope.get("path_params") else ""


_OF_PACKED: Final = frozenset({b"content-encoding", b"content-length"})
_READ: Final = frozenset(
    {
        b"authorization",
        b"api-key",
        b"origin",
        b"host",
        b"content-encoding",
        b"access-control-request-headers",
        b"access-control-request-method",
    }
)


def _read_headers(pairs: list[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """The headers that are read here; the first one of several counts."""
    found: dict[bytes, bytes] = {}
    for name, value in pairs:
        if name in _READ:
            found.setdefault(name, value)
    return found
