"""Transparent pictures: real alpha, the subject whole, the same bytes each time."""

import numpy as np
import pytest

from cloudflare_image_illustrator import Brief, Drawing, Illustrator

SINGLE = (
    "a red fox",
    "a golden crown, watercolor",
    "a green bicycle",
    "an owl on a branch",
    "a slice of pizza",
    "a wooden chair",
    "a hot air balloon",
    "a smiling astronaut",
    "ein blaues Auto",
    "una taza de café",
)
"""Prompts of one subject; more than a third of each picture is fully transparent, as the gateway promises."""


def draw(illustrator: Illustrator, prompt: str, seed: int = 3) -> Drawing:
    return illustrator.draw(Brief(prompt=prompt, seed=seed, width=256, height=256, transparent=True))


@pytest.mark.parametrize("prompt", ["a red fox", "three penguins in the snow", "a golden crown, watercolor", "a hill"])
def test_the_subject_is_opaque_and_the_rest_is_transparent(illustrator: Illustrator, prompt: str) -> None:
    drawing = draw(illustrator, prompt)
    assert drawing.pixels.shape == (256, 256, 4)
    alpha = drawing.pixels[..., 3]
    assert np.mean(alpha == 255) > 0.02
    assert np.mean(alpha == 0) > 0.3
    assert alpha[0].max() == alpha[-1].max() == 0
    for subject in drawing.scene.subjects:
        for left, top, right, bottom in subject.boxes:
            assert alpha[max(top, 0) : bottom, max(left, 0) : right].max() == 255


@pytest.mark.parametrize("prompt", SINGLE)
def test_more_than_a_third_is_fully_transparent_around_one_subject(illustrator: Illustrator, prompt: str) -> None:
    for seed in range(3):
        alpha = draw(illustrator, prompt, seed).pixels[..., 3]
        assert np.mean(alpha == 0) > 1 / 3
        assert np.mean(alpha == 255) > 0.02


def test_the_colour_does_not_fade_to_the_edge(illustrator: Illustrator) -> None:
    pixels = draw(illustrator, "a red apple").pixels
    edge = (pixels[..., 3] > 60) & (pixels[..., 3] < 200)
    assert edge.any()
    assert np.median(pixels[edge][:, 0]) > np.median(pixels[edge][:, 2]) + 40  # red, neither white nor black


@pytest.mark.parametrize("prompt", ["a golden crown, watercolor", "a red apple, watercolour", "a golden crown"])
def test_no_paper_shows_at_the_edge_of_a_style(illustrator: Illustrator, prompt: str) -> None:
    """Watercolour moves the edges of things: the opacity moves with them, or white lines stand on a dark page."""
    pixels = draw(illustrator, prompt).pixels
    white = (pixels[..., :3].min(axis=2) > 225) & (pixels[..., 3] > 200)
    assert np.count_nonzero(white) <= 10


def test_a_place_is_left_out_with_a_warning(illustrator: Illustrator) -> None:
    assert "the place was left out: the background is transparent" in draw(illustrator, "a fox in a forest").warnings


def test_the_same_seed_gives_the_same_bytes(illustrator: Illustrator) -> None:
    assert draw(illustrator, "two cats", 7).pixels.tobytes() == draw(illustrator, "two cats", 7).pixels.tobytes()
