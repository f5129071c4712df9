"""Colour words cover what they name: white is even, striped is striped, a colour follows its noun."""

import numpy as np
import pytest
from numpy.typing import NDArray

from cloudflare_image_illustrator import Brief, Illustrator
from cloudflare_image_illustrator.colour import NAMED, to_oklab

SIDE = 256


def cut_out(illustrator: Illustrator, prompt: str, seed: int, top: float = 0.0) -> NDArray[np.floating]:
    """The figure's own pixels in OKLab, n x 3, without its edge; from a share of its height down."""
    drawing = illustrator.draw(Brief(prompt=prompt, seed=seed, width=SIDE, height=SIDE, transparent=True))
    solid = drawing.pixels[..., 3] > 250
    for axis in (0, 1):
        for step in (-2, 2):
            solid &= np.roll(drawing.pixels[..., 3] > 250, step, axis)
    rows = np.flatnonzero(solid.any(axis=1))
    solid[: int(rows[0] + top * (rows[-1] - rows[0]))] = False
    return to_oklab(drawing.pixels[solid][:, :3].astype(np.float32) / 255)


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(
    ("animal", "top", "most"),
    [("cat", 0.0, 0.01), ("horse", 0.5, 0.06), ("dog", 0.0, 0.03), ("rabbit", 0.0, 0.02), ("goat", 0.0, 0.04)],
)
def test_a_white_animal_has_no_stripes(
    illustrator: Illustrator, animal: str, top: float, most: float, seed: int
) -> None:
    """Its coat, which is what is light and without colour, keeps within a few hundredths of one lightness; a horse's mane is left out."""
    lab = cut_out(illustrator, f"a white {animal}", seed, top)
    coat = lab[(lab[:, 0] > 0.7) & (np.hypot(lab[:, 1], lab[:, 2]) < 0.06), 0]
    assert len(coat) > 0.5 * len(lab)
    assert np.median(coat) > 0.93
    assert np.mean(coat < np.median(coat) - 0.04) < most


@pytest.mark.parametrize("colour", ["red", "orange", "yellow", "green", "blue", "purple", "pink"])
@pytest.mark.parametrize("thing", ["cat", "car", "dragon", "umbrella"])
def test_a_colour_is_the_most_frequent_one_of_what_it_names(illustrator: Illustrator, thing: str, colour: str) -> None:
    lab = cut_out(illustrator, f"{'an' if colour == 'orange' else 'a'} {colour} {thing}", 2)
    strong = lab[np.hypot(lab[:, 1], lab[:, 2]) > 0.08]
    hue = np.degrees(np.arctan2(strong[:, 2], strong[:, 1])) % 360
    away = np.abs((hue - NAMED[colour][2] + 180) % 360 - 180)
    assert np.mean(away < 30) > 0.6


@pytest.mark.parametrize("thing", ["car", "bus", "van", "house"])
def test_windows_keep_their_colour(illustrator: Illustrator, thing: str) -> None:
    """A red thing with windows has red and, in a smaller part, the blue of its panes."""
    lab = cut_out(illustrator, f"a red {thing}", 2)
    hue = np.degrees(np.arctan2(lab[:, 2], lab[:, 1])) % 360
    strong = np.hypot(lab[:, 1], lab[:, 2]) > 0.08
    assert np.mean(strong & (np.abs((hue - 27 + 180) % 360 - 180) < 25)) > 0.15
    assert np.mean(strong & (np.abs(hue - 235) < 35)) > 0.03
