"""Bridge from a Worker's requests and responses to an ASGI application.

Replaces the adapter of Cloudflare's SDK, which reads a whole body before the application has checked the API key, loses
the length of an answer, and does not tell the application when the client disconnects.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

import js
from pyodide.ffi import JsException, create_proxy
from workers import wait_until

from cloudflare_image_mcp.errors import GatewayError
from cloudflare_image_mcp.js_values import ignored, js_bytes, js_object, optional, read_stream
from cloudflare_image_mcp.limits import MEBIBYTE
from cloudflare_image_mcp.rest.request_body import DISCONNECTED

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from starlette.types import ASGIApp, Message, Scope

    from cloudflare_image_mcp.js_values import Handle

MAX_BODY_BYTES: Final = 8 * MEBIBYTE
"""One request's body. One of this length makes the memory of the Python runtime grow to 90 MB, for good, of the 128 MB
that a Worker has.
"""
MAX_TOTAL_BODY_BYTES: Final = 12 * MEBIBYTE
"""The bodies of all requests that an isolate is processing, together: they lie in the memory of the Python runtime."""
MAX_TOTAL_FETCHED_BYTES: Final = 48 * MEBIBYTE
"""The images fetched from URLs for these requests, together: they lie in JavaScript's memory, which shrinks again."""

_NO_BODY: Final = frozenset({101, 103, 204, 205, 304})
"""Statuses whose answer has no body: https://fetch.spec.whatwg.org/#null-body-status"""

_log = logging.getLogger(__name__)


async def answer(app: ASGIApp, request: Handle) -> Handle:
    """The application's ``Response``, as soon as its head is known. ``request`` is the raw ``Request``.

    The runtime keeps the Worker alive until the application is done; where the client has gone, for 30 s at most.
    """
    exchange = Exchange(request)
    wait_until(asyncio.ensure_future(exchange.run(app)))
    return await exchange.response


class Exchange:
    """One request and its answer: what ASGI calls ``receive`` and ``send``."""

    def __init__(self, request: Handle) -> None:
        self.response: asyncio.Future[Handle] = asyncio.get_running_loop().create_future()
        self._scope = {**_scope(request), "extensions": {DISCONNECTED: {"check": lambda: self.disconnected}}}
        self._signal = request.signal
        self._body = _limited(request)
        self._body_read = False
        self._over = asyncio.Event()  # the client has disconnected, or has the whole answer
        self._head: Message = {}
        self._writer: Handle | None = None

    @property
    def disconnected(self) -> bool:
        """Whether the client has gone."""
        return bool(self._signal.aborted)

    async def run(self, app: ASGIApp) -> None:
        """Until the application is done. What goes wrong in it is logged; it has answered that itself."""
        leaving = create_proxy(lambda _: self._over.set())
        self._signal.addEventListener("abort", leaving)
        try:
            await app(self._scope, self.receive, self.send)
        except Exception as error:
            _log.exception("the application failed")
            if not self.response.done():
                self.response.set_exception(error)
        finally:
            self._over.set()
            self._signal.removeEventListener("abort", leaving)
            leaving.destroy()
            await self._body.aclose()
            if self._writer is not None:
                # Cut short, for the client to see that something is missing.
                self._writer.abort().catch(ignored)

    async def receive(self) -> Message:
        """Raises ``GatewayError`` (413)."""
        if self._body_read:
            await self._over.wait()
            return {"type": "http.disconnect"}
        chunk = await anext(self._body, None)
        self._body_read = chunk is None
        return {"type": "http.request", "body": chunk or b"", "more_body": chunk is not None}

    async def send(self, message: Message) -> None:
        """Data for a client that has gone is dropped."""
        if message["type"] == "http.response.start":
            self._head = message
            return
        data, more = bytes(message.get("body", b"")), message.get("more_body", False)
        if not self.response.done():
            if not more:
                self.response.set_result(_response(self._head, data))
                return
            pipe = _pipe(self._head)
            self._writer = pipe.writable.getWriter()
            self.response.set_result(_response(self._head, pipe.readable))
        await self._write(data, more)

    async def _write(self, data: bytes, more: bool) -> None:
        if self._writer is None:
            return
        try:
            if data:
                await self._writer.write(js_bytes(data))
            if not more:
                await self._writer.close()
                self._writer = None
        except JsException:
            self._writer = None
            self._over.set()


def _scope(request: Handle) -> Scope:
    url = urlsplit(request.url)
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.0"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": url.scheme,
        "path": unquote(url.path),
        "raw_path": url.path.encode(),
        "query_string": url.query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in js.Array.from_(request.headers).to_py()],
    }


async def _limited(request: Handle) -> AsyncGenerator[bytes]:
    """The body's pieces. Raises ``GatewayError`` (413), but not before the piece that was too much: an application with
    a limit of its own may answer.
    """
    stream = optional(request.body)
    if stream is None:
        return
    if int(optional(request.headers.get("content-length")) or 0) > MAX_BODY_BYTES:
        raise _too_long()
    seen = 0
    async with aclosing(read_stream(stream)) as pieces:
        async for piece in pieces:
            seen += len(piece)
            yield piece
            if seen > MAX_BODY_BYTES:
                raise _too_long()


def _too_long() -> GatewayError:
    most = f"{MAX_BODY_BYTES // MEBIBYTE} MiB"
    return GatewayError(
        "request_too_large",
        f"the body is longer than the {most} that are allowed on Workers; larger images are taken by URL",
    )


def _pipe(head: Message) -> Handle:
    """A stream that a piece waits in until it is taken; it tells the answer's length where that is known."""
    for name, value in head["headers"]:
        if name.lower() == b"content-length":
            return js.FixedLengthStream.new(int(value))
    return js.IdentityTransformStream.new()


def _response(head: Message, body: bytes | Handle) -> Handle:
    if head["status"] in _NO_BODY or body == b"":
        body = None
    elif isinstance(body, bytes):
        body = js_bytes(body)
    headers = [[name.decode(), value.decode()] for name, value in head["headers"]]
    return js.Response.new(body, js_object({"status": head["status"], "headers": headers}))
