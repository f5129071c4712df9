"""Encodes pictures for a terminal: Kitty's graphics, iTerm2's inline images, Sixel, or half-blocks in colour.

Our own code, because no library speaks all four (looked at in 2026-11): term-image lacks Sixel, requires Pillow
below 11 and had its last release in 2024; textual-image lacks iTerm2 and is under the LGPL; chafa.py has all of them
through a native library under the LGPL, without a release since 2024.

Sources: the Kitty graphics protocol (transmit and display, PNG, chunks of 4096), iTerm2's inline images protocol
(OSC 1337), DEC's Sixel (VT330/340 programmer reference, chapter 14), and ``▀`` with two colours for two pixels.
"""

from __future__ import annotations

import base64
import io
import re
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from cloudflare_image_mcp.cli.terminal import Protocol, Terminal

_WIDEST: Final = 72
"""Columns that a picture takes at most."""
_TALLEST: Final = 0.7
"""Part of the window's rows that a picture takes; the text above it stays visible."""
_GAP: Final = 8
"""Pixels between several pictures in a row."""
_SIXEL_COLOURS: Final = 255
_KITTY_CHUNK: Final = 4096


def terminal_image(files: Sequence[bytes], terminal: Terminal) -> str:
    """Escape sequences that show the image files side by side, scaled down to fit, never up. Ends with a new line."""
    picture = _side_by_side([_opened(file) for file in files])
    columns = min(terminal.columns, _WIDEST)
    rows = max(1, int(terminal.rows * _TALLEST))
    blocks = terminal.protocol == "blocks"
    width, height = (1, 2) if blocks else terminal.cell
    picture.thumbnail((columns * width, rows * height), Image.Resampling.LANCZOS)
    if blocks:
        return _blocks(picture, terminal)
    return _DRAWN[terminal.protocol](picture) + "\n"


def _opened(file: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(file))
    if image.format == "JPEG":
        image.draft("RGB", (1600, 1600))  # decodes at a half or a quarter where that is enough
    if not image.has_transparency_data:
        return image.convert("RGB")
    shown = Image.new("RGBA", image.size, "white")
    shown.alpha_composite(image.convert("RGBA"))
    return shown.convert("RGB")


def _side_by_side(images: Sequence[Image.Image]) -> Image.Image:
    if len(images) == 1:
        return images[0]
    width = sum(image.width for image in images) + _GAP * (len(images) - 1)
    row = Image.new("RGB", (width, max(image.height for image in images)))
    left = 0
    for image in images:
        row.paste(image, (left, 0))
        left += image.width + _GAP
    return row


def _png(picture: Image.Image) -> bytes:
    data = io.BytesIO()
    picture.save(data, "PNG", compress_level=3)
    return data.getvalue()


def _kitty(picture: Image.Image) -> str:
    text = base64.standard_b64encode(_png(picture)).decode()
    chunks = [text[start : start + _KITTY_CHUNK] for start in range(0, len(text), _KITTY_CHUNK)]
    last = len(chunks) - 1
    keys = ("a=T,f=100,q=2,", *[""] * last)
    return "".join(
        f"\x1b_G{key}m={int(index < last)};{chunk}\x1b\\"
        for index, (key, chunk) in enumerate(zip(keys, chunks, strict=True))
    )


def _iterm2(picture: Image.Image) -> str:
    data = _png(picture)
    keys = f"inline=1;size={len(data)};width={picture.width}px;height={picture.height}px;preserveAspectRatio=1"
    return f"\x1b]1337;File={keys}:{base64.standard_b64encode(data).decode()}\a"


def _sixel(picture: Image.Image) -> str:
    """Bands of six rows; in each, one run of sixels a colour, drawn over one another."""
    reduced = picture.quantize(_SIXEL_COLOURS, Image.Quantize.FASTOCTREE, dither=Image.Dither.FLOYDSTEINBERG)
    palette = np.asarray(reduced.getpalette(), np.uint32).reshape(-1, 3) * 100 // 255
    colours = "".join(f"#{number};2;{r};{g};{b}" for number, (r, g, b) in enumerate(palette.tolist()))
    pixels = np.asarray(reduced)
    bands = "-".join(_band(pixels[top : top + 6]) for top in range(0, len(pixels), 6))
    return f'\x1bPq"1;1;{picture.width};{picture.height}{colours}{bands}\x1b\\'


def _band(pixels: NDArray[np.uint8]) -> str:
    """``pixels``: up to 6 x W palette indices."""
    weights = np.left_shift(1, np.arange(len(pixels), dtype=np.uint8))[:, None]
    rows = []
    for colour in np.unique(pixels).tolist():
        sixels = ((pixels == colour) * weights).sum(0, dtype=np.uint8) + 63
        text = sixels.tobytes().rstrip(b"?").decode("ascii")
        rows.append(f"#{colour}" + _RUN.sub(lambda run: f"!{len(run[0])}{run[1]}", text))
    return "$".join(rows)


_RUN: Final = re.compile(r"(.)\1{3,}")


def _blocks(picture: Image.Image, terminal: Terminal) -> str:
    """Each character is two pixels: the upper one in the foreground's colour, the lower one in the background's."""
    pixels = np.asarray(picture)
    if len(pixels) % 2:
        pixels = np.concatenate([pixels, pixels[-1:]])
    colour = _true_colour if terminal.true_colour else _cube_colour
    return "".join(_block_lines(pixels, colour))


def _block_lines(pixels: NDArray[np.uint8], colour: Callable[[list[int]], str]) -> Iterator[str]:
    for upper, lower in zip(pixels[::2].tolist(), pixels[1::2].tolist(), strict=True):
        before = ""
        for top, bottom in zip(upper, lower, strict=True):
            style = f"\x1b[38;{colour(top)};48;{colour(bottom)}m"
            yield "▀" if style == before else f"{style}▀"
            before = style
        yield "\x1b[0m\n"


def _true_colour(pixel: list[int]) -> str:
    return f"2;{pixel[0]};{pixel[1]};{pixel[2]}"


def _cube_colour(pixel: list[int]) -> str:
    """The nearest of xterm's 6 x 6 x 6 colours, whose levels are 0, 95, 135, …, 255."""
    red, green, blue = (0 if level < 48 else 1 if level < 115 else (level - 35) // 40 for level in pixel)
    return f"5;{16 + 36 * red + 6 * green + blue}"


_DRAWN: Final[Mapping[Protocol, Callable[[Image.Image], str]]] = {
    "kitty": _kitty,
    "iterm2": _iterm2,
    "sixel": _sixel,
}
