"""Blends pictures in a Worker, which has neither Pillow nor numpy: many bytes at once, as lanes of a large integer.

The results are exactly those of ``PIL.Image.composite``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def blended(over: bytes, under: bytes, levels: Iterable[tuple[int, bytes]]) -> bytes:
    """``over`` where an opacity is 255, ``under`` where there is none. Both have 4 bytes for each pixel.

    ``levels``: each opacity, 1 to 255, and a byte for each pixel, 255 where it holds. No pixel has two.
    """
    length = len(over)
    top, bottom = int.from_bytes(over), int.from_bytes(under)
    low = int.from_bytes(b"\x00\xff" * (length // 2))
    halves = [(top & low, bottom & low, 0), ((top >> 8) & low, (bottom >> 8) & low, 8)]
    rounding = int.from_bytes(b"\x00\x80" * (length // 2))
    result, covered = 0, 0
    for opacity, pixels in levels:
        where = _four_times(pixels)
        covered |= where
        if opacity == 255:
            result |= top & where
            continue
        mixed = 0
        for one, other, shift in halves:
            # x / 255, rounded, is (t + (t >> 8)) >> 8 with t = x + 128: each lane of 16 bits holds it.
            lanes = one * opacity + other * (255 - opacity) + rounding
            mixed |= (((lanes + ((lanes >> 8) & low)) >> 8) & low) << shift
        result |= mixed & where
    return (result | (bottom & ~covered)).to_bytes(length)


def _four_times(pixels: bytes) -> int:
    """Each byte four times: a mask for the four bytes of each pixel."""
    spread = bytearray(4 * len(pixels))
    for channel in range(4):
        spread[channel::4] = pixels
    return int.from_bytes(spread)
