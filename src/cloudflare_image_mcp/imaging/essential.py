"""Strips an image file to the parts that a decoder needs.

Comments, thumbnails, EXIF and text are taken out before Pillow sees the file: it reads them all on opening,
and a hostile file makes that take minutes, or hundreds of megabytes. Chunks are counted for the same reason.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from cloudflare_image_mcp.errors import UnreadableImage
from cloudflare_image_mcp.imagefile.ending import MAX_PARTS, SOS
from cloudflare_image_mcp.imagefile.header import ImageFormat, gif_palette_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_SEGMENTS: Final = 1_000
MAX_SCANS: Final = 100
"""Real progressive JPEGs have about 10; each costs a pass over the whole picture, however short it is."""
MAX_BLOCKS: Final = 50_000
"""Blocks of a GIF before its first picture."""

_PNG_KEPT: Final = frozenset({b"PLTE", b"tRNS", b"iCCP", b"IDAT", b"IEND"})
_JPEG_KEPT: Final = frozenset({0xE0, 0xE2, 0xEE, *range(0xC0, 0xD0), *range(0xDA, 0xE0)})
"""JFIF, the colour profile, Adobe's colour transform, tables and frames."""
_JPEG_MARKER: Final = re.compile(rb"\xff+([^\xff\0])", re.DOTALL)
_JPEG_BARE: Final = frozenset((0x01, *range(0xD0, 0xDA)))
_APP2: Final = 0xE2
_GRAPHIC_CONTROL: Final = b"\xf9"


def essential(data: bytes, image_format: ImageFormat) -> bytes:
    """The file without parts that do not affect the pixels. Raises ``UnreadableImage`` where a file has too many."""
    strip = _STRIPPERS.get(image_format)
    return data if strip is None else strip(data)


def _png(data: bytes) -> bytes:
    kept, seen = [data[:33]], set[bytes]()
    position = 33
    for _ in range(MAX_PARTS):
        kind = data[position + 4 : position + 8]
        stop = position + 12 + int.from_bytes(data[position : position + 4])
        if kind in _PNG_KEPT and (kind == b"IDAT" or kind not in seen):
            kept.append(data[position:stop])
            seen.add(kind)
        if kind == b"IEND" or stop >= len(data):
            return b"".join(kept)
        position = stop
    raise UnreadableImage(f"the PNG file has more than {MAX_PARTS} chunks")


def _jpeg(data: bytes) -> bytes:
    scans = data.count(b"\xff\xda")
    if scans > MAX_SCANS:
        raise UnreadableImage(f"the JPEG file has {scans} scans; at most {MAX_SCANS} are taken")
    kept, position = [data[:2]], 2
    for _ in range(MAX_SEGMENTS):
        found = _JPEG_MARKER.match(data, position)
        if found is None:
            break
        marker, start = found[1][0], found.end()
        if marker == SOS:
            return b"".join([*kept, b"\xff", data[start - 1 :]])
        length = 0 if marker in _JPEG_BARE else int.from_bytes(data[start : start + 2])
        position = start + length
        if marker in _JPEG_KEPT and (marker != _APP2 or data.startswith(b"ICC_PROFILE\0", start + 2)):
            kept.append(b"\xff" + data[start - 1 : position])
    raise UnreadableImage("the JPEG file is damaged: its pixels do not follow its header")


def _gif(data: bytes) -> bytes:
    position = 13 + gif_palette_bytes(data[10])
    kept = [data[:position]]
    budget = MAX_BLOCKS
    while data[position : position + 1] == b"\x21":
        start, position = position, position + 2
        while position < len(data) and data[position] and budget:
            position += 1 + data[position]
            budget -= 1
        position += 1
        budget -= 1
        if budget <= 0:
            raise UnreadableImage(f"the GIF file has more than {MAX_BLOCKS} blocks before its picture")
        if data[start + 1 : start + 2] == _GRAPHIC_CONTROL:
            kept[1:] = [data[start:position]]
    return b"".join([*kept, data[position:]])


_STRIPPERS: Final[dict[ImageFormat, Callable[[bytes], bytes]]] = {
    ImageFormat.PNG: _png,
    ImageFormat.JPEG: _jpeg,
    ImageFormat.GIF: _gif,
}
