"""What the reader makes of prompts."""

import pytest

from cloudflare_image_illustrator import Brief, Illustrator
from cloudflare_image_illustrator.reading import everyday
from cloudflare_image_illustrator.reading.ideas import IDEAS
from cloudflare_image_illustrator.reading.mention import Reading
from cloudflare_image_illustrator.reading.reader import Reader


@pytest.fixture(scope="module")
def reader(illustrator: Illustrator) -> Reader:
    return Reader(illustrator.vocabulary)


def things(reading: Reading) -> list[tuple[str, int, list[str]]]:
    return [(m.phrase, m.count, m.colours) for m in reading.mentions]


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a red apple", [("red apple", 1, ["red"])]),
        ("brown horse", [("horse", 1, ["brown"])]),
        ("cup of coffee on a desk", [("cup of coffee", 1, [])]),
        ("an orange and an orange cat", [("orange", 1, []), ("cat", 1, ["orange"])]),
        ("three small blue birds and a green tree", [("birds", 3, ["blue"]), ("tree", 1, ["green"])]),
        ("a dozen roses", [("roses", 12, [])]),
        ("a pair of foxes", [("foxes", 2, [])]),
        ("a car, red, shiny", [("car", 1, ["red"])]),
        ("mice", [("mice", 3, [])]),
    ],
)
def test_things_with_number_and_colour(reader: Reader, prompt: str, expected: list[tuple[str, int, list[str]]]) -> None:
    assert things(reader.read(prompt)) == expected


@pytest.mark.parametrize(
    ("prompt", "field", "expected"),
    [
        ("sunset over mountains", "time", "sunset"),
        ("a ship in a thunderstorm", "weather", ["storm"]),
        ("a fox, watercolor", "style", "watercolour"),
        ("an oil painting of a dog", "style", "oil"),
        ("a house in autumn", "season", "autumn"),
        ("portrait of an old wizard", "composition", "close"),
        ("cyberpunk city in the rain with a robot", "scenery", ["city"]),
        ("a rainbow over a field", "sky", ["rainbow"]),
        ("a spooky castle", "mood", "spooky"),
        ('a sign that says "OPEN"', "lettering", ["OPEN"]),
    ],
)
def test_everything_else_in_the_prompt(reader: Reader, prompt: str, field: str, expected: object) -> None:
    assert getattr(reader.read(prompt), field) == expected


@pytest.mark.parametrize(
    ("prompt", "relation"),
    [
        ("a cat on a couch", ("on", 0)),
        ("a dog under a tree", ("under", 0)),
        ("a dragon flying over a castle", ("over", 0)),
        ("an astronaut riding a horse", ("riding", 0)),
        ("a bear wearing a hat", ("wearing", 0)),
        ("a bear with a hat", ("wearing", 0)),
        ("a girl holding a balloon", ("holding", 0)),
        ("a dog in front of a house", ("front", 0)),
        ("a fox behind a house", ("behind", 0)),
        ("a mouse next to an elephant", ("beside", 0)),
    ],
)
def test_relations(reader: Reader, prompt: str, relation: tuple[str, int]) -> None:
    assert reader.read(prompt).mentions[1].relation == relation


def test_a_chain_of_relations_hangs_on_the_one_who_acts(reader: Reader) -> None:
    mentions = reader.read("a cat wearing a hat holding a sword in front of a castle").mentions
    assert [m.relation for m in mentions] == [None, ("wearing", 0), ("holding", 0), ("front", 0)]


def test_a_coloured_place_is_not_a_coloured_thing(reader: Reader) -> None:
    reading = reader.read("a dog under a purple sky")
    assert reading.tints == {"sky": "purple"}
    assert reading.mentions[0].colours == []


def test_unknown_words_fall_to_the_nearest_or_are_named(reader: Reader) -> None:
    reading = reader.read("a pomeranian beside a xqzvbn")
    assert [reader.vocabulary.concept(m.concepts[0]).label for m in reading.mentions] != []
    assert any("pomeranian" in warning for warning in reading.warnings) or reading.mentions[0].phrase == "pomeranian"
    assert any('"xqzvbn"' in warning for warning in reading.warnings)


def test_refusals_leave_the_prompt(reader: Reader) -> None:
    reading = reader.read("a street without cars, no people")
    assert reading.mentions == []
    assert reading.refused == "cars, people"


@pytest.mark.parametrize(
    ("prompt", "phrase", "relation"),
    [
        ("a bowl of cherries", "cherries", ("containing", 0)),
        ("a plate of cookies and a dog", "cookies", ("bearing", 0)),
        ("a plate of cookies and a dog", "dog", ("beside", 1)),
        ("two bananas on a plate", "plate", ("on", 0)),
        ("a train crossing a bridge", "bridge", ("on", 0)),
        ("a cat in a bed", "bed", ("on", 0)),
        ("a woman with a briefcase", "briefcase", ("holding", 0)),
        ("a boy with a cap", "cap", ("wearing", 0)),
    ],
)
def test_what_holds_what(reader: Reader, prompt: str, phrase: str, relation: tuple[str, int]) -> None:
    assert next(m for m in reader.read(prompt).mentions if m.phrase == phrase).relation == relation


def test_a_dish_comes_without_the_container_named_before_it(reader: Reader) -> None:
    assert [m.phrase for m in reader.read("a plate of spaghetti next to a lemon").mentions] == [
        "plate of spaghetti",
        "lemon",
    ]
    assert [m.phrase for m in reader.read("a bowl of curry next to a lemon").mentions] == ["curry", "lemon"]


def test_things_joined_by_and_rest_on_the_same_thing(illustrator: Illustrator) -> None:
    scene = illustrator.draw(Brief(prompt="a bear and a goat on a sofa", seed=3, width=128, height=128)).scene
    boxes = {s.label: s.boxes[0] for s in scene.subjects}
    for label in ("bear", "goat"):
        left, top, right, bottom = boxes[label]
        assert boxes["sofa"][0] <= (left + right) / 2 <= boxes["sofa"][2]
        assert boxes["sofa"][1] < bottom < boxes["sofa"][3]
        assert top < boxes["sofa"][3]


def test_parts_are_no_things_of_their_own(reader: Reader) -> None:
    reading = reader.read("a tree with pink leaves and a white horse with blue eyes")
    assert things(reading) == [("tree", 1, ["pink"]), ("horse", 1, ["white"])]


def test_what_only_resembles_a_thing_drawn_already_is_left_out(reader: Reader) -> None:
    reading = reader.read("a cow and a moo")
    assert [m.phrase for m in reading.mentions] == ["cow"]
    assert any('"moo"' in warning for warning in reading.warnings)


@pytest.mark.parametrize(
    ("prompt", "refused"),
    [
        ("a fox in a field --ar 16:9 --v 6.1 --style raw", ""),
        ("a fox in a field, (masterpiece:1.3), <lora:fur:0.8>", ""),
        ("a fox in a field --no trees, people --ar 3:2", "trees, people"),
    ],
)
def test_the_switches_of_other_generators_are_not_drawn(reader: Reader, prompt: str, refused: str) -> None:
    reading = reader.read(prompt)
    assert things(reading) == [("fox", 1, [])]
    assert reading.scenery == ["meadow"]
    assert reading.refused.strip() == refused
    assert reading.warnings == []


def test_an_idea_alone_is_pictured_with_a_warning(reader: Reader) -> None:
    reading = reader.read("freedom, oil painting")
    assert [m.phrase for m in reading.mentions] == ["eagle"]
    assert reading.style == "oil"
    assert any('"freedom"' in warning for warning in reading.warnings)
    assert [m.phrase for m in reader.read("a dog full of joy").mentions] == ["dog"]


@pytest.mark.parametrize("idea", sorted(IDEAS))
def test_every_idea_has_a_picture(reader: Reader, idea: str) -> None:
    reading = reader.read(idea)
    assert reading.mentions or reading.scenery
    assert len(reading.warnings) == 1


def test_every_everyday_name_has_a_drawing(illustrator: Illustrator) -> None:
    labels = {concept.label for concept in illustrator.vocabulary.artwork.concepts}
    assert {name: label for name, label in everyday.ALIASES.items() if label not in labels} == {}


@pytest.mark.parametrize("place", ["cliff", "gradient", "beach"])
def test_places_and_emblems(reader: Reader, place: str) -> None:
    prompt = {
        "cliff": "a hut on a cliff",
        "gradient": "a blue to pink gradient background",
        "beach": "a hut by the sea",
    }
    assert reader.read(prompt[place]).scenery == [place]
    assert reader.read(f"logo of a fox, {place}").emblem


def test_what_is_done_and_what_it_comes_in_are_not_drawn_apart(reader: Reader) -> None:
    assert [m.phrase for m in reader.read("two kids building a snowman").mentions] == ["kids", "snowman"]
    assert [m.phrase for m in reader.read("a building and a cup").mentions] == ["building", "cup"]
    assert [m.phrase for m in reader.read("a cup of cappuccino with latte art").mentions] == ["cappuccino"]
