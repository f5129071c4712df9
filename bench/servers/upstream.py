"""A bare upstream: answers every request at once with one prepared image, so that what is measured is the
gateway.

    python bench/servers/upstream.py --port 9100

The path's last ``bytes-N`` (``/bytes-1048576/client/v4/…``) sets the image's length. Paths of Workers AI get
its envelope (``{"result":{"image":…}}``), all others OpenAI's (``{"created":…,"data":[{"b64_json":…}]}``).
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import re
import struct
import zlib
from functools import cache
from typing import Final

_SIZE: Final = re.compile(rb"/bytes-(\d+)/")
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED: Final = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)


@cache
def png(length: int, side: int = 1024) -> bytes:
    """A whole PNG of ``side`` x ``side`` pixels and exactly ``length`` bytes, or as few as it takes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"\0" * ((side + 7) // 8 + 1) * side
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0))
    end = chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")
    filler = max(0, length - len(start) - len(end) - 12)
    return start + chunk(b"teSt", bytes(i * 167 % 251 for i in range(filler))) + end


@cache
def answer(length: int, workers_ai: bool) -> bytes:
    text = base64.b64encode(png(length))
    if workers_ai:
        body = b'{"result":{"image":"' + text + b'"},"success":true,"errors":[],"messages":[]}'
        extra = b"cf-ai-neurons: 172.80\r\n"
    else:
        body = b'{"created":1,"data":[{"b64_json":"' + text + b'"}]}'
        extra = b""
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n" + extra
    return head + b"content-length: %d\r\n\r\n" % len(body) + body


class Upstream(asyncio.Protocol):
    def __init__(self) -> None:
        self._buffer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = bytes(self._buffer[: end + 2])
            stop = self._request_end(head, end + 4)
            if stop is None:
                return
            del self._buffer[:stop]
            size = _SIZE.search(head)
            self._transport.write(answer(int(size[1]) if size else 1024, b"/ai/run/" in head))

    def _request_end(self, head: bytes, body: int) -> int | None:
        if _CHUNKED.search(head):
            last = self._buffer.find(b"0\r\n\r\n", body)
            return last + 5 if last >= 0 else None
        length = _LENGTH.search(head)
        stop = body + (int(length[1]) if length else 0)
        return stop if len(self._buffer) >= stop else None


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=9100)
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", parser.parse_args().port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
