"""What the reader makes of prompts."""

import pytest

from cloudflare_image_mcp.illustrator import Illustrator
from cloudflare_image_mcp.illustrator.mention import Reading
from cloudflare_image_mcp.illustrator.reading import Reader


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
