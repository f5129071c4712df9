"""Finds where an image file ends, by walking its parts: chunks of PNG, segments of JPEG, blocks of GIF.

Files with other bytes after the image are common: telephones append a film, upload tools a line end. Every walk is
bounded and reads the file in windows, so that a large file is never copied as a whole.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from cloudflare_image_mcp.imagefile.header import ImageFormat, gif_palette_bytes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from cloudflare_image_mcp.imagefile.header import ImageHeader
    from cloudflare_image_mcp.imagefile.payload import Payload

_WINDOW: Final = 192 * 1024
"""Bytes read at a time."""
MAX_PARTS: Final = 20_000
"""Chunks of a PNG, segments of a JPEG. 25 MB in the 8 kB that encoders write are 3,200 chunks."""
_MAX_BLOCKS: Final = 500_000
"""Blocks of a GIF, of at most 255 bytes each."""

EOI: Final = 0xD9
SOS: Final = 0xDA
_DNL: Final = 0xDC
_BARE: Final = frozenset((0x01, *range(0xD0, 0xD8)))
"""Markers without a length."""
_NEXT_MARKER: Final = re.compile(rb"\xff+([^\0\xff\xd0-\xd7])", re.DOTALL)
"""In entropy-coded data, where a zero follows each 0xFF that is no marker, and restarts belong to the data."""


async def find_end(payload: Payload, header: ImageHeader) -> int | None:
    """The position after the image's last byte; None where the file ends before the image does."""
    if header.declared_bytes is not None:
        return header.declared_bytes if header.declared_bytes <= payload.size else None
    end = await _WALKS[header.format](_Window(payload))
    return end if end is not None and end <= payload.size else None


class _Window:
    """A part of a payload in memory, moved along as it is read."""

    def __init__(self, payload: Payload) -> None:
        self.size = payload.size
        self._payload = payload
        self._start = 0
        self._data = b""

    async def at(self, position: int, length: int) -> bytes:
        """The bytes at ``position``; fewer at the end of the file."""
        if not self._start <= position <= position + length <= self._start + len(self._data):
            self._start = position
            self._data = await self._payload.slice(position, position + max(length, _WINDOW))
        return self._data[position - self._start : position - self._start + length]

    async def search(self, pattern: re.Pattern[bytes], position: int) -> tuple[int, bytes] | None:
        """Position after the first match, and its first group. A match is at most a few bytes long."""
        while position < self.size:
            data = await self.at(position, min(_WINDOW, self.size - position))
            if found := pattern.search(data):
                return position + found.end(), found[1]
            if position + len(data) >= self.size:
                return None
            position += len(data) - 1  # an 0xFF at the end may be the start of a match
        return None


async def _png(window: _Window) -> int | None:
    position = 8
    for _ in range(MAX_PARTS):
        head = await window.at(position, 8)
        if len(head) < 8:
            return None
        position += 12 + int.from_bytes(head[:4])
        if head[4:] == b"IEND":
            return position
    return None


async def _jpeg(window: _Window) -> int | None:
    async for marker, start, _ in _segments(window):
        if marker == EOI:
            return start
    return None


def jpeg_segments(payload: Payload) -> AsyncIterator[tuple[int, int, int]]:
    """Marker, start of the data and its length, of every segment of a JPEG, those between its scans included."""
    return _segments(_Window(payload))


async def _segments(window: _Window) -> AsyncIterator[tuple[int, int, int]]:
    position, in_scan = 2, False
    for _ in range(MAX_PARTS):
        if in_scan:
            found = await window.search(_NEXT_MARKER, position)
        else:
            found = await _marker(window, position)
        if found is None:
            return
        position, marker = found[0], found[1][0]
        if marker == EOI:
            yield marker, position, 0
            return
        if marker in _BARE:
            continue
        length = int.from_bytes(await window.at(position, 2))
        if length < 2 or position + length > window.size:
            return
        yield marker, position + 2, length - 2
        position += length
        in_scan = marker == SOS or (in_scan and marker == _DNL)


async def _marker(window: _Window, position: int) -> tuple[int, bytes] | None:
    """The marker at ``position``, before which any number of 0xFF may stand."""
    while (head := await window.at(position, 2)) == b"\xff\xff":
        position += 1
    return (position + 2, head[1:]) if len(head) == 2 and head[:1] == b"\xff" else None


async def _gif(window: _Window) -> int | None:
    flags = (await window.at(10, 1))[0]
    position = 13 + gif_palette_bytes(flags)
    left = _MAX_BLOCKS
    while left > 0:
        left -= 1
        kind = await window.at(position, 1)
        if kind == b"\x3b":
            return position + 1
        if kind == b"\x21":
            position += 2
        elif kind == b"\x2c":
            flags = (await window.at(position + 9, 1) or b"\0")[0]
            position += 11 + gif_palette_bytes(flags)
        else:
            return None
        while left > 0:
            left -= 1
            length = await window.at(position, 1)
            if not length:
                return None
            position += 1 + length[0]
            if length == b"\0":
                break
    return None


_WALKS: Final[dict[ImageFormat, Callable[[_Window], Awaitable[int | None]]]] = {
    ImageFormat.PNG: _png,
    ImageFormat.JPEG: _jpeg,
    ImageFormat.GIF: _gif,
}
