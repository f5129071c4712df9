"""Completes a JPEG whose end marker is missing, where all of its pixels are there.

Whether they are, only decoding tells, and a decoder does not say: libjpeg fills what is missing with grey. So the file
is decoded several times, each time with other bytes after it. Where pixels are missing, these bytes become pixels, and
the pictures differ; where none is, the bytes are left over, and the pictures are the same.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from cloudflare_image_mcp.errors import UnreadableImage
from cloudflare_image_mcp.imagefile.ending import SOS, jpeg_segments
from cloudflare_image_mcp.imagefile.header import ImageCutShort
from cloudflare_image_mcp.imagefile.payload import BytesPayload
from cloudflare_image_mcp.imaging.decode import open_image

if TYPE_CHECKING:
    from cloudflare_image_mcp.imagefile.header import ImageHeader

END: Final = b"\xff\xd9"
_FILLERS: Final = (
    bytes(512),
    b"\x55" * 512,
    b"\xfe" * 512,
    hashlib.shake_128(b"").digest(512).replace(b"\xff", b"\x7f"),
)
_DRI: Final = b"\xff\xdd"
"""The marker that defines the restart interval."""
_RST: Final = tuple(range(0xD0, 0xD8))
"""The restart markers, in the order in which they follow each other."""
_ROWS: Final = 64
_ALL: Final = frozenset(range(64))


async def with_all_scans(data: bytes) -> list[bytes]:
    """The file without what may be padding, and with it, where the scans hold all that they should."""
    unpadded = data.rstrip(b"\0")
    # An 0xFF at the end is half of the marker: among pixels a zero follows it.
    candidates = [unpadded.rstrip(b"\xff")]
    if len(data) - len(unpadded) == 1:  # more zeros are what an interrupted download left
        candidates.append(data)
    return [candidate for candidate in candidates if await _has_all_scans(candidate)]


def completed(candidates: list[bytes], header: ImageHeader) -> bytes:
    """The first of the files that has all its pixels, with an end marker. Raises ``ImageCutShort``."""
    for candidate in candidates:
        if _has_all_pixels(candidate, header):
            return candidate + END
    raise ImageCutShort(header)


async def _has_all_scans(data: bytes) -> bool:
    """Whether the scans together hold every coefficient of every component, at full precision.

    A frame's data: precision, height, width, number of components, 3 bytes for each, its identifier first. A scan's
    data: number of components, 2 bytes for each, first and last coefficient, the bits that are left for later scans.
    """
    missing: dict[int, set[int]] = {}
    async for marker, start, length in jpeg_segments(BytesPayload(data)):
        body = data[start : start + length]
        if 0xC0 <= marker <= 0xC2 and length >= 6:
            missing = {component: set(_ALL) for component in body[6 : 6 + 3 * body[5] : 3]}
        elif marker == SOS and length >= 4 and len(body) >= 4 + 2 * body[0]:
            components, (first, last, bits) = body[1 : 1 + 2 * body[0] : 2], body[1 + 2 * body[0] :][:3]
            for component in components if bits & 15 == 0 else b"":
                missing.get(component, set()).difference_update(range(first, last + 1))
    return bool(missing) and not any(missing.values())


def _has_all_pixels(data: bytes, header: ImageHeader) -> bool:
    fillers = _FILLERS + (_with_restarts(data) if _DRI in data else ())
    try:
        seen = {_digest(data + filler + END, header) for filler in fillers}
    except UnreadableImage:
        return False
    return len(seen) == 1


def _with_restarts(data: bytes) -> tuple[bytes, ...]:
    """Fillers with restart markers from the one that is due: a decoder of a file with restarts skips all other bytes
    up to it, and leaves out what stands before a later one.
    """
    places = [data.rfind(b"\xff%c" % marker) for marker in _RST]
    due = places.index(max(places)) + 1 if max(places) >= 0 else 0
    markers = [b"\xff%c" % _RST[(due + number) % 8] for number in range(64)]
    return tuple(b"".join(marker + filling for marker in markers) for filling in (b"\x55" * 8, b"\xa6" * 8))


def _digest(data: bytes, header: ImageHeader) -> bytes:
    """Of the decoded pixels, a band at a time, so that they are not held twice."""
    digest = hashlib.blake2b()
    with open_image(data, header) as file:
        for top in range(0, file.height, _ROWS):
            digest.update(file.crop((0, top, file.width, min(top + _ROWS, file.height))).tobytes())
    return digest.digest()
