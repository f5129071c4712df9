"""Every knob does what it says."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from measure import distance, png
from numpy.typing import NDArray

from cloudflare_image_illustrator import Brief, Illustrator, IllustratorError
from cloudflare_image_illustrator.colour import to_oklab
from cloudflare_image_illustrator.errors import Cancelled

SMALL: dict[str, Any] = {"width": 160, "height": 160}


def share_of_hue(pixels: NDArray[np.uint8], hue: float) -> float:
    """The share of pixels that are colourful and within 25 degrees of a hue."""
    lab = to_oklab(pixels.astype(np.float32) / 255)
    chroma = np.hypot(lab[..., 1], lab[..., 2])
    away = np.abs((np.degrees(np.arctan2(lab[..., 2], lab[..., 1])) - hue + 180) % 360 - 180)
    return float(((chroma > 0.08) & (away < 25)).mean())


def test_guidance_is_literal_when_high_and_associative_when_low(illustrator: Illustrator) -> None:
    def labels(guidance: float) -> list[str]:
        return [
            illustrator.draw(Brief(prompt="an elephant", seed=seed, guidance=guidance, width=64, height=64))
            .scene.subjects[0]
            .label
            for seed in range(16)
        ]

    assert set(labels(7.5)) == {"elephant"}
    assert len(set(labels(0.0))) >= 5
    assert labels(0.0).count("elephant") <= labels(0.6).count("elephant") <= labels(7.5).count("elephant")


def test_more_steps_lower_the_energy_of_the_layout(illustrator: Illustrator) -> None:
    prompt = "a cat, a dog, a horse, a rabbit and two birds in a meadow"
    for seed in range(4):
        energy = illustrator.draw(Brief(prompt=prompt, seed=seed, steps=20, **SMALL)).scene.energy
        assert len(energy) == 21
        assert all(later <= earlier for earlier, later in pairwise(energy))
        assert energy[-1] < energy[0]


def test_fewer_steps_end_higher_on_average(illustrator: Illustrator) -> None:
    prompt = "a cat, a dog, a horse, a rabbit and two birds in a meadow"

    def mean(steps: int) -> float:
        return float(
            np.mean(
                [
                    illustrator.draw(Brief(prompt=prompt, seed=seed, steps=steps, width=96, height=96)).scene.energy[-1]
                    for seed in range(6)
                ]
            )
        )

    assert mean(24) < mean(1)


@pytest.mark.parametrize("negative", ["dog", "dogs", "a brown dog"])
def test_a_negative_prompt_removes_the_thing(illustrator: Illustrator, negative: str) -> None:
    brief = Brief(prompt="a horse and a dog in a meadow", seed=5, **SMALL)
    assert {s.label for s in illustrator.draw(brief).scene.subjects} == {"horse", "dog"}
    without = illustrator.draw(Brief(prompt=brief.prompt, negative_prompt=negative, seed=5, **SMALL))
    assert [s.label for s in without.scene.subjects] == ["horse"]
    assert any("negative prompt" in warning for warning in without.warnings)


def test_a_negative_prompt_removes_the_colour(illustrator: Illustrator) -> None:
    red = illustrator.draw(Brief(prompt="a red bird, white background", seed=2, **SMALL))
    other = illustrator.draw(Brief(prompt="a blue bird, white background", negative_prompt="red", seed=2, **SMALL))
    assert share_of_hue(red.pixels, 27) > 0.05
    assert share_of_hue(other.pixels, 27) < 0.01


def test_a_negative_prompt_removes_scenery_weather_and_hour(illustrator: Illustrator) -> None:
    scene = illustrator.draw(
        Brief(
            prompt="a castle in a forest in the rain at night",
            negative_prompt="forest, rain, night",
            seed=1,
            **SMALL,
        )
    ).scene
    assert "forest" not in scene.scenery
    assert scene.weather == ()
    assert scene.time != "night"


def test_what_the_prompt_says_is_absent_stays_absent(illustrator: Illustrator) -> None:
    scene = illustrator.draw(Brief(prompt="a garden with a snail without trees", seed=1, **SMALL)).scene
    assert [s.label for s in scene.subjects] == ["snail"]


@pytest.fixture(scope="module")
def source(illustrator: Illustrator) -> NDArray[np.uint8]:
    return illustrator.draw(Brief(prompt="a red car in a meadow", seed=4, **SMALL)).pixels


@pytest.mark.parametrize("prompt", ["make it night", "turn into a watercolor", "a tiger in the jungle", "add a star"])
def test_strength_departs_from_the_source_step_by_step(
    illustrator: Illustrator, source: NDArray[np.uint8], prompt: str
) -> None:
    results = [
        illustrator.draw(Brief(prompt=prompt, images=(png(source),), strength=s, seed=4, **SMALL)).pixels
        for s in (0.0, 0.25, 0.5, 0.7, 1.0)
    ]
    away = [distance(source, result) for result in results]
    assert np.array_equal(results[0], source)
    assert all(earlier < later for earlier, later in pairwise(away[:4]))
    assert away[4] >= away[3]


def test_the_source_stays_recognisable_at_the_default_strength(
    illustrator: Illustrator, source: NDArray[np.uint8]
) -> None:
    """Edges of the source remain edges: the two lightness gradients correlate."""
    result = illustrator.draw(Brief(prompt="make it night", images=(png(source),), seed=4, **SMALL)).pixels
    one, other = (np.hypot(*np.gradient(picture.astype(np.float32).mean(-1))).ravel() for picture in (source, result))
    assert np.corrcoef(one, other)[0, 1] > 0.5


def test_only_the_inside_of_a_mask_changes(illustrator: Illustrator, source: NDArray[np.uint8]) -> None:
    mask = np.zeros(source.shape[:2], np.uint8)
    mask[20:80, 30:110] = 255
    result = illustrator.draw(Brief(prompt="a balloon", images=(png(source),), mask=png(mask), seed=4, **SMALL))
    assert np.array_equal(result.pixels[mask == 0], source[mask == 0])
    assert distance(result.pixels[24:76, 34:106], source[24:76, 34:106]) > 0.03
    left, top, right, bottom = result.scene.subjects[0].boxes[0]
    assert left >= 28
    assert top >= 18
    assert right <= 112
    assert bottom <= 82


def test_a_reference_lends_its_palette(illustrator: Illustrator, source: NDArray[np.uint8]) -> None:
    reference = np.zeros((64, 64, 3), np.uint8)
    reference[:32], reference[32:] = (240, 140, 40), (90, 30, 10)
    plain = illustrator.draw(Brief(prompt="sunny", images=(png(source),), seed=4, **SMALL)).pixels
    lent = illustrator.draw(
        Brief(
            prompt="sunny, use the colors of the reference",
            images=(png(source), png(reference)),
            seed=4,
            **SMALL,
        )
    ).pixels

    def off(pixels: NDArray[np.uint8]) -> float:
        means = [to_oklab(p.reshape(-1, 3).astype(np.float32) / 255).mean(0)[1:] for p in (pixels, reference)]
        return float(np.linalg.norm(means[0] - means[1]))

    assert off(lent) < off(plain) * 0.6


def test_a_reference_lends_its_subject(illustrator: Illustrator, source: NDArray[np.uint8]) -> None:
    reference = np.full((120, 120, 3), 255, np.uint8)
    reference[40:85, 38:82] = (200, 0, 200)
    result = illustrator.draw(
        Brief(prompt="put it into the picture", images=(png(source), png(reference)), seed=4, **SMALL)
    ).pixels
    assert share_of_hue(result, 328) > share_of_hue(source, 328) + 0.01


@pytest.mark.parametrize(("width", "height"), [(64, 64), (256, 2048), (2048, 256), (333, 777), (1000, 64)])
@pytest.mark.parametrize("prompt", ["three cats in a city", "a sailboat on the ocean, watercolor"])
def test_any_shape_is_drawn_at_its_size(illustrator: Illustrator, prompt: str, width: int, height: int) -> None:
    drawing = illustrator.draw(Brief(prompt=prompt, width=width, height=height, seed=6))
    assert drawing.pixels.shape == (height, width, 3)
    assert drawing.pixels.dtype == np.uint8
    for subject in drawing.scene.subjects:
        for left, top, right, bottom in subject.boxes:
            assert left >= -0.1 * width
            assert right <= 1.1 * width
            assert top >= -0.1 * height
            assert bottom <= 1.05 * height


def test_partial_images_come_in_order_at_full_size(illustrator: Illustrator) -> None:
    seen: list[tuple[int, tuple[int, ...]]] = []
    pictures = []

    def keep(index: int, pixels: NDArray[np.uint8]) -> None:
        seen.append((index, pixels.shape))
        pictures.append(pixels.copy())

    final = illustrator.draw(
        Brief(prompt="a dog on a beach", partial_images=3, seed=1, **SMALL), on_partial=keep
    ).pixels
    assert seen == [(i, (160, 160, 3)) for i in range(3)]
    away = [distance(picture, final) for picture in pictures]
    assert away[0] > away[1] >= away[2]


def test_a_cancelled_drawing_stops(illustrator: Illustrator) -> None:
    with pytest.raises(Cancelled):
        illustrator.draw(Brief(prompt="a dog", **SMALL), cancelled=lambda: True)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"width": 63}, "width"),
        ({"height": 2501}, "height"),
        ({"steps": 0}, "steps"),
        ({"guidance": -1}, "guidance"),
        ({"strength": 1.5}, "strength"),
        ({"vary": True}, "variation"),
        ({"mask": b"x"}, "mask"),
        ({"images": (b"nonsense",)}, "PNG"),
    ],
)
def test_unusable_input_is_refused_by_name(illustrator: Illustrator, changes: dict[str, Any], named: str) -> None:
    with pytest.raises(IllustratorError, match=named):
        illustrator.draw(Brief(**{"prompt": "a dog", **SMALL, **changes}))


def test_a_mask_of_another_size_is_refused(illustrator: Illustrator, source: NDArray[np.uint8]) -> None:
    with pytest.raises(IllustratorError, match="the mask is 50 x 40"):
        illustrator.draw(Brief(prompt="a dog", images=(png(source),), mask=png(np.zeros((40, 50), np.uint8)), **SMALL))
