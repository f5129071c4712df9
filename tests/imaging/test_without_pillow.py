"""The Worker's masks, blends and PNGs, which need no Pillow: the same pixels as with it."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st
from PIL import Image as PillowImage
from PIL import ImageDraw

from cloudflare_image_mcp.catalog import Size
from cloudflare_image_mcp.errors import GatewayError, UnreadableImage
from cloudflare_image_mcp.imagefile.payload import BytesPayload
from cloudflare_image_mcp.imaging.composite import composite, feathered
from cloudflare_image_mcp.imaging.lane_blend import blended
from cloudflare_image_mcp.imaging.mask import read_mask
from cloudflare_image_mcp.imaging.mask_bits import MaskBits, is_opaque, marks, thresholded
from cloudflare_image_mcp.imaging.mask_rules import feather_width
from cloudflare_image_mcp.imaging.png_rows import GREY, RGB, RGBA, PngReader, PngWriter
from tests.imaging.pictures import picture, written

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

SIZES: Final = [(1, 1), (7, 3), (64, 64), (301, 203), (640, 400)]


def _ellipse(size: tuple[int, int]) -> PillowImage.Image:
    made = PillowImage.new("L", size)
    ImageDraw.Draw(made).ellipse((size[0] // 5, size[1] // 5, size[0] * 4 // 5, size[1] * 4 // 5), 255)
    return made


def _noise(size: tuple[int, int]) -> PillowImage.Image:
    return PillowImage.effect_noise(size, 200).point([255 * (value > 128) for value in range(256)])


def _stripes(size: tuple[int, int]) -> PillowImage.Image:
    made = PillowImage.new("L", size)
    for left in range(0, size[0], 17):
        made.paste(255, (left, 0, min(left + 9, size[0]), size[1]))
    return made


def _edge(size: tuple[int, int]) -> PillowImage.Image:
    made = PillowImage.new("L", size)
    made.paste(255, (0, 0, max(1, size[0] // 2), size[1]))
    return made


MASKS: Final[dict[str, Callable[[tuple[int, int]], PillowImage.Image]]] = {
    "ellipse": _ellipse,
    "noise": _noise,
    "stripes": _stripes,
    "edge": _edge,
    "all": lambda size: PillowImage.new("L", size, 255),
    "none": lambda size: PillowImage.new("L", size, 0),
}


def in_bands(bits: MaskBits, mask: PillowImage.Image) -> int:
    """The mask's bits, put together from several rows at a time."""
    made, data = 0, mask.tobytes()
    for start in range(0, len(data), 5 * mask.width):
        made = bits.extended(made, data[start : start + 5 * mask.width])
    return made


def opacity(mask: PillowImage.Image, width: int) -> bytes:
    """A byte for each pixel, put together from the levels."""
    bits = MaskBits(Size(*mask.size))
    made = bytearray(mask.width * mask.height)
    for value, level in bits.levels(bits.extended(0, mask.tobytes()), width).items():
        for place, holds in enumerate(bits.to_bytes(level, 0, mask.height)):
            assert not (holds and made[place])
            made[place] |= value & holds
    return bytes(made)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", MASKS)
def test_opacities_are_those_of_numpy(name: str, size: tuple[int, int]) -> None:
    mask = MASKS[name](size)
    for width in {1, 2, 3, feather_width(Size(*size)), 8}:
        assert opacity(mask, width) == feathered(np.asarray(mask), width).tobytes(), width


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 9), st.randoms(use_true_random=False))
@seed(11)
@settings(max_examples=200)
def test_opacities_of_any_mask(width: int, height: int, feather: int, source: random.Random) -> None:
    mask = PillowImage.new("L", (width, height))
    for _ in range(source.randint(0, 6)):
        left, top = source.randrange(width), source.randrange(height)
        box = (left, top, source.randint(left + 1, width), source.randint(top + 1, height))
        mask.paste(source.choice((0, 255)), box)
    assert opacity(mask, feather) == feathered(np.asarray(mask), feather).tobytes()


def composed(over: PillowImage.Image, under: PillowImage.Image, mask: PillowImage.Image, rows: int) -> bytes:
    """As a Worker does it, some rows at a time."""
    bits = MaskBits(Size(*mask.size))
    levels = bits.levels(in_bands(bits, mask), feather_width(bits.size))
    one, other, stride = over.convert("RGBA").tobytes(), under.convert("RGBA").tobytes(), 4 * mask.width
    made = b""
    for first in range(0, mask.height, rows):
        last = min(first + rows, mask.height)
        parts = [(value, bits.to_bytes(level, first, last)) for value, level in levels.items()]
        made += blended(one[first * stride : last * stride], other[first * stride : last * stride], parts)
    return made


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("name", MASKS)
def test_a_blend_is_that_of_pillow(name: str, mode: str) -> None:
    size = (301, 203)
    mask, under = MASKS[name](size), picture(size, mode)
    over = PillowImage.effect_noise(size, 80).convert("RGB").convert(mode)
    made = composite(over, under, mask).convert("RGBA").tobytes()
    for rows in (1, 64, 1000):
        assert composed(over, under, mask, rows) == made


@given(st.binary(min_size=8, max_size=8), st.binary(min_size=8, max_size=8), st.integers(1, 255))
def test_a_lane_is_rounded_as_pillow_rounds(over: bytes, under: bytes, value: int) -> None:
    one, other = (PillowImage.frombytes("RGBA", (2, 1), data) for data in (over, under))
    expected = PillowImage.composite(one, other, PillowImage.new("L", (2, 1), value)).tobytes()
    assert blended(over, under, [(value, b"\xff\xff")]) == expected


def marked(mask: PillowImage.Image) -> bytes:
    rgba = mask.convert("RGBA").tobytes()
    return thresholded(marks(rgba, opaque=is_opaque(rgba)))


COLOURED: Final = PillowImage.merge("RGB", [PillowImage.effect_noise((40, 30), 90 + n) for n in range(3)])


@pytest.mark.parametrize(
    "mask",
    [
        _ellipse((90, 60)),
        picture((90, 60), "RGBA"),
        PillowImage.new("RGBA", (9, 9), (0, 0, 0, 0)),
        PillowImage.new("L", (9, 9), 20),
        COLOURED,
    ],
    ids=["black and white", "transparent", "all transparent", "dark grey", "coloured"],
)
def test_marks_are_those_of_pillow(mask: PillowImage.Image) -> None:
    assert marked(mask) == read_mask(mask).tobytes()


def test_a_mask_without_a_mark_is_refused() -> None:
    with pytest.raises(GatewayError, match="marks nothing to repaint"):
        marked(PillowImage.new("RGBA", (5, 5), (0, 0, 0, 255)))


@pytest.mark.parametrize(("colour", "mode"), [(GREY, "L"), (RGB, "RGB"), (RGBA, "RGBA")])
def test_a_written_png_is_read_by_pillow(colour: int, mode: str) -> None:
    made = picture((90, 61), mode)
    writer, stride = PngWriter(Size(90, 61), colour), 90 * len(mode)
    rows = [made.tobytes()[row * stride : (row + 8) * stride] for row in range(0, 61, 8)]
    file = b"".join([writer.begin(), *map(writer.write, rows), writer.finish()])
    read = PillowImage.open(io.BytesIO(file))
    assert (read.mode, read.tobytes()) == (mode, made.tobytes())


async def rgba(data: bytes, size: tuple[int, int]) -> bytes:
    return b"".join([rows async for rows in PngReader(BytesPayload(data), Size(*size)).rgba()])


FILES: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "rgb": ("RGB", {}),
    "rgba": ("RGBA", {}),
    "grey": ("L", {}),
    "grey with alpha": ("LA", {}),
    "stored": ("RGB", {"compress_level": 0}),
    "palette with transparency": ("P", {"transparency": 3, "bits": 8}),
}


@pytest.mark.parametrize("size", [(1, 1), (90, 61), (700, 500)])
@pytest.mark.parametrize("name", FILES)
async def test_pixels_are_those_of_pillow(name: str, size: tuple[int, int]) -> None:
    mode, options = FILES[name]
    data = written(picture(size).convert(mode), **options)  # with all filters
    read = PillowImage.open(io.BytesIO(data))
    assert await rgba(data, size) == read.convert("RGBA").tobytes()


async def test_of_16_bits_the_upper_ones_are_taken() -> None:
    data = written(PillowImage.fromarray(np.arange(600, dtype=np.uint16).reshape(20, 30) * 100))
    high = (np.arange(600, dtype=np.uint16) * 100 >> 8).astype(np.uint8)
    assert (await rgba(data, (30, 20)))[0::4] == high.tobytes()


@pytest.mark.parametrize("cut", [40, 100, 300, -60])
async def test_a_cut_png_is_refused(cut: int) -> None:
    with pytest.raises(UnreadableImage):
        await rgba(written(picture((90, 61)))[:cut], (90, 61))


async def test_a_png_of_another_size_is_refused() -> None:
    with pytest.raises(UnreadableImage, match="another size"):
        await rgba(written(picture((90, 61))), (61, 90))
