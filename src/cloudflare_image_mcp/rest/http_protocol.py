"""uvicorn's HTTP protocol with what it lacks: a limit on the time for a request's head, and on the time in which a
client takes nothing of its answer; JSON for malformed requests; and requests that offer an upgrade (``h2c``,
``websocket``), whose body httptools would drop.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from cloudflare_image_mcp.errors import GatewayError
from cloudflare_image_mcp.limits import READ_TIMEOUT
from cloudflare_image_mcp.rest.request_body import DISCONNECTED, HAS_COME

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, TimerHandle, Transport

_REASONS: Final = {400: b"Bad Request", 408: b"Request Timeout"}
_UPGRADE: Final = frozenset({b"upgrade", b"http2-settings"})
"""Headers, and options of ``Connection``, that offer an upgrade."""
_SMALL: Final = 16 * 1024
"""Bytes below which writes are joined."""


class HttpProtocol(HttpToolsProtocol):
    """One connection."""

    read_timeout: float = READ_TIMEOUT
    """Seconds for the head of a request, and for a client to take some of its answer; of the whole process."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._in_head = False
        self._head_timer: TimerHandle | None = None
        self._write_timer: TimerHandle | None = None
        self._upgrade = False

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self.transport = JoinedWrites(transport, self.loop)  # type: ignore[assignment]  # has what uvicorn uses of one
        self._start_head_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_head_timer()
        self._stop_write_timer()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Called when the client takes its answer more slowly than it is written."""
        super().pause_writing()
        self._write_timer = self.loop.call_later(self.read_timeout, self.transport.abort)

    def resume_writing(self) -> None:
        self._stop_write_timer()
        super().resume_writing()

    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        try:
            while data:
                data = self._fed(data)
            # Not as soon as a head begins: most come whole.
            if self._in_head and self._head_timer is None:
                self._start_head_timer()
        except httptools.HttpParserError:
            self.logger.warning("Invalid HTTP request received.")
            self._refuse(GatewayError("invalid_request", "the request is not valid HTTP"))

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._stop_head_timer()
        if self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT":
            self._upgrade = True
            return
        super().on_headers_complete()
        cycle = self.cycle
        extensions = self.scope.setdefault("extensions", {})
        extensions[DISCONNECTED] = {"check": lambda: cycle.disconnected}
        extensions[HAS_COME] = {"check": cycle.message_event.is_set}

    def on_message_complete(self) -> None:
        if not self._upgrade:
            super().on_message_complete()

    def _fed(self, data: bytes) -> bytes:
        """Parses the data. Returns what has to be parsed again: the request without its offer of an upgrade."""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            if not self._upgrade:
                raise httptools.HttpParserError("CONNECT is not supported") from None
            self._upgrade = False
            head = self._head_without_upgrade()
            self.parser = httptools.HttpRequestParser(self)
            return head + data[upgrade.args[0] :]
        return b""

    def _head_without_upgrade(self) -> bytes:
        version = self.parser.get_http_version().encode()
        lines = [b"%s %s HTTP/%s" % (self.parser.get_method(), self.url, version)]
        for name, value in self.headers:
            if name == b"connection":
                options = [option.strip() for option in value.split(b",")]
                lines.append(b"connection: " + b", ".join(o for o in options if o.lower() not in _UPGRADE))
            elif name not in _UPGRADE:
                lines.append(b"%s: %s" % (name, value))
        return b"\r\n".join([*lines, b"", b""])

    def _start_head_timer(self) -> None:
        self._head_timer = self.loop.call_later(self.read_timeout, self._head_timed_out)

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _stop_write_timer(self) -> None:
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None

    def _head_timed_out(self) -> None:
        self._head_timer = None
        message = f"the request was given up: its head did not come within {self.read_timeout:g} s"
        self._refuse(GatewayError("request_timeout", message))

    def _refuse(self, error: GatewayError) -> None:
        """Answers a malformed request with 400 and closes the connection."""
        if self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete:
            body = json.dumps(error.envelope()).encode()
            lines = [
                b"HTTP/1.1 %d %s" % (error.row.status, _REASONS[error.row.status]),
                b"content-type: application/json",
                b"content-length: %d" % len(body),
                b"connection: close",
            ]
            self.transport.write(b"\r\n".join([*lines, b"", body]))
        self.transport.close()


class JoinedWrites:
    """A transport that joins small writes of one turn of the event loop, such as the head and the body of an answer:
    every write is a system call.
    """

    def __init__(self, transport: Transport, loop: AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._waiting: list[bytes | memoryview] = []
        self._length = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes | memoryview) -> None:
        if not self._waiting and len(data) >= _SMALL:
            self._transport.write(data)
            return
        if not self._waiting:
            self._loop.call_soon(self._flush)
        self._waiting.append(data)
        self._length += len(data)
        if self._length >= _SMALL:
            self._flush()

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        waiting, length, self._waiting, self._length = self._waiting, self._length, [], 0
        if not waiting or self._transport.is_closing():
            return
        if length < _SMALL:
            self._transport.write(b"".join(waiting))
        else:  # not copied
            self._transport.writelines(waiting)
