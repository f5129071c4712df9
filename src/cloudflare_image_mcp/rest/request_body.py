"""A request's body, piece by piece, with every limit checked on the way: for all routes, MCP included.

``RequestMiddleware`` puts a ``RequestBody`` before every route, so that no route can read past the limits: size (also
of what a gzip body unpacks to), the memory of all requests together, the time without data, the lowest rate.

How a route uses it:

    body = request.state.body           # scope["state"]["body"]
    data = await body.read()            # the whole body as bytes
    value = read_json(data)             # rest/body.py: JSON with limits on lists, values and keys
    body.disconnected                   # whether the client is gone

An ASGI application that knows nothing of this reads through ``receive`` as always, with the same limits (413, 408 and
503 come as ``GatewayError`` from ``receive``). One that parses JSON itself calls ``read_json`` or ``check_json``
before, and hands the bytes on with ``replay(data)``, which is a ``receive`` for a body that was read.
"""

from __future__ import annotations

import asyncio
import time
import zlib
from typing import TYPE_CHECKING, Final

from starlette.requests import ClientDisconnect

from cloudflare_image_mcp.errors import GatewayError, invalid, shown
from cloudflare_image_mcp.limits import MAX_BODY_BYTES, MEBIBYTE, MIN_BODY_RATE, READ_TIMEOUT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from starlette.types import Message, Receive, Scope

    from cloudflare_image_mcp.core.byte_budget import ByteBudget

_DRAIN: Final = 4 * MAX_BODY_BYTES
"""Bytes of a refused body that are read and thrown away, so that the client gets to see the answer."""
_UNPACKED: Final = 256 * 1024
"""Bytes that are unpacked at once; in between other requests get their turn."""
_WINDOW_BITS: Final = {"gzip": 31, "x-gzip": 31, "deflate": 15}
"""For zlib, by ``Content-Encoding``."""
_RAW_DEFLATE: Final = -15
"""Some clients send ``deflate`` without its zlib header."""
DISCONNECTED: Final = "disconnected"
"""Extension in the ASGI scope: ``check`` says whether the client is gone. From servers that know."""
HAS_COME: Final = "has_come"
"""Likewise: ``check`` says whether ``receive`` returns at once, so that its time need not be limited."""


class RequestBody:
    """One request's body. ``receive`` replaces the server's."""

    def __init__(self, scope: Scope, receive: Receive, budget: ByteBudget, *, timeout: float = READ_TIMEOUT) -> None:
        """``timeout``: seconds without data after which the request is given up."""
        self._receive = receive
        self._budget = budget
        self._timeout = timeout
        extensions = scope.get("extensions", {})
        self._gone: Callable[[], bool] | None = extensions.get(DISCONNECTED, {}).get("check")
        self._has_come: Callable[[], bool] | None = extensions.get(HAS_COME, {}).get("check")
        self._encoding = _header(scope, b"content-encoding").lower()
        self._pieces: AsyncIterator[bytes] | None = None
        self._ended = False
        self._replayed: bytes | None = None
        self._waited = 0.0  # seconds, for data
        self._came = 0  # bytes, packed
        self.size = 0  # bytes that count in the budget

    @property
    def disconnected(self) -> bool:
        """Whether the server knows that the client is gone; not every server says."""
        return self._gone is not None and self._gone()

    async def read(self) -> bytes:
        """The whole body. Raises ``GatewayError`` (400, 408, 413, 415, 503)."""
        first = await self.next_piece()
        if first is None:
            return b""
        pieces = [first]
        while (piece := await self.next_piece()) is not None:
            pieces.append(piece)
        if len(pieces) == 1:
            return first
        whole = b"".join(pieces)
        if len(whole) > MEBIBYTE:  # joining, reading and decoding are steps, between which others get their turn
            del pieces, first
            await asyncio.sleep(0)
        return whole

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body piece by piece. Raises the same."""
        while (piece := await self.next_piece()) is not None:
            yield piece

    async def next_piece(self) -> bytes | None:
        """The next piece, unpacked; None at the end. Raises the same, and ``ClientDisconnect``."""
        if self._encoding in ("", "identity"):
            piece = await self._next_received()
            if piece is not None:
                await self._count(piece)
            return piece
        if self._pieces is None:
            self._pieces = self._unpacked()
        unpacked = await anext(self._pieces, None)
        if unpacked is not None:
            await self._count(unpacked)
        return unpacked

    async def receive(self) -> Message:
        """ASGI's ``receive``. Raises the same as ``read``."""
        if self._replayed is not None:
            data, self._replayed = self._replayed, None
            return {"type": "http.request", "body": data, "more_body": False}
        if self._ended and self._pieces is None:
            return await self._receive()
        try:
            piece = await self.next_piece()
        except ClientDisconnect:
            return {"type": "http.disconnect"}
        if piece is None:
            self._pieces = None
        more = piece is not None and not (self._ended and self._pieces is None)
        return {"type": "http.request", "body": piece or b"", "more_body": more}

    def replay(self, data: bytes) -> None:
        """Lets ``receive`` give a body that was read to an application that reads it again."""
        self._replayed = data

    async def discard(self) -> None:
        """Reads the rest, up to a limit: a client that is cut off while it sends does not see the answer."""
        seen = 0
        while seen < _DRAIN and (piece := await self._next_received()) is not None:
            seen += len(piece)

    def close(self) -> None:
        """Gives the body's memory back."""
        self._budget.give_back(self.size)
        self.size = 0

    async def _next_received(self) -> bytes | None:
        """Bytes as they came, not yet counted; None at the end."""
        while not self._ended:
            message = await self._message()
            if message["type"] == "http.disconnect":
                self._ended = True
                raise ClientDisconnect
            self._ended = not message.get("more_body", False)
            if piece := message.get("body", b""):
                return bytes(piece)
        return None

    async def _message(self) -> Message:
        if self._has_come is not None and self._has_come():
            message = await self._receive()
            self._came += len(message.get("body", b""))
            return message
        begun = time.monotonic()
        try:
            async with asyncio.timeout(self._timeout):
                message = await self._receive()
        except TimeoutError:
            self._ended = True
            raise self._too_slow(f"no data came for {self._timeout:g} s") from None
        self._waited += time.monotonic() - begun
        self._came += len(message.get("body", b""))
        if self._waited > self._timeout and self._came < self._waited * MIN_BODY_RATE:
            self._ended = True
            raise self._too_slow(f"the body came at less than {MIN_BODY_RATE} bytes a second")
        return message

    @staticmethod
    def _too_slow(reason: str) -> GatewayError:
        return GatewayError("request_timeout", f"the request was given up: {reason}")

    async def _count(self, piece: bytes) -> None:
        """Raises ``GatewayError`` (413, 503) once the rest of the body is read and thrown away."""
        try:
            if self.size + len(piece) > MAX_BODY_BYTES:
                most = MAX_BODY_BYTES // MEBIBYTE
                raise GatewayError("request_too_large", f"the body is longer than the {most} MiB that are allowed")
            self._budget.take(len(piece))
        except GatewayError:
            self._pieces = None
            await self.discard()
            raise
        self.size += len(piece)

    async def _unpacked(self) -> AsyncIterator[bytes]:
        bits = _WINDOW_BITS.get(self._encoding)
        if bits is None:
            await self.discard()
            raise GatewayError(
                "unsupported_media_type",
                f"Content-Encoding must be identity, gzip or deflate, not {shown(self._encoding)}",
            )
        unpacker = zlib.decompressobj(bits)
        begun = False
        try:
            while (packed := await self._next_received()) is not None:
                if not begun and bits == _WINDOW_BITS["deflate"] and not _has_zlib_header(packed):
                    unpacker = zlib.decompressobj(_RAW_DEFLATE)
                begun = True
                piece = b""
                while (packed or len(piece) == _UNPACKED) and not unpacker.eof:
                    piece = unpacker.decompress(packed, _UNPACKED)
                    packed = unpacker.unconsumed_tail
                    yield piece
                    await asyncio.sleep(0)
        except zlib.error:
            await self.discard()
            raise invalid(None, f"the body is not valid {self._encoding}") from None
        if begun and not unpacker.eof:
            raise invalid(None, f"the body is cut short: its {self._encoding} data does not end")


def _has_zlib_header(data: bytes) -> bool:
    return len(data) < 2 or (data[0] & 15 == 8 and int.from_bytes(data[:2], "big") % 31 == 0)


def _header(scope: Scope, name: bytes) -> str:
    values = [value for key, value in scope["headers"] if key == name]
    return b", ".join(values).decode("latin-1").strip()
