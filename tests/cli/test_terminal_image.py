"""What is sent to a terminal is the picture: read back, it has its size and its colours."""

from __future__ import annotations

import base64
import io
import re
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from cloudflare_image_mcp.cli.terminal import PREVIEWS, Protocol, Terminal
from cloudflare_image_mcp.cli.terminal_image import terminal_image
from tests.cli import sixel

if TYPE_CHECKING:
    from numpy.typing import NDArray


def gradient(width: int, height: int) -> NDArray[np.uint8]:
    """H x W x 3: red grows to the right, green downwards, blue is a disc."""
    y, x = np.mgrid[:height, :width]
    disc = np.hypot(x - width / 2, y - height / 2) < min(width, height) / 3
    return np.stack([x * 255 // width, y * 255 // height, disc * 200], axis=-1).astype(np.uint8)


def file_of(pixels: NDArray[np.uint8], kind: str = "PNG") -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, kind)
    return out.getvalue()


def read_kitty(text: str) -> NDArray[np.uint8]:
    chunks = re.findall(r"\x1b_G([^;]*);([A-Za-z0-9+/=]*)\x1b\\", text)
    assert "".join(f"\x1b_G{keys};{data}\x1b\\" for keys, data in chunks) + "\n" == text
    assert chunks[0][0].startswith("a=T,f=100,q=2,m=")
    assert [keys[-3:] for keys, _ in chunks] == ["m=1"] * (len(chunks) - 1) + ["m=0"]
    assert all(len(data) == 4096 for _, data in chunks[:-1])
    return read_file(base64.b64decode("".join(data for _, data in chunks), validate=True))


def read_iterm2(text: str) -> NDArray[np.uint8]:
    match = re.fullmatch(r"\x1b\]1337;File=inline=1;size=(\d+);width=(\d+)px;height=(\d+)px;.*?:(.*)\a\n", text)
    assert match is not None
    data = base64.b64decode(match[4], validate=True)
    pixels = read_file(data)
    assert len(data) == int(match[1])
    assert pixels.shape[:2] == (int(match[3]), int(match[2]))
    return pixels


def read_blocks(text: str) -> NDArray[np.uint8]:
    """H x W x 3 with two rows a line."""
    lines, colours = [], [(0, 0, 0), (0, 0, 0)]
    for line in text.removesuffix("\n").split("\n"):
        assert line.endswith("\x1b[0m")
        upper, lower = [], []
        for above, below in re.findall(rf"(?:\x1b\[38;({_COLOUR});48;({_COLOUR})m)?▀", line):
            if above:
                colours = [read_colour(above), read_colour(below)]
            upper.append(colours[0])
            lower.append(colours[1])
        lines += [upper, lower]
    return np.array(lines, np.uint8)


_COLOUR = r"2;\d+;\d+;\d+|5;\d+"


def read_colour(text: str) -> tuple[int, int, int]:
    numbers = [int(number) for number in text.split(";")]
    if numbers[0] == 2:
        return numbers[1], numbers[2], numbers[3]
    levels = [0, 95, 135, 175, 215, 255]
    index = numbers[1] - 16
    return levels[index // 36], levels[index // 6 % 6], levels[index % 6]


def read_file(data: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


READ = {"kitty": read_kitty, "iterm2": read_iterm2, "sixel": sixel.decode, "blocks": read_blocks}
FURTHEST = {"kitty": 0.0, "iterm2": 0.0, "sixel": 20.0, "blocks": 0.0}
"""How far a picture of its own size may be from what is read back, in levels on average."""


def terminal(protocol: Protocol, **more: object) -> Terminal:
    return Terminal(**{"protocol": protocol, "columns": 80, "rows": 50, "true_colour": True} | more)  # type: ignore[arg-type]  # a test's shorthand


@pytest.mark.parametrize("protocol", PREVIEWS)
@pytest.mark.parametrize("size", [(60, 40), (37, 41), (1, 1), (64, 6), (5, 7)])
def test_a_small_picture_comes_back_as_it_was(protocol: Protocol, size: tuple[int, int]) -> None:
    pixels = gradient(*size)
    back = READ[protocol](terminal_image([file_of(pixels)], terminal(protocol)))
    if protocol == "blocks" and size[1] % 2:
        pixels = np.concatenate([pixels, pixels[-1:]])
    assert back.shape == pixels.shape
    assert np.abs(back.astype(int) - pixels).mean() <= FURTHEST[protocol]


@pytest.mark.parametrize("protocol", PREVIEWS)
@pytest.mark.parametrize("size", [(1024, 1024), (2048, 512), (256, 1600)])
def test_a_large_picture_fits_the_window_in_its_own_shape(protocol: Protocol, size: tuple[int, int]) -> None:
    pixels = gradient(*size)
    back = READ[protocol](terminal_image([file_of(pixels)], terminal(protocol, cell=(8, 16))))
    height, width = back.shape[:2]
    cell = (1, 2) if protocol == "blocks" else (8, 16)
    assert width <= 72 * cell[0]
    assert height <= 35 * cell[1]
    assert width == pytest.approx(height * size[0] / size[1], abs=3)
    expected = np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.LANCZOS), int)
    assert np.abs(back - expected).mean() < 20


def test_sixel_draws_a_photograph_like_picture_closely() -> None:
    pixels = gradient(300, 200)
    back = sixel.decode(terminal_image([file_of(pixels)], terminal("sixel")))
    # The palette dithers: areas are right, not pixels.
    assert np.abs(averaged(back) - averaged(pixels)).mean() < 6


def averaged(pixels: NDArray[np.uint8]) -> NDArray[np.int64]:
    return np.asarray(Image.fromarray(pixels).resize((30, 20), Image.Resampling.BOX), np.int64)


def test_blocks_in_256_colours_are_the_nearest_ones() -> None:
    pixels = gradient(40, 40)
    text = terminal_image([file_of(pixels)], terminal("blocks", true_colour=False))
    assert "38;2;" not in text
    assert np.abs(read_blocks(text).astype(int) - pixels).max() <= 48


def test_several_pictures_stand_side_by_side() -> None:
    files = [file_of(np.full((20, 30, 3), level, np.uint8)) for level in (50, 150, 250)]
    back = read_kitty(terminal_image(files, terminal("kitty")))
    assert back.shape == (20, 30 * 3 + 8 * 2, 3)
    assert [back[10, x, 0] for x in (15, 53, 91)] == [50, 150, 250]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_every_output_format_can_be_shown(kind: str) -> None:
    back = read_kitty(terminal_image([file_of(gradient(60, 40), kind)], terminal("kitty")))
    assert np.abs(back.astype(int) - gradient(60, 40)).mean() < 8


def test_what_is_transparent_shows_white() -> None:
    out = io.BytesIO()
    Image.new("RGBA", (4, 4), (255, 0, 0, 0)).save(out, "PNG")
    assert (read_kitty(terminal_image([out.getvalue()], terminal("kitty"))) == 255).all()
