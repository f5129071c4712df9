"""Steps, guidance, negative prompt, strength and seed change every kind of picture, each in its own direction."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from measure import distance, png
from numpy.typing import NDArray

from cloudflare_image_illustrator import Brief, Illustrator
from cloudflare_image_illustrator.colour import to_oklab

SIDE = 192
VISIBLE = 1.0  # mean difference of all channels, in steps of 255, from which two pictures are told apart side by side
PROMPTS = (
    "a red apple",
    "a fox in a forest at night",
    "a cat in a kitchen",
    "an astronaut in outer space",
    "mountains at sunset",
    "a busy market",
    "a portrait of an old wizard",
    "logo of a mountain and sun",
    "a lighthouse in a storm, oil painting",
    "a robot, pixel art",
    "un barco azul no mar",
    "a whale under the sea, watercolor",
)


def drawn(illustrator: Illustrator, prompt: str, **knobs: Any) -> NDArray[np.uint8]:
    return illustrator.draw(Brief(**{"prompt": prompt, "seed": 3, "width": SIDE, "height": SIDE, **knobs})).pixels


def saturation(pixels: NDArray[np.uint8]) -> float:
    lab = to_oklab(pixels.reshape(-1, 3).astype(np.float32) / 255)
    return float(np.hypot(lab[:, 1], lab[:, 2]).mean())


def detail(pixels: NDArray[np.uint8]) -> float:
    grey = pixels.astype(np.float32).mean(axis=2)
    return float(np.abs(np.diff(grey, axis=1)).mean() + np.abs(np.diff(grey, axis=0)).mean())


def apart(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    return float(np.abs(one.astype(int) - other).mean())


@pytest.mark.parametrize("prompt", PROMPTS)
def test_guidance_changes_every_picture_toward_more_colour(illustrator: Illustrator, prompt: str) -> None:
    pictures = [drawn(illustrator, prompt, guidance=guidance) for guidance in (4.0, 7.5, 15.0)]
    assert all(apart(one, other) > VISIBLE for one, other in pairwise(pictures))
    assert all(later > earlier for earlier, later in pairwise(map(saturation, pictures)))


@pytest.mark.parametrize("prompt", PROMPTS)
def test_steps_change_every_picture(illustrator: Illustrator, prompt: str) -> None:
    pictures = [drawn(illustrator, prompt, steps=steps) for steps in (1, 4, 20)]
    assert all(apart(one, other) > VISIBLE / 2 for one, other in pairwise(pictures))


@pytest.mark.parametrize("prompt", [prompt for prompt in PROMPTS if "," not in prompt and "logo" not in prompt])
def test_steps_add_detail_where_no_technique_is_asked_for(illustrator: Illustrator, prompt: str) -> None:
    pictures = [drawn(illustrator, prompt, steps=steps) for steps in (1, 4, 20)]
    assert all(later > earlier for earlier, later in pairwise(map(detail, pictures)))


@pytest.mark.parametrize(
    ("negative", "measure"),
    [
        ("blurry, low quality", detail),
        ("washed out, dull", saturation),
        ("dark, underexposed", lambda pixels: float(pixels.mean())),
    ],
)
@pytest.mark.parametrize("prompt", PROMPTS[:8])
def test_a_negative_prompt_leads_every_picture_away_from_a_quality(
    illustrator: Illustrator, prompt: str, negative: str, measure: Callable[[NDArray[np.uint8]], float]
) -> None:
    plain, led = drawn(illustrator, prompt), drawn(illustrator, prompt, negative_prompt=negative)
    assert measure(led) > measure(plain)
    assert apart(plain, led) > VISIBLE / 4


@pytest.mark.parametrize("instruction", ["make it night", "make it winter", "turn into a watercolor", "add a star"])
@pytest.mark.parametrize("prompt", PROMPTS[:6])
def test_strength_leads_every_picture_away_from_its_source(
    illustrator: Illustrator, prompt: str, instruction: str
) -> None:
    source = drawn(illustrator, prompt)
    away = [
        distance(source, drawn(illustrator, instruction, images=(png(source),), strength=strength))
        for strength in (0.0, 0.2, 0.45, 0.7)
    ]
    assert away[0] == 0
    assert all(later > earlier for earlier, later in pairwise(away))


@pytest.mark.parametrize(
    "prompt", ["a fox", "a red car and a tree", "three penguins in the snow", "a knight in a castle"]
)
def test_a_seed_changes_the_composition_and_not_the_subject(illustrator: Illustrator, prompt: str) -> None:
    scenes = [
        illustrator.draw(Brief(prompt=prompt, seed=seed, width=SIDE, height=SIDE)).scene for seed in range(20, 28)
    ]
    assert len({tuple((s.label, s.count, s.phrase) for s in scene.subjects) for scene in scenes}) == 1
    assert len({tuple(s.boxes for s in scene.subjects) for scene in scenes}) == len(scenes)
