"""Prompts that people reported as drawn wrongly, and what has to be in their pictures."""

from io import BytesIO

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from cloudflare_image_illustrator import Brief, Drawing, Illustrator
from cloudflare_image_illustrator.colour import to_oklab

SIDE = 256
SEEDS = (1, 2, 3)


def draw(illustrator: Illustrator, prompt: str, seed: int, **knobs: float) -> Drawing:
    return illustrator.draw(Brief(prompt=prompt, seed=seed, width=SIDE, height=SIDE, **knobs))  # type: ignore[arg-type] # numbers of several types


def labels(drawing: Drawing) -> list[str]:
    return [subject.label for subject in drawing.scene.subjects]


def inside(drawing: Drawing, box: tuple[int, int, int, int]) -> NDArray[np.floating]:
    """The pixels of a box in OKLab, n x 3."""
    left, top, right, bottom = (max(0, side) for side in box)
    return to_oklab(drawing.pixels[top:bottom, left:right].reshape(-1, 3).astype(np.float32) / 255)


def hues(lab: NDArray[np.floating]) -> NDArray[np.floating]:
    """The hues of what is colourful, in degrees."""
    strong = lab[np.hypot(lab[:, 1], lab[:, 2]) > 0.08]
    degrees: NDArray[np.floating] = np.degrees(np.arctan2(strong[:, 2], strong[:, 1])) % 360
    return degrees


@pytest.mark.parametrize("seed", SEEDS)
def test_a_logo_of_a_mountain_and_the_sun_shows_both(illustrator: Illustrator, seed: int) -> None:
    drawing = draw(illustrator, "minimalist logo of a mountain and sun", seed)
    assert labels(drawing) == ["snow-capped mountain", "sun"]
    ground = drawing.pixels[0, 0].astype(int)
    assert np.mean(np.abs(drawing.pixels - ground).sum(axis=2) > 60) > 0.08


@pytest.mark.parametrize("seed", SEEDS)
def test_a_named_place_wins_over_windows_and_a_mood(illustrator: Illustrator, seed: int) -> None:
    prompt = "a cozy cabin in a snowy forest at night with warm light in the windows"
    scenery = draw(illustrator, prompt, seed).scene.scenery
    assert {"snow", "forest"} <= set(scenery)
    assert "interior" not in scenery


def test_a_window_alone_is_seen_from_a_room(illustrator: Illustrator) -> None:
    assert draw(illustrator, "a cat at the window", 1).scene.scenery == ("interior",)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_colour_covers_the_whole_subject(illustrator: Illustrator, seed: int) -> None:
    drawing = draw(illustrator, "a purple octopus in a studio", seed)
    (octopus,) = drawing.scene.subjects
    left, top, right, bottom = octopus.boxes[0]
    inner = (
        left + (right - left) // 3,
        top + (bottom - top) // 8,
        right - (right - left) // 3,
        bottom - (bottom - top) // 4,
    )
    found = hues(inside(drawing, inner))
    assert len(found) > 100
    assert np.mean((found > 270) & (found < 345)) > 0.95


@pytest.mark.parametrize("seed", SEEDS)
def test_a_road_is_scenery(illustrator: Illustrator, seed: int) -> None:
    prompt = "a red sports car on a mountain {} at sunset"
    drawing = draw(illustrator, prompt.format("road"), seed)
    assert labels(drawing) == ["racing car"]
    assert "mountains" in drawing.scene.scenery
    bottom = to_oklab(drawing.pixels[-4:, SIDE // 3 : -SIDE // 3].reshape(-1, 3).astype(np.float32) / 255)
    assert np.mean(np.hypot(bottom[:, 1], bottom[:, 2]) < 0.05) > 0.5


@pytest.mark.parametrize("seed", SEEDS)
def test_snow_in_an_inflected_german_adjective_is_weather(illustrator: Illustrator, seed: int) -> None:
    drawing = draw(illustrator, "ein roter Fuchs im verschneiten Wald", seed)
    assert labels(drawing) == ["fox"]
    assert {"snow", "forest"} <= set(drawing.scene.scenery)
    assert drawing.warnings == ()


@pytest.mark.parametrize("seed", SEEDS)
def test_a_portuguese_adjective_after_its_noun_colours_it(illustrator: Illustrator, seed: int) -> None:
    blue = {}
    for colour, word in (("blue", "azul"), ("orange", "laranja")):
        drawing = draw(illustrator, f"um barco {word} no mar ao por do sol", seed)
        (boat,) = drawing.scene.subjects
        assert (boat.colour, drawing.scene.time) == (colour, "sunset")
        found = hues(inside(drawing, boat.boxes[0]))
        blue[colour] = float(np.mean((found > 230) & (found < 290)))
    assert blue["blue"] > 0.15  # of the box, most of which is a sunset sky
    assert blue["orange"] < 0.03


def test_one_of_three_is_black(illustrator: Illustrator) -> None:
    drawing = draw(illustrator, "three cats on a red sofa, one of them black", 3)
    cats, sofa = drawing.scene.subjects
    assert (cats.count, sofa.colour) == (3, "red")
    dark = [float(np.mean(inside(drawing, box)[:, 0] < 0.35)) for box in cats.boxes]
    assert sorted(share > 0.25 for share in dark) == [False, False, True]
    assert drawing.warnings == ()


def test_an_animal_that_the_artwork_lacks_is_a_relative_with_a_warning(illustrator: Illustrator) -> None:
    drawing = draw(illustrator, "a watercolor painting of a hummingbird", 3)
    assert labels(drawing) == ["parrot"]
    assert drawing.warnings == ('"hummingbird" is not in the artwork; the nearest, "parrot", was drawn',)


def test_a_market_has_stalls_and_people(illustrator: Illustrator) -> None:
    assert {"circus tent", "woman", "man"} <= set(labels(draw(illustrator, "a busy market", 3)))


@pytest.mark.parametrize(
    ("prompt", "shown"),
    [
        ("a kitchen", "pot of food"),
        ("an old library", "books"),
        ("an office", "office worker"),
        ("a ballroom", "woman dancing"),
    ],
)
def test_an_empty_room_has_what_belongs_to_its_kind(illustrator: Illustrator, prompt: str, shown: str) -> None:
    drawing = draw(illustrator, prompt, 3)
    assert shown in labels(drawing)
    assert "interior" in drawing.scene.scenery


def saturation(drawing: Drawing) -> float:
    lab = to_oklab(drawing.pixels.reshape(-1, 3).astype(np.float32) / 255)
    return float(np.hypot(lab[:, 1], lab[:, 2]).mean())


def detail(drawing: Drawing) -> float:
    grey = drawing.pixels.astype(np.float32).mean(axis=2)
    return float(np.abs(np.diff(grey, axis=1)).mean())


PROMPTS = (
    "minimalist logo of a mountain and sun",
    "a busy market",
    "a red apple",
    "a sailboat on the ocean",
    "a fox, oil painting",
)


@pytest.mark.parametrize("prompt", PROMPTS)
def test_guidance_raises_saturation_in_every_picture(illustrator: Illustrator, prompt: str) -> None:
    found = [saturation(draw(illustrator, prompt, 3, guidance=guidance)) for guidance in (5, 7.5, 15, 30)]
    assert found == sorted(found)
    assert found[-1] > found[0] * 1.05


@pytest.mark.parametrize("prompt", PROMPTS[1:4])
def test_steps_raise_detail_in_every_picture(illustrator: Illustrator, prompt: str) -> None:
    found = [detail(draw(illustrator, prompt, 3, steps=steps)) for steps in (2, 4, 20)]
    assert found == sorted(found)
    assert found[-1] > found[0] * 1.05


@pytest.mark.parametrize("seed", SEEDS)
def test_removing_the_ball_leaves_the_dog_as_it_was(illustrator: Illustrator, seed: int) -> None:
    source = draw(illustrator, "a dog with a ball on grass", seed)
    dog, ball = (subject.boxes[0] for subject in source.scene.subjects)
    file = BytesIO()
    Image.fromarray(source.pixels).save(file, "PNG")
    brief = Brief(prompt="remove the ball", images=(file.getvalue(),), seed=1, width=SIDE, height=SIDE)
    changed = np.abs(illustrator.draw(brief).pixels.astype(int) - source.pixels).sum(axis=2)

    def share(box: tuple[int, int, int, int]) -> float:
        left, top, right, bottom = (max(0, side) for side in box)
        return float(np.mean(changed[top:bottom, left:right] > 40))

    assert share(ball) > 0.5
    assert share(dog) < 0.05


def test_a_prompt_is_read_up_to_its_limit(illustrator: Illustrator) -> None:
    drawing = draw(illustrator, "a red apple" + ", so very" * 300 + ", a dog", 1)
    assert labels(drawing) == ["red apple"]
    assert drawing.warnings == ("the prompt has 2,718 characters; the engine read the first 2,048",)


def test_a_prompt_of_very_many_things_is_drawn_as_far_as_a_picture_holds(illustrator: Illustrator) -> None:
    names = [
        "cat",
        "dog",
        "fox",
        "bear",
        "horse",
        "cow",
        "pig",
        "sheep",
        "goat",
        "duck",
        "swan",
        "owl",
        "eagle",
        "parrot",
        "lion",
        "tiger",
        "elephant",
        "giraffe",
        "zebra",
        "camel",
    ]
    drawing = draw(illustrator, ", ".join(f"a {name}" for name in names * 12)[:2048], 1)
    assert len(drawing.scene.subjects) == 40
    assert drawing.warnings == ("the prompt names 240 things; the first 40 were drawn, which are 40 figures at most",)


def test_the_first_thing_is_drawn_however_many_it_is(illustrator: Illustrator) -> None:
    drawing = draw(illustrator, "twelve cats, twelve dogs, twelve birds and twelve foxes in a meadow", 1)
    assert [subject.count for subject in drawing.scene.subjects] == [12, 12, 12]
