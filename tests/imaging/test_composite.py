"""Outside the mask every pixel stays; inside, the edit fades in."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as PillowImage
from PIL import ImageDraw

from cloudflare_image_mcp.imaging.composite import composite, feathered
from tests.imaging.pictures import picture


def drawn(kind: str, size: tuple[int, int] = (300, 200)) -> PillowImage.Image:
    mask = PillowImage.new("L", size)
    draw = ImageDraw.Draw(mask)
    match kind:
        case "box":
            draw.rectangle((100, 50, 199, 149), 255)
        case "circle":
            draw.ellipse((60, 20, 200, 160), 255)
        case "stroke":
            draw.line((10, 10, 280, 150), 255, 3)
        case "edge":
            draw.rectangle((0, 0, 99, 199), 255)
        case "all":
            mask.paste(255, (0, 0, *size))
        case "dots":
            for place in range(5, 190, 30):
                mask.putpixel((place, place), 255)
    return mask


KINDS = ("box", "circle", "stroke", "edge", "all", "dots")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("modes", [("RGB", "RGB"), ("RGB", "RGBA"), ("RGBA", "RGB")])
def test_outside_the_mask_every_pixel_is_the_originals(kind: str, modes: tuple[str, str]) -> None:
    mask = drawn(kind)
    original = picture((300, 200), modes[1])
    result = picture((300, 200), modes[0]).rotate(180)
    made = composite(result, original, mask)
    assert made.mode == ("RGBA" if "RGBA" in modes else "RGB")
    kept = np.asarray(mask) == 0
    assert (np.asarray(made)[kept] == np.asarray(original.convert(made.mode))[kept]).all()


@pytest.mark.parametrize("kind", KINDS)
def test_the_edit_shows_in_full_within(kind: str) -> None:
    opacity = feathered(np.asarray(drawn(kind)), 8)
    assert opacity.max() == 255


def test_the_feather_rises_from_the_border_inwards() -> None:
    opacity = feathered(np.asarray(drawn("box")), 8)
    row = opacity[100, 98:112].tolist()
    assert row == [0, 0, 31, 63, 95, 127, 159, 191, 223, 255, 255, 255, 255, 255]
    assert opacity[48:60, 150].tolist() == row[:12]


def test_the_edge_of_the_picture_is_no_border() -> None:
    opacity = feathered(np.asarray(drawn("edge")), 8)
    assert (opacity[:, :90] == 255).all()
    assert (feathered(np.asarray(drawn("all")), 8) == 255).all()


def test_thin_strokes_and_dots_are_repainted_in_full() -> None:
    for kind in ("stroke", "dots"):
        mask = np.asarray(drawn(kind))
        assert (feathered(mask, 8) == mask).all()


def test_a_round_border_has_no_speckles() -> None:
    mask = np.asarray(drawn("circle"))
    opacity = feathered(mask, 8)
    border = (mask > 0) & ~np.asarray(PillowImage.fromarray(mask).resize((300, 200))).astype(bool)
    assert not border.any()
    steps = np.abs(np.diff(opacity.astype(int), axis=1))
    assert steps.max() <= 3 * 32


@given(st.integers(1, 12), st.binary(min_size=12 * 9, max_size=12 * 9))
def test_any_mask_keeps_what_it_does_not_mark(width: int, noise: bytes) -> None:
    mask = np.where(np.frombuffer(noise, np.uint8).reshape(9, 12) & 1, 255, 0).astype(np.uint8)
    opacity = feathered(mask, width)
    assert (opacity[mask == 0] == 0).all()
    assert (opacity[mask > 0] > 0).all()
