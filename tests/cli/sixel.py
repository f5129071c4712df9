"""Sixel read back into pixels, after DEC's manual: what a terminal does with it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_COMMAND = re.compile(r"#(\d+);2;(\d+);(\d+);(\d+)|#(\d+)|!(\d+)([?-~])|([?-~])|([$-])")


def decode(text: str) -> NDArray[np.uint8]:
    """H x W x 3. Fails on anything that is no sixel, on a pixel never drawn and on one outside the stated size."""
    start = re.fullmatch(r'\x1bP[0-9;]*q"1;1;(\d+);(\d+)(.*)\x1b\\\n?', text, re.DOTALL)
    assert start is not None
    width, height = int(start[1]), int(start[2])
    tall = -(-height // 6) * 6
    pixels = np.full((tall, width, 3), -1, np.int16)
    palette: dict[int, tuple[int, int, int]] = {}
    x = top = colour = end = 0
    for match in _COMMAND.finditer(start[3]):
        assert match.start() == end, f"unknown: {start[3][end : end + 20]!r}"
        end = match.end()
        if match[1]:
            palette[int(match[1])] = (int(match[2]), int(match[3]), int(match[4]))
        elif match[5]:
            colour = int(match[5])
        elif match[9]:
            x, top = 0, top + 6 * (match[9] == "-")
        else:
            times, bits = int(match[6] or 1), ord(match[7] or match[8]) - 63
            assert x + times <= width
            for row in range(6):
                if bits >> row & 1:
                    pixels[top + row, x : x + times] = [round(level * 2.55) for level in palette[colour]]
            x += times
    assert end == len(start[3])
    assert (pixels[:height] >= 0).all()
    assert (pixels[height:] == -1).all()
    return pixels[:height].astype(np.uint8)
