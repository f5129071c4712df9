"""Animals that the artwork lacks, idioms, and relations said by a verb."""

import pytest

from cloudflare_image_illustrator import Brief, Illustrator, Scene
from cloudflare_image_illustrator.reading.relatives import RELATIVES


def scene(illustrator: Illustrator, prompt: str) -> Scene:
    return illustrator.draw(Brief(prompt=prompt, seed=3, width=128, height=128)).scene


def test_every_relative_is_in_the_artwork(illustrator: Illustrator) -> None:
    labels = {concept.label for concept in illustrator.vocabulary.artwork.concepts}
    assert set(RELATIVES.values()) <= labels
    assert len(RELATIVES) > 100


@pytest.mark.parametrize(
    ("name", "relative"), [("sea lion", "seal"), ("macaw", "parrot"), ("meerkats", "chipmunk"), ("coyote", "wolf")]
)
def test_a_relative_is_drawn_with_a_warning(illustrator: Illustrator, name: str, relative: str) -> None:
    drawing = illustrator.draw(Brief(prompt=f"a {name} on a rock", seed=3, width=128, height=128))
    assert relative in [subject.label for subject in drawing.scene.subjects]
    assert f'"{name}" is not in the artwork; the nearest, "{relative}", was drawn' in drawing.warnings


@pytest.mark.parametrize(
    ("prompt", "labels"),
    [
        ("four yellow ducks in a row", ["duck"]),
        ("a frog on a lily pad", ["frog", "lotus"]),
        ("a vase on a windowsill", ["vase"]),
        ("a bicycle leaning against a brick wall", ["bicycle"]),
        ("a tractor in a wheat field", ["tractor"]),
    ],
)
def test_idioms_are_not_drawn_as_things(illustrator: Illustrator, prompt: str, labels: list[str]) -> None:
    assert [subject.label for subject in scene(illustrator, prompt).subjects] == labels


def test_who_is_in_a_building_stands_before_it(illustrator: Illustrator) -> None:
    bride, church = scene(illustrator, "a bride in a church").subjects
    assert church.relation == ("front", "woman with veil") or bride.boxes[0][3] >= church.boxes[0][3]


@pytest.mark.parametrize("prompt", ["a vampire in a castle at night", "a doctor in a hospital", "a boy in a school"])
def test_who_is_in_a_building_with_a_room_of_its_own_is_in_that_room(illustrator: Illustrator, prompt: str) -> None:
    drawn = scene(illustrator, prompt)
    assert len(drawn.subjects) == 1
    assert drawn.scenery == ("interior",)


def test_a_field_of_plants_has_several(illustrator: Illustrator) -> None:
    windmill, tulips = scene(illustrator, "a windmill in a tulip field").subjects
    assert (windmill.count, tulips.count) == (1, 5)


def test_storms_at_sea_are_weather(illustrator: Illustrator) -> None:
    assert scene(illustrator, "oil painting of a stormy sea").weather == ("storm",)


@pytest.mark.parametrize(
    ("prompt", "labels"),
    [
        ("un chat noir sur un toit rouge la nuit", ["cat", "house"]),
        ("een rode fiets voor een molen", ["bicycle", "windmill"]),
        ("czarny kot na czerwonym dywanie", ["cat"]),
    ],
)
def test_roofs_mills_and_carpets_in_other_languages(illustrator: Illustrator, prompt: str, labels: list[str]) -> None:
    found = [subject.label.removeprefix("black ") for subject in scene(illustrator, prompt).subjects]
    assert found == labels
