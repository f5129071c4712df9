"""A measured score: 200 generated prompts with known content, read back from the scene description and the pixels.

The prompts come from a fixed random stream over lists that were written for this test; they were not looked at while
the illustrator was built. Each measure must reach 90 %.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cloudflare_image_illustrator import Brief, Illustrator, Scene
from cloudflare_image_illustrator.colour import NAMED, to_oklab

PASS = 0.90
SIDE = 256
# What the prompt says -> the labels that would be right.
SUBJECTS = {
    "car": {"automobile"}, "dog": {"dog"}, "horse": {"horse"}, "bird": {"bird"}, "rabbit": {"rabbit"}, "guitar": {"guitar"}, "umbrella": {"umbrella"},
    "teapot": {"teapot"}, "bicycle": {"bicycle"}, "bus": {"bus"}, "snail": {"snail"}, "turtle": {"turtle"}, "owl": {"owl"}, "rocket": {"rocket"},
    "violin": {"violin"}, "truck": {"delivery truck"}, "backpack": {"backpack"}, "whale": {"spouting whale", "whale"}, "octopus": {"octopus"}, "tractor": {"tractor"},
    "goat": {"goat"}, "crocodile": {"crocodile"}, "kangaroo": {"kangaroo"}, "llama": {"llama"}, "duck": {"duck"}, "camel": {"camel"}, "mushroom": {"mushroom"},
    "pear": {"pear"}, "hamburger": {"hamburger"}, "trumpet": {"trumpet"}, "scooter": {"motor scooter"}, "helicopter": {"helicopter"},
}  # fmt: skip
COLOURED = (
    "car",
    "dog",
    "horse",
    "bird",
    "rabbit",
    "teapot",
    "bus",
    "turtle",
    "backpack",
    "octopus",
    "goat",
    "llama",
    "camel",
    "pear",
    "whale",
    "kangaroo",
    "crocodile",
    "umbrella",
)
COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "black", "white")
NUMBERS = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6}
SCENES = {
    "in a forest": "forest", "in the desert": "desert", "on a beach": "beach", "in the snow": "snow", "on a city street": "city", "in a meadow": "meadow",
    "in a living room": "interior", "in outer space": "space", "underwater": "underwater", "in the mountains": "mountains", "by a lake": "lake", "on the moon": "moon",
}  # fmt: skip
HOURS = {"at night": "night", "at noon": "day", "under the midnight sky": "night", "on a bright day": "day"}


@dataclass(frozen=True)
class Known:
    prompt: str
    noun: str
    colour: str | None
    count: int
    scene: str | None
    hour: str | None
    seed: int


def prompts() -> Iterator[Known]:
    """The 200 prompts."""
    pick = random.Random(20261123)
    for seed in range(200):
        kind = seed % 4
        noun = pick.choice(COLOURED if kind == 0 else list(SUBJECTS))
        place = pick.choice(list(SCENES))
        if kind == 0:
            colour = pick.choice(COLOURS)
            yield Known(f"{'an' if colour == 'orange' else 'a'} {colour} {noun}", noun, colour, 1, None, None, seed)
        elif kind == 1:
            number = pick.choice(list(NUMBERS))
            yield Known(
                f"{number} {noun}{'es' if noun.endswith('s') else 's'} in a meadow",
                noun,
                None,
                NUMBERS[number],
                "meadow",
                None,
                seed,
            )
        elif kind == 2:
            yield Known(f"a {noun} {place}", noun, None, 1, SCENES[place], None, seed)
        else:
            hour = pick.choice(list(HOURS))
            yield Known(f"a {noun} on a hill {hour}", noun, None, 1, "hills", HOURS[hour], seed)


@dataclass(frozen=True)
class Drawn:
    known: Known
    scene: Scene
    pixels: NDArray[np.uint8]
    figures: NDArray[np.bool_]


def draw(illustrator: Illustrator, kind: int) -> list[Drawn]:
    """The fifty prompts of one kind. figures: where the picture differs from its own backdrop, shadows left out."""
    results = []
    for known in [k for k in prompts() if k.seed % 4 == kind]:
        stages: list[NDArray[np.uint8]] = []

        def keep(_: int, pixels: NDArray[np.uint8], into: list[NDArray[np.uint8]] = stages) -> None:
            into.append(pixels.copy())

        drawing = illustrator.draw(
            Brief(prompt=known.prompt, width=SIDE, height=SIDE, seed=known.seed, partial_images=2),
            on_partial=keep,
        )
        backdrop, performed = (to_oklab(stage.astype(np.float32) / 255) for stage in stages)
        change = performed - backdrop
        darker_only = (
            (change[..., 0] < 0) & (np.hypot(change[..., 1], change[..., 2]) < 0.035) & (change[..., 0] > -0.28)
        )
        figures = (np.linalg.norm(change, axis=-1) > 0.05) & ~darker_only
        results.append(Drawn(known, drawing.scene, drawing.pixels, figures))
    return results


def score(results: list[tuple[Known, bool]]) -> None:
    """Fails, naming the prompts that missed, below 90 %."""
    missed = [known.prompt for known, right in results if not right]
    assert len(results) >= 40
    assert 1 - len(missed) / len(results) >= PASS, f"{len(missed)} of {len(results)} missed: {missed}"


def is_subject(d: Drawn) -> bool:
    """The first thing described is the thing named."""
    return bool(d.scene.subjects) and d.scene.subjects[0].label in SUBJECTS[d.known.noun]


def test_subjects_and_their_colours(illustrator: Illustrator) -> None:
    drawn = draw(illustrator, 0)
    score([(d.known, is_subject(d)) for d in drawn])
    score([(d.known, has_colour(d)) for d in drawn])


def test_subjects_and_their_number(illustrator: Illustrator) -> None:
    drawn = draw(illustrator, 1)
    score([(d.known, is_subject(d)) for d in drawn])
    score([(d.known, separated(d) == d.known.count) for d in drawn])


def test_subjects_and_their_scene(illustrator: Illustrator) -> None:
    drawn = draw(illustrator, 2)
    score([(d.known, is_subject(d)) for d in drawn])
    score([(d.known, d.known.scene in d.scene.scenery) for d in drawn])


def test_subjects_and_the_light_of_the_hour(illustrator: Illustrator) -> None:
    drawn = draw(illustrator, 3)
    score([(d.known, is_subject(d)) for d in drawn])
    score([(d.known, is_lit(d)) for d in drawn])


def is_lit(d: Drawn) -> bool:
    """Nights are dark and days are bright, in words and in pixels."""
    light = float(d.pixels.mean() / 255)
    return d.scene.time == d.known.hour and (light < 0.38 if d.known.hour == "night" else light > 0.45)


def has_colour(d: Drawn) -> bool:
    """The most frequent hue among the figure's own pixels is the one asked for; greys are judged by lightness."""
    lab = to_oklab(d.pixels[d.figures].astype(np.float32) / 255)
    if len(lab) < 60:
        return False
    assert d.known.colour is not None
    _, wanted_chroma, wanted_hue = NAMED[d.known.colour]
    chroma = np.hypot(lab[:, 1], lab[:, 2])
    if wanted_chroma == 0:
        grey = chroma < 0.075
        return bool(
            grey.mean() > 0.4
            and (np.median(lab[grey, 0]) < 0.5 if d.known.colour == "black" else np.median(lab[grey, 0]) > 0.75)
        )
    hue = np.degrees(np.arctan2(lab[:, 2], lab[:, 1]))[chroma > 0.05] % 360
    histogram = np.bincount((hue // 15).astype(int) % 24, minlength=24)
    smoothed = histogram + 0.5 * (np.roll(histogram, 1) + np.roll(histogram, -1))
    mode = smoothed.argmax() * 15 + 7.5
    return bool(abs((mode - wanted_hue + 180) % 360 - 180) <= 25)


def separated(d: Drawn) -> int:
    """Connected regions of figure pixels at least a fifth as large as the largest."""
    image = Image.fromarray((d.figures * 255).astype(np.uint8)).resize((128, 128), Image.Resampling.BOX)
    mask = np.asarray(image) > 110
    label = np.where(mask, np.arange(mask.size).reshape(mask.shape) + 1, 0)
    while True:
        grown = label.copy()
        for axis in (0, 1):
            for step in (1, -1):
                shifted = np.roll(label, step, axis)
                grown = np.maximum(grown, shifted)
        grown = np.where(mask, grown, 0)
        if np.array_equal(grown, label):
            break
        label = grown
    sizes = np.bincount(label[label > 0])
    sizes = sizes[sizes > 0]
    return int((sizes >= sizes.max() * 0.2).sum()) if len(sizes) else 0
