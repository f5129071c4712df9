"""Reads and writes the pixels of PNG files without Pillow, some rows at a time, for a Worker."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

from cloudflare_image_mcp.errors import UnreadableImage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from cloudflare_image_mcp.catalog import Size
    from cloudflare_image_mcp.imagefile.payload import Payload

GREY: Final = 0
RGB: Final = 2
RGBA: Final = 6
_CHANNELS: Final = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""By colour type: grey, RGB, palette, grey with alpha, RGB with alpha."""
_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_LEVEL: Final = 1
"""zlib's: a Worker pays for processor time, and the picture is stored once."""
_PIECE: Final = 64 * 1024


class PngWriter:
    """Writes a PNG of 8 bits, some rows at a time, without filters. Each method returns the next bytes of the file."""

    def __init__(self, size: Size, colour: int) -> None:
        self._row = size.width * _CHANNELS[colour]
        self._compressor = zlib.compressobj(_LEVEL)
        self._header = size.width.to_bytes(4) + size.height.to_bytes(4) + bytes([8, colour, 0, 0, 0])

    def begin(self) -> bytes:
        return _SIGNATURE + _chunk(b"IHDR", self._header)

    def write(self, rows: bytes) -> bytes:
        """Takes whole rows; may return nothing yet."""
        lines = [b"\0" + rows[start : start + self._row] for start in range(0, len(rows), self._row)]
        packed = self._compressor.compress(b"".join(lines))
        return _chunk(b"IDAT", packed) if packed else b""

    def finish(self) -> bytes:
        return _chunk(b"IDAT", self._compressor.flush()) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4)


class PngReader:
    """The pixels of a PNG of 8 or 16 bits that is not interlaced."""

    def __init__(self, payload: Payload, size: Size) -> None:
        """Raises ``UnreadableImage`` on reading where the file is of another kind or size."""
        self._payload = payload
        self._size = size
        self._palette = self._alphas = b""
        self._depth = self._colour = 0

    async def rgba(self) -> AsyncIterator[bytes]:
        """Some rows at a time, 4 bytes for each pixel."""
        async for rows in self._rows():
            yield self._as_rgba(rows)

    async def grey(self) -> AsyncIterator[bytes]:
        """Some rows at a time, a byte for each pixel, of a grey PNG of 8 bits."""
        async for rows in self._rows():
            if (self._colour, self._depth) != (GREY, 8):
                raise UnreadableImage("the PNG file is not grey")
            yield rows

    async def _rows(self) -> AsyncIterator[bytes]:
        """Unfiltered rows, all bytes of each pixel."""
        pending, previous, left = b"", b"", self._size.height
        async for data in self._inflated():
            pending += data
            stride, step = self._measures()
            count = min(len(pending) // stride, left)
            if count:
                rows, previous = _unfiltered(pending[: count * stride], stride, step, previous)
                pending = pending[count * stride :]
                left -= count
                yield rows
        if left:
            raise UnreadableImage("the PNG file is cut short")

    async def _inflated(self) -> AsyncIterator[bytes]:
        inflater = zlib.decompressobj()
        try:
            async for packed in self._compressed():
                rest = packed
                while rest:
                    yield inflater.decompress(rest, 4 * _PIECE)
                    rest = inflater.unconsumed_tail
            yield inflater.flush()
        except zlib.error as error:
            raise UnreadableImage("the PNG file is damaged: it does not decode") from error

    def _measures(self) -> tuple[int, int]:
        """Bytes of a row with its filter's number, and bytes of a pixel."""
        if not self._depth:
            raise UnreadableImage("the PNG file has no header")
        step = _CHANNELS[self._colour] * self._depth // 8
        return 1 + self._size.width * step, step

    async def _compressed(self) -> AsyncIterator[bytes]:
        position = len(_SIGNATURE)
        while position < self._payload.size:
            head = await self._payload.slice(position, position + 8)
            start, length, kind = position + 8, int.from_bytes(head[:4]), head[4:]
            if kind == b"IDAT":
                for offset in range(start, start + length, _PIECE):
                    yield await self._payload.slice(offset, min(offset + _PIECE, start + length))
            elif kind in {b"IHDR", b"PLTE", b"tRNS"}:
                self._note(kind, await self._payload.slice(start, start + min(length, _PIECE)))
            elif kind == b"IEND":
                return
            position = start + length + 4

    def _note(self, kind: bytes, data: bytes) -> None:
        if kind == b"PLTE":
            self._palette = data.ljust(768, b"\0")
        elif kind == b"tRNS":
            self._alphas = data
        else:
            size = int.from_bytes(data[:4]), int.from_bytes(data[4:8])
            if size != (self._size.width, self._size.height) or data[8] not in {8, 16} or data[12]:
                raise UnreadableImage("the PNG file is of another size, depth or order than was asked for")
            self._depth, self._colour = data[8], data[9]

    def _as_rgba(self, rows: bytes) -> bytes:
        if self._depth == 16:
            rows = rows[0::2]
        if self._colour == RGBA:
            return rows
        step = _CHANNELS[self._colour]
        channels = [rows[channel::step] for channel in range(step)]
        count = len(channels[0])
        if self._colour == 3:
            alphas = self._alphas.ljust(256, b"\xff")
            channels = [channels[0].translate(self._palette[c : c + 766 : 3]) for c in range(3)] + [
                channels[0].translate(alphas)
            ]
        elif step <= 2:
            channels = [channels[0]] * 3 + channels[1:]
        if len(channels) == 3:
            channels.append(b"\xff" * count)
        pixels = bytearray(4 * count)
        for channel, values in enumerate(channels):
            pixels[channel::4] = values
        return bytes(pixels)


def _unfiltered(data: bytes, stride: int, step: int, previous: bytes) -> tuple[bytes, bytes]:
    """The rows of ``data`` without filters, and the last of them. https://www.w3.org/TR/png-3/#9Filters"""
    if not any(data[::stride]):
        rows = [data[start + 1 : start + stride] for start in range(0, len(data), stride)]
        return b"".join(rows), rows[-1]
    rows = []
    for line in _lines(data, stride):
        previous = _row(line[0], bytearray(line[1:]), previous or bytes(stride - 1), step)
        rows.append(previous)
    return b"".join(rows), previous


def _lines(data: bytes, stride: int) -> Iterator[bytes]:
    for start in range(0, len(data), stride):
        yield data[start : start + stride]


def _row(kind: int, row: bytearray, above: bytes, step: int) -> bytes:
    for place, value in enumerate(row) if kind else ():
        left = row[place - step] if place >= step else 0
        up = above[place]
        match kind:
            case 1:
                add = left
            case 2:
                add = up
            case 3:
                add = (left + up) // 2
            case 4:
                corner = above[place - step] if place >= step else 0
                estimate = left + up - corner
                add = min((left, up, corner), key=lambda near: abs(estimate - near))
            case _:
                raise UnreadableImage("the PNG file has an unknown filter")
        row[place] = (value + add) & 255
    return bytes(row)
