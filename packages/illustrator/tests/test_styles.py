"""Each style leaves the mark of its technique."""

import numpy as np
import pytest
from measure import distance
from numpy.typing import NDArray
from PIL import Image

from cloudflare_image_illustrator import Brief, Illustrator
from cloudflare_image_illustrator.styles import drawn, glowing, painted, printed, styling

PROMPT = "a fox in a forest"


@pytest.fixture(scope="module")
def plain(illustrator: Illustrator) -> NDArray[np.uint8]:
    return illustrator.draw(Brief(prompt=PROMPT, width=224, height=224, seed=7)).pixels


@pytest.mark.parametrize("style", sorted(styling.TECHNIQUES))
def test_a_technique_changes_the_picture_and_keeps_its_size(plain: NDArray[np.uint8], style: str) -> None:
    styled = np.asarray(styling.apply(style, Image.fromarray(plain), 1, 4))
    assert styled.shape == plain.shape
    assert distance(plain, styled) > 0.02


def test_pencil_has_no_colour(plain: NDArray[np.uint8]) -> None:
    styled = np.asarray(drawn.pencil(Image.fromarray(plain), 1, 4)).astype(int)
    assert (styled.max(-1) - styled.min(-1)).max() < 25


def test_pixel_art_has_few_colours_in_large_squares(plain: NDArray[np.uint8]) -> None:
    styled = np.asarray(printed.pixel(Image.fromarray(plain), 1, 4))
    assert len(np.unique(styled.reshape(-1, 3), axis=0)) <= 32
    assert (np.abs(np.diff(styled.astype(int), axis=1)).sum(-1) == 0).mean() > 0.45


def test_low_poly_is_flat_inside_its_faces(plain: NDArray[np.uint8]) -> None:
    def flat(pixels: NDArray[np.uint8]) -> float:
        return float((np.abs(np.diff(pixels.astype(int), axis=1)).sum(-1) <= 1).mean())

    assert flat(np.asarray(glowing.low_poly(Image.fromarray(plain), 1, 4))) > flat(plain) + 0.2


def test_a_poster_uses_few_inks(plain: NDArray[np.uint8]) -> None:
    styled = Image.fromarray(np.asarray(printed.poster(Image.fromarray(plain), 1, 4)) // 24 * 24)
    counts = sorted((n for n, _ in styled.getcolors(70000) or []), reverse=True)
    assert sum(counts[:24]) > 0.8 * sum(counts)


@pytest.mark.parametrize(
    "words",
    [
        "watercolor",
        "oil painting",
        "pencil sketch",
        "ink drawing",
        "pixel art",
        "flat design",
        "isometric",
        "vintage poster",
        "neon",
        "low poly",
    ],
)
def test_every_promised_style_is_read_and_drawn(illustrator: Illustrator, plain: NDArray[np.uint8], words: str) -> None:
    drawing = illustrator.draw(Brief(prompt=f"{PROMPT}, {words}", width=224, height=224, seed=7))
    assert drawing.scene.style is not None
    assert distance(plain, drawing.pixels) > 0.02


def test_more_steps_mean_more_passes_of_the_brush(plain: NDArray[np.uint8]) -> None:
    few = np.asarray(painted.oil(Image.fromarray(plain), 1, 1))
    many = np.asarray(painted.oil(Image.fromarray(plain), 1, 12))
    assert distance(plain, many) < distance(plain, few)
