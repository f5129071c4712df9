"""Places of a particular kind have scenery of their own."""

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from cloudflare_image_illustrator import Brief, Illustrator
from cloudflare_image_illustrator.reading import lexicon
from cloudflare_image_illustrator.reading.languages import translate
from cloudflare_image_illustrator.reading.reader import Reader
from cloudflare_image_illustrator.scenery import setting

SIDE = 192
# Kind -> a prompt that names it, and one that names its scenery only.
KINDS = {
    "bare": ("a chair in an empty room", "a chair in a room"),
    "kitchen": ("a cat in a kitchen", "a cat in a room"),
    "classroom": ("a cat in a classroom", "a cat in a room"),
    "library": ("a cat in a library", "a cat in a room"),
    "office": ("a cat in an office", "a cat in a room"),
    "ballroom": ("a cat in a ballroom", "a cat in a room"),
    "ward": ("a cat in a hospital", "a cat in a room"),
    "castle hall": ("a cat in a castle", "a cat in a room"),
    "windowsill": ("a vase on a windowsill", "a vase on a table"),
    "waterfall": ("a deer at a waterfall", "a deer at a lake"),
    "jungle": ("a parrot in the jungle", "a parrot in the forest"),
    "iceberg": ("a penguin on an iceberg", "a penguin in the snow"),
    "pier": ("a cat on a pier", "a cat in the ocean"),
    "mud": ("a pig in the mud", "a pig in a meadow"),
    "paris": ("a cat in Paris", "a cat in the city"),
    "brick wall": ("a cat by a brick wall", "a cat in the city"),
    "tulip field": ("a cow in a tulip field", "a cow in a meadow"),
    "rose field": ("a cow in a rose field", "a cow in a meadow"),
    "sunflower field": ("a cow in a sunflower field", "a cow in a meadow"),
    "hyacinth field": ("a cow in a lavender field", "a cow in a meadow"),
    "flower field": ("a cow in a flower field", "a cow in a meadow"),
    "wheat field": ("a cow in a wheat field", "a cow in a meadow"),
}


def backdrop(illustrator: Illustrator, prompt: str, seed: int = 1) -> NDArray[np.int64]:
    """The scenery before anything stands in it."""
    stages: list[NDArray[np.uint8]] = []
    brief = Brief(prompt=prompt, seed=seed, width=SIDE, height=SIDE, partial_images=1)
    illustrator.draw(brief, on_partial=lambda _, pixels: stages.append(pixels.copy()))
    return stages[0].astype(np.int64)


def test_every_kind_of_place_is_tested_and_has_a_painter() -> None:
    assert set(KINDS) == set(setting.KINDS)
    assert set(lexicon.PLACE_KINDS.values()) <= set(setting.KINDS)
    assert set(lexicon.PLACE_KINDS) <= set(lexicon.SCENERY)


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_of_place_looks_unlike_the_general_one(illustrator: Illustrator, kind: str) -> None:
    special, general = KINDS[kind]
    assert kind in Reader(illustrator.vocabulary).read(special).kinds.values()
    assert not Reader(illustrator.vocabulary).read(general).kinds
    apart = np.abs(backdrop(illustrator, special) - backdrop(illustrator, general)).sum(axis=2)
    assert np.mean(apart > 60) > 0.1


def test_kinds_of_rooms_look_unlike_one_another(illustrator: Illustrator) -> None:
    rooms = [backdrop(illustrator, f"a cat in a {room}") for room in ("kitchen", "classroom", "library", "ballroom")]
    for i, one in enumerate(rooms):
        for other in rooms[i + 1 :]:
            assert np.mean(np.abs(one - other).sum(axis=2) > 60) > 0.4


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_stands_on_an_iceberg_is_within_its_edges(illustrator: Illustrator, seed: int) -> None:
    drawing = illustrator.draw(Brief(prompt="a penguin on an iceberg", seed=seed, width=SIDE, height=SIDE))
    left, _, right, bottom = drawing.scene.subjects[0].boxes[0]
    assert SIDE * 0.05 < (left + right) / 2 < SIDE * 0.95
    assert bottom < SIDE * 0.92


@pytest.mark.parametrize(
    ("prompt", "relation"),
    [
        ("a cowboy on a horse", ("riding", "cowboy")),
        ("a girl on a bicycle", ("riding", "girl")),
        ("a parrot on a pirate's shoulder", ("shoulder", "parrot")),
        ("a bird in a cage", ("inside", "bird")),
        ("a mouse inside a teacup", ("inside", "mouse")),
    ],
)
def test_relations_to_what_carries_or_holds(illustrator: Illustrator, prompt: str, relation: tuple[str, str]) -> None:
    second = illustrator.draw(Brief(prompt=prompt, seed=2, width=SIDE, height=SIDE)).scene.subjects[1]
    assert second.relation == relation


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_bird_in_a_cage_is_within_its_bars(illustrator: Illustrator, seed: int) -> None:
    bird, cage = illustrator.draw(Brief(prompt="a bird in a cage", seed=seed, width=SIDE, height=SIDE)).scene.subjects
    left, top, right, bottom = bird.boxes[0]
    outer = cage.boxes[0]
    assert outer[0] < left < right < outer[2]
    assert outer[1] < top < bottom < outer[3]


def test_a_bicycle_is_painted_on_its_frame(illustrator: Illustrator) -> None:
    drawing = illustrator.draw(Brief(prompt="a blue bicycle in a studio", seed=1, width=SIDE, height=SIDE))
    left, top, right, bottom = drawing.scene.subjects[0].boxes[0]
    frame = drawing.pixels[
        top + (bottom - top) // 4 : bottom - (bottom - top) // 3,
        left + (right - left) // 3 : right - (right - left) // 3,
    ]
    red, _, blue = (frame[..., i].astype(int) for i in range(3))
    assert np.mean(blue - red > 90) > 0.05
    assert np.mean(red - blue > 90) < 0.08


def test_a_shop_on_a_street_is_seen_from_the_street(illustrator: Illustrator) -> None:
    drawn = illustrator.draw(Brief(prompt="a bookshop on a rainy street", seed=1, width=SIDE, height=SIDE)).scene
    assert drawn.scenery == ("city",)
    assert [subject.label for subject in drawn.subjects] == ["convenience store"]


def test_rain_is_seen_on_the_pane_of_a_window(illustrator: Illustrator) -> None:
    dry, wet = (backdrop(illustrator, f"a cat in a room on a {day} day", 3) for day in ("sunny", "rainy"))
    assert np.mean(np.abs(dry - wet).sum(axis=2) > 40) > 0.02


def test_drawings_with_letters_are_not_mirrored(illustrator: Illustrator) -> None:
    """The board of the shop is brighter on the same side, whatever the seed."""
    shops = []
    for seed in range(1, 7):
        drawing = illustrator.draw(Brief(prompt="a supermarket, white background", seed=seed, width=SIDE, height=SIDE))
        left, top, right, bottom = drawing.scene.subjects[0].boxes[0]
        cut = Image.fromarray(drawing.pixels[top:bottom, left:right]).resize((48, 48)).convert("L")
        shops.append(np.asarray(cut, np.float32).ravel())
    for other in shops[1:]:
        assert np.corrcoef(shops[0], other)[0, 1] > 0.9


@pytest.mark.parametrize(
    ("prompt", "scenery", "kind"),
    [
        ("ein Schloss auf einem Hügel", "hills", None),
        ("eine Katze in der Küche", "interior", "kitchen"),
        ("un chien près de la mer", "beach", None),
        ("un gato en la biblioteca", "interior", "library"),
        ("una casa gialla vicino al mare", "beach", None),
        ("uma cachoeira na selva", "lake", "waterfall"),
        ("een kat in de keuken", "interior", "kitchen"),
        ("кошка на кухне", "interior", "kitchen"),
        ("厨房里的一只猫", "interior", "kitchen"),
        ("図書館の猫", "interior", "library"),
    ],
)
def test_rooms_and_places_in_other_languages(
    illustrator: Illustrator, prompt: str, scenery: str, kind: str | None
) -> None:
    english, _ = translate(illustrator.vocabulary, prompt)
    reading = Reader(illustrator.vocabulary).read(english)
    assert scenery in reading.scenery
    assert reading.kinds.get(scenery) == kind


@pytest.mark.parametrize(
    ("prompt", "label", "colour"),
    [
        ("a black and white cow", "cow", None),
        ("a black and white cat", "black cat", "black"),
        ("black and white dogs", "dog", "black"),
    ],
)
def test_a_black_and_white_animal_is_no_black_and_white_picture(
    illustrator: Illustrator, prompt: str, label: str, colour: str | None
) -> None:
    scene = illustrator.draw(Brief(prompt=prompt, seed=1, width=SIDE, height=SIDE)).scene
    assert (scene.subjects[0].label, scene.subjects[0].colour, scene.mood) == (label, colour, None)
    photograph = illustrator.draw(Brief(prompt="black and white photo of a cat", seed=1, width=64, height=64)).scene
    assert photograph.mood == "monochrome"


@pytest.mark.parametrize(
    ("prompt", "labels", "scenery"),
    [
        ("a sailor in a boat during a storm", ["man pilot", "sailboat"], "ocean"),
        ("a hot air balloon festival", ["hot air balloon"], None),
        ("a cactus in a pot on a windowsill", ["cactus", "vase"], "table"),
        ("a steaming bowl of soup on a wooden table", ["pot of food"], "table"),
        ("eine Eule auf einem Ast bei Nacht", ["owl", "branch"], None),
        ("a pumpkin on a porch at halloween", ["pumpkin", "house"], None),
    ],
)
def test_what_a_first_sight_of_prompts_got_wrong(
    illustrator: Illustrator, prompt: str, labels: list[str], scenery: str | None
) -> None:
    scene = illustrator.draw(Brief(prompt=prompt, seed=1, width=64, height=64)).scene
    assert [subject.label for subject in scene.subjects] == labels
    assert scenery is None or scenery in scene.scenery
