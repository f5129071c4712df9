"""Masks in a Worker, which has neither Pillow nor numpy: a mask as one large integer, a bit for each pixel.

Python works on the bits of a large integer at the speed of memory, so that a mask of a million pixels is eroded in a
millisecond. The opacities are exactly those of ``composite.feathered``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cloudflare_image_mcp.imaging.mask_rules import THRESHOLDS, nothing_to_repaint

if TYPE_CHECKING:
    from cloudflare_image_mcp.catalog import Size

_TO_DIGIT: Final = bytes([48]) + bytes([49]) * 255
"""Translates a mask's bytes to the digits of a binary number: 0 to "0", others to "1"."""
_TO_BYTE: Final = bytes.maketrans(b"01", b"\x00\xff")
_INVERTED: Final = bytes(range(255, -1, -1))


def marks(rgba: bytes, *, opaque: bool) -> bytes:
    """How much each pixel is marked, 0 to 255: by its transparency, or where the whole mask is ``opaque`` by its
    lightness. ``rgba`` has 4 bytes for each pixel.
    """
    return _lightness(rgba) if opaque else rgba[3::4].translate(_INVERTED)


def is_opaque(rgba: bytes) -> bool:
    """Whether no pixel lets anything through."""
    alpha = rgba[3::4]
    return alpha.count(255) == len(alpha)


def thresholded(marks: bytes) -> bytes:
    """The mask as a byte for each pixel: 255 is repainted, 0 is kept. The rules are those of ``mask.read_mask``.

    Raises ``GatewayError`` where nothing is repainted.
    """
    for threshold in THRESHOLDS:
        mask = marks.translate(bytes(threshold) + b"\xff" * (256 - threshold))
        if 255 in mask:
            return mask
    raise nothing_to_repaint()


def _lightness(rgba: bytes) -> bytes:
    """ITU-R 601-2 luma of each pixel, as Pillow's mode L. Grey pixels keep their value."""
    red, green, blue = rgba[0::4], rgba[1::4], rgba[2::4]
    if red == green == blue:
        return red
    # In lanes of 32 bits, since 255 * 65536 does not fit into 16; the last bytes are the lanes' values.
    count = len(red)
    lanes = []
    for channel in (red, green, blue):
        spread = bytearray(4 * count)
        spread[3::4] = channel
        lanes.append(int.from_bytes(spread))
    half = int.from_bytes(b"\x00\x00\x80\x00" * count)
    luma = lanes[0] * 19595 + lanes[1] * 38470 + lanes[2] * 7471 + half
    return luma.to_bytes(4 * count)[1::4]


class MaskBits:
    """A mask as an integer. The first pixel is the highest bit; after each row stands one bit more, a guard that keeps
    the rows' ends apart.
    """

    def __init__(self, size: Size) -> None:
        self.size = size
        self.stride = size.width + 1  # bits of a row
        self.count = self.stride * size.height
        self._guards = int(("0" * size.width + "1") * size.height, 2)
        self._all = (1 << self.count) - 1
        self._first_row = ((1 << self.stride) - 1) << (self.count - self.stride)
        self._last_row = (1 << self.stride) - 1
        self.inside = self._all & ~self._guards  # all pixels, without the guards

    def extended(self, bits: int, rows: bytes) -> int:
        """The bits of some rows, and after them those of more rows, which have a byte for each pixel."""
        digits, width = rows.translate(_TO_DIGIT), self.size.width
        lines = [digits[start : start + width] for start in range(0, len(digits), width)]
        return (bits << (len(lines) * self.stride)) | int(b"0".join(lines) + b"0", 2)

    def to_bytes(self, bits: int, first: int, last: int) -> bytes:
        """A byte for each pixel of the rows from ``first`` to ``last`` (exclusive): 255 where the bit is set."""
        rows = last - first
        part = (bits >> (self.count - last * self.stride)) & ((1 << (rows * self.stride)) - 1)
        digits = format(part, f"0{rows * self.stride}b").encode().translate(_TO_BYTE)
        width, stride = self.size.width, self.stride
        return b"".join([digits[row * stride : row * stride + width] for row in range(rows)])

    def eroded(self, bits: int, *, diagonal: bool) -> int:
        """Without the pixels that touch one outside; the picture's edge is no border."""
        guarded = bits | self._guards
        rows = bits & ((guarded << self.stride) | self._last_row) & ((guarded >> self.stride) | self._first_row)
        across = (rows if diagonal else bits) | self._guards
        return rows & ((across << 1) | 1) & ((across >> 1) | (1 << (self.count - 1))) & self.inside

    def levels(self, mask: int, width: int) -> dict[int, int]:
        """The bits of the pixels of each opacity, 1 to 255. It rises from the mask's border inwards, over ``width``
        pixels; parts of the mask too thin to rise are opaque throughout.
        """
        core = inside = mask
        shells: list[int] = []
        for step in range(1, width):
            smaller = self.eroded(core, diagonal=step % 2 == 0)
            shells.append(core & ~smaller)
            core = smaller
        shells.append(core)
        thick = core
        for step in range(2 * width):
            thick = self.inside & ~self.eroded(self.inside & ~thick, diagonal=step % 2 == 0)
        levels = {depth * 255 // width: shell & thick for depth, shell in enumerate(shells, 1)}
        levels[255] |= inside & ~thick
        return {opacity: bits for opacity, bits in levels.items() if opacity and bits}
