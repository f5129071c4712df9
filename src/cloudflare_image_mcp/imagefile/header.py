"""Image headers in pure Python: what a file is, and how large, before a pixel of it is decoded.

Hostile bytes are expected. The first bytes decide what a file is, whatever else it may also look like; every
walk is bounded; and the only error is ``UnreadableImage``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Literal

from cloudflare_image_mcp.catalog import Size
from cloudflare_image_mcp.errors import UnreadableImage, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class ImageFormat(StrEnum):
    """The formats that the gateway reads; all but GIF it also writes."""

    PNG = "png"
    JPEG = "jpeg"
    WEBP = "webp"
    GIF = "gif"

    @property
    def media_type(self) -> str:
        return f"image/{self.value}"

    @property
    def extension(self) -> str:
        """Without the dot: ``jpg`` for JPEG."""
        return "jpg" if self is ImageFormat.JPEG else self.value

    @property
    def label(self) -> str:
        """As people write it: ``PNG``, ``JPEG``, ``WebP``, ``GIF``."""
        return "WebP" if self is ImageFormat.WEBP else self.value.upper()


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """What a header says. ``size`` is as stored; ``upright_size`` as shown."""

    format: ImageFormat
    size: Size
    orientation: int = 1
    """EXIF: 1 to 8; 5 to 8 swap width and height."""
    has_alpha: bool = False
    frames: int = 1
    """As far as the header tells: 2 stands for "more than one"."""
    declared_bytes: int | None = None
    """Length of the file, where the header states it (WebP)."""

    @property
    def upright_size(self) -> Size:
        return Size(self.size.height, self.size.width) if self.orientation >= 5 else self.size


class HeaderCutShort(UnreadableImage):
    """The bytes given end before the header does: more of the file may tell."""


class ImageCutShort(UnreadableImage):
    """The header is whole, and the file ends before the image does."""

    def __init__(self, header: ImageHeader) -> None:
        super().__init__(f"the {header.format.label} file is cut short")
        self.header = header


_MAX_PARTS: Final = 1_000
"""Segments, chunks or blocks walked: real headers have some dozens, hostile ones as many as fit."""
_MAX_IFD_ENTRIES: Final = 512
_MAX_PADDING: Final = 16

_SIGNATURES: Final = (
    (ImageFormat.PNG, re.compile(rb"\x89PNG\r\n\x1a\n")),
    (ImageFormat.JPEG, re.compile(rb"\xff\xd8\xff")),
    (ImageFormat.GIF, re.compile(rb"GIF8[79]a")),
    (ImageFormat.WEBP, re.compile(rb"RIFF....WEBP", re.DOTALL)),
)
_OTHERS: Final = (
    ("an AVIF", re.compile(rb"....ftypavi[fs]", re.DOTALL)),
    ("a HEIC", re.compile(rb"....ftyp(?:he[a-z]{2}|mif1|msf1)", re.DOTALL)),
    ("a JPEG XL", re.compile(rb"\xff\x0a|\0\0\0\x0cJXL ")),
    ("a JPEG 2000", re.compile(rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51")),
    ("a TIFF", re.compile(rb"II\*\0|MM\0\*")),
    ("a BMP", re.compile(rb"BM.{4}\0\0\0\0", re.DOTALL)),
    ("a PDF", re.compile(rb"%PDF-")),
    ("a ZIP", re.compile(rb"PK\x03\x04")),
    ("an SVG, HTML or XML", re.compile(rb"(?:\xef\xbb\xbf)?\s{0,99}<[!?a-zA-Z]")),
    ("a JSON", re.compile(rb"\s{0,99}[{\[]\s{0,99}[\"{\[]")),
)
"""Other kinds of file that are sent by mistake, which the error names."""


def read_header(head: bytes) -> ImageHeader:
    """Reads the first bytes of a file. Raises ``UnreadableImage``; ``HeaderCutShort`` where a longer ``head``
    of the same file may be read.
    """
    header = _PARSERS[_format(head)](head)
    if not all(header.size):
        raise UnreadableImage(f"the {header.format.label} file has no pixels: it says {header.size}")
    return header


def is_complete(header: ImageHeader, tail: bytes, size: int) -> bool:
    """Whether a file of ``size`` bytes that ends in ``tail`` (its last 64 bytes) ends as its format says, with at most
    a few bytes of zero or blank padding.

    This is the quick check. Where it says no, ``ending.find_end`` walks through the file.
    """
    if header.declared_bytes is not None:
        return header.declared_bytes <= size <= header.declared_bytes + _MAX_PADDING
    return _ENDINGS[header.format].search(tail) is not None


_ENDINGS: Final = {
    ImageFormat.PNG: re.compile(rb"\0\0\0\0IEND\xae\x42\x60\x82[\0\s]{0,%d}\Z" % _MAX_PADDING),
    # Samsung's cameras write a trailer of their own after the end of the image, which ends in SEFT.
    ImageFormat.JPEG: re.compile(rb"(?:\xff\xd9[\0\s]{0,%d}|SEFT)\Z" % _MAX_PADDING),
    ImageFormat.GIF: re.compile(rb"\x3b[\0\s]{0,%d}\Z" % _MAX_PADDING),
}


def _format(head: bytes) -> ImageFormat:
    for image_format, signature in _SIGNATURES:
        if signature.match(head):
            return image_format
    if not head:
        raise UnreadableImage("the file is empty")
    for name, signature in _OTHERS:
        if signature.match(head):
            raise UnreadableImage(f"the file is {name} file")
    start = shown(head[:12].decode("ascii", "backslashreplace"))
    raise UnreadableImage(f"the file is no known image, and starts with {start}")


def _bytes(head: bytes, start: int, length: int) -> bytes:
    piece = head[start : start + length]
    if len(piece) < length:
        raise HeaderCutShort("the file ends within its header")
    return piece


def _number(head: bytes, start: int, length: int, order: Literal["big", "little"]) -> int:
    return int.from_bytes(_bytes(head, start, length), order)


# PNG: https://www.w3.org/TR/png-3/

_PNG_DEPTHS: Final = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
"""Bit depths by colour type: grey, RGB, palette, grey with alpha, RGB with alpha."""


def _png(head: bytes) -> ImageHeader:
    if _bytes(head, 8, 8) != b"\0\0\0\x0dIHDR":
        raise UnreadableImage("the PNG file does not start with an IHDR chunk")
    size = Size(_number(head, 16, 4, "big"), _number(head, 20, 4, "big"))
    depth, colour = _bytes(head, 24, 2)
    if depth not in _PNG_DEPTHS.get(colour, ()):
        raise UnreadableImage(f"the PNG file has colour type {colour} at {depth} bits, which does not exist")
    orientation, has_alpha, frames = 1, colour in {4, 6}, 1
    for kind, start, length in _png_chunks(head):
        if kind == b"tRNS":
            has_alpha = True
        elif kind == b"acTL" and length >= 4:
            frames = min(2, max(1, int.from_bytes(head[start : start + 4], "big")))
        elif kind == b"eXIf":
            orientation = _exif_orientation(head[start : start + length])
    return ImageHeader(ImageFormat.PNG, size, orientation, has_alpha, frames)


def _png_chunks(head: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Type, start of the data and its length, of each chunk before the pixels, as far as ``head`` goes."""
    position = 33
    for _ in range(_MAX_PARTS):
        length, kind = head[position : position + 4], head[position + 4 : position + 8]
        if len(kind) < 4 or kind in {b"IDAT", b"IEND"}:
            return
        yield kind, position + 8, int.from_bytes(length, "big")
        position += 12 + int.from_bytes(length, "big")


# JPEG: ITU-T T.81, annex B; APP1 of Exif 2.32; MPF of CIPA DC-007

_JPEG_MARKER: Final = re.compile(rb"\xff+([^\xff])", re.DOTALL)
_JPEG_BARE: Final = frozenset((0x01, *range(0xD0, 0xD8)))
_JPEG_FRAME: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SOS, _EOI, _APP1, _APP2 = 0xDA, 0xD9, 0xE1, 0xE2


def _jpeg(head: bytes) -> ImageHeader:
    orientation, frames = 1, 1
    for marker, start, length in _jpeg_segments(head):
        if marker in _JPEG_FRAME:
            size = Size(_number(head, start + 3, 2, "big"), _number(head, start + 1, 2, "big"))
            return ImageHeader(ImageFormat.JPEG, size, orientation, False, frames)
        body = head[start : start + length]
        if marker == _APP1 and body.startswith(b"Exif\0\0"):
            orientation = _exif_orientation(body[6:])
        elif marker == _APP2 and body.startswith(b"MPF\0"):
            frames = 2
    raise UnreadableImage(f"the JPEG file has more than {_MAX_PARTS} segments before its size")


def _jpeg_segments(head: bytes) -> Iterator[tuple[int, int, int]]:
    """Marker, start of the data and its length, of each segment up to the pixels."""
    position = 2
    for _ in range(_MAX_PARTS):
        found = _JPEG_MARKER.match(head, position)
        if found is None:
            if _bytes(head, position, 1) == b"\xff":
                raise HeaderCutShort("the file ends within its header")
            raise UnreadableImage("the JPEG file is damaged: a segment's length is wrong")
        marker, position = found[1][0], found.end()
        if marker in _JPEG_BARE:
            continue
        if marker in {_SOS, _EOI, 0xD8, 0x00}:
            raise UnreadableImage("the JPEG file is damaged: its pixels come before its size")
        length = _number(head, position, 2, "big")
        if length < 2:
            raise UnreadableImage("the JPEG file is damaged: a segment's length is wrong")
        yield marker, position + 2, length - 2
        position += length


# WebP: RFC 9649


def _webp(head: bytes) -> ImageHeader:
    declared = 8 + _number(head, 4, 4, "little")
    size, has_alpha = _WEBP_SIZES.get(_bytes(head, 12, 4), _webp_unknown)(head, 20)
    orientation, frames = 1, 1
    if head[12:16] == b"VP8X":
        frames = 2 if head[20] & 0x02 else 1
        for kind, start, length in _webp_chunks(head):
            if kind == b"EXIF":
                orientation = _exif_orientation(head[start : start + length].removeprefix(b"Exif\0\0"))
    return ImageHeader(ImageFormat.WEBP, size, orientation, has_alpha, frames, declared)


def _webp_chunks(head: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Type, start of the data and its length, of each chunk that starts within ``head``."""
    position = 12
    for _ in range(_MAX_PARTS):
        kind, length = head[position : position + 4], head[position + 4 : position + 8]
        if len(length) < 4:
            return
        size = int.from_bytes(length, "little")
        yield kind, position + 8, size
        position += 8 + size + size % 2


def _webp_canvas(head: bytes, start: int) -> tuple[Size, bool]:
    size = Size(1 + _number(head, start + 4, 3, "little"), 1 + _number(head, start + 7, 3, "little"))
    return size, bool(head[start] & 0x10)


def _webp_lossy(head: bytes, start: int) -> tuple[Size, bool]:
    if _bytes(head, start + 3, 3) != b"\x9d\x01\x2a":
        raise UnreadableImage("the WebP file is damaged: its frame has no start code")
    width, height = _number(head, start + 6, 2, "little"), _number(head, start + 8, 2, "little")
    return Size(width & 0x3FFF, height & 0x3FFF), False


def _webp_lossless(head: bytes, start: int) -> tuple[Size, bool]:
    if _bytes(head, start, 1) != b"\x2f":
        raise UnreadableImage("the WebP file is damaged: its frame has no signature")
    bits = _number(head, start + 1, 4, "little")
    return Size(1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)), bool(bits >> 28 & 1)


def _webp_unknown(head: bytes, _start: int) -> tuple[Size, bool]:
    kind = shown(head[12:16].decode("ascii", "backslashreplace"))
    raise UnreadableImage(f"the WebP file starts with the unknown chunk {kind}")


_WEBP_SIZES: Final = {b"VP8X": _webp_canvas, b"VP8 ": _webp_lossy, b"VP8L": _webp_lossless}


# GIF: https://www.w3.org/Graphics/GIF/spec-gif89a.txt


def _gif(head: bytes) -> ImageHeader:
    size = Size(_number(head, 6, 2, "little"), _number(head, 8, 2, "little"))
    has_alpha, frames = False, 0
    for kind, start in _gif_blocks(head):
        if kind == 0x2C:
            frames += 1
            if frames == 2:
                break
        elif frames == 0 and head[start : start + 2] == b"\xf9\x04":
            has_alpha = bool(int.from_bytes(head[start + 2 : start + 3]) & 1)
    return ImageHeader(ImageFormat.GIF, size, 1, has_alpha, max(1, frames))


def _gif_blocks(head: bytes) -> Iterator[tuple[int, int]]:
    """Introducer and start of the rest of each block, as far as ``head`` goes."""
    position = 13 + gif_palette_bytes(_bytes(head, 10, 1)[0])
    for _ in range(_MAX_PARTS):
        kind = head[position : position + 1]
        if kind not in {b"\x21", b"\x2c"}:
            return
        yield kind[0], position + 1
        if kind == b"\x2c":
            flags = head[position + 9 : position + 10]
            position += 11 + (gif_palette_bytes(flags[0]) if flags else 0)
        else:
            position += 2
        position = _gif_end_of_data(head, position)


def gif_palette_bytes(flags: int) -> int:
    """Bytes of the palette that the flags announce."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _gif_end_of_data(head: bytes, position: int) -> int:
    """Where the sub-blocks that start at ``position`` end; beyond ``head`` when they do not end within it, or
    when there are more than bear counting.
    """
    for _ in range(4 * _MAX_PARTS):
        if position >= len(head):
            return position
        length = head[position]
        position += 1 + length
        if length == 0:
            return position
    return len(head)


def _exif_orientation(tiff: bytes) -> int:
    """1 to 8; 1 where the EXIF block has none or makes no sense, as browsers take it."""
    orders: dict[bytes, Literal["big", "little"]] = {b"II*\0": "little", b"MM\0*": "big"}
    order = orders.get(tiff[:4])
    if order is None:
        return 1
    try:
        directory = _number(tiff, 4, 4, order)
        for entry in range(min(_number(tiff, directory, 2, order), _MAX_IFD_ENTRIES)):
            start = directory + 2 + 12 * entry
            if _number(tiff, start, 2, order) == 0x0112:
                value = _number(tiff, start + 8, 2, order)
                return value if 1 <= value <= 8 else 1
    except HeaderCutShort:
        pass
    return 1


_PARSERS: Final[dict[ImageFormat, Callable[[bytes], ImageHeader]]] = {
    ImageFormat.PNG: _png,
    ImageFormat.JPEG: _jpeg,
    ImageFormat.WEBP: _webp,
    ImageFormat.GIF: _gif,
}
