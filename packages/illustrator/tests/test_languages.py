"""Prompts in fifteen more languages."""

import pytest

from cloudflare_image_illustrator import Brief, Illustrator
from cloudflare_image_illustrator.reading.languages import language_of

SAME = [
    ("de", "ein roter Hund im Wald bei Nacht"),
    ("fr", "un chien rouge dans la forêt la nuit"),
    ("es", "un perro rojo en el bosque de noche"),
    ("it", "un cane rosso nella foresta di notte"),
    ("pt", "um cachorro vermelho na floresta à noite"),
    ("nl", "een rode hond in het bos in de nacht"),
    ("pl", "czerwony pies w lesie w nocy"),
    ("ru", "красная собака в лесу ночью"),
    ("tr", "gece ormanda kırmızı bir köpek"),
    ("ar", "كلب أحمر في الغابة في الليل"),
    ("zh", "夜晚森林里的一只红色的狗"),
    ("zh-hant", "夜晚森林裡的一隻紅色的狗"),
    ("ja", "夜の森の中の赤い犬"),
    ("ko", "밤 숲속의 빨간 개"),
    ("th", "สุนัขสีแดงในป่ากลางคืน"),
]


@pytest.mark.parametrize(("language", "prompt"), SAME)
def test_a_red_dog_in_a_forest_at_night(illustrator: Illustrator, language: str, prompt: str) -> None:
    drawing = illustrator.draw(Brief(prompt=prompt, width=64, height=64, seed=1))
    assert language_of(prompt) == language
    assert [(s.label, s.colour) for s in drawing.scene.subjects] == [("dog", "red")]
    assert "forest" in drawing.scene.scenery
    assert drawing.scene.time == "night"


@pytest.mark.parametrize(
    "prompt", ["a red dog", "pizza", "oil painting of a sailboat", "an avocado armchair", "cyberpunk city"]
)
def test_english_is_left_alone(prompt: str) -> None:
    assert language_of(prompt) == "en"


def test_words_outside_the_tables_come_from_the_labels_of_the_language(illustrator: Illustrator) -> None:
    scene = illustrator.draw(Brief(prompt="eine Giraffe und ein Zebra auf der Wiese", width=64, height=64)).scene
    assert [s.label for s in scene.subjects] == ["giraffe", "zebra"]


def test_words_in_no_table_go_through_the_encoder_or_are_named(illustrator: Illustrator) -> None:
    drawing = illustrator.draw(Brief(prompt="قطة و دراجة", width=64, height=64))
    assert "cat" in [s.label for s in drawing.scene.subjects]
    assert len(drawing.scene.subjects) == 2 or any("دراجة" in warning for warning in drawing.warnings)


@pytest.mark.parametrize(
    ("prompt", "above", "below"),
    [
        ("桜の木の下の犬", "deciduous tree", "dog"),
        ("一只猫在长椅上", "cat", "bench"),
        ("나무 아래 개", "deciduous tree", "dog"),
        ("ein alter Mann sitzt auf einer Bank", "old man", "bench"),
        ("un gato durmiendo en un sofá", "sleeping cat", "sofa"),
    ],
)
def test_who_is_on_or_under_what(illustrator: Illustrator, prompt: str, above: str, below: str) -> None:
    boxes = {
        s.label: s.boxes[0] for s in illustrator.draw(Brief(prompt=prompt, width=96, height=96, seed=2)).scene.subjects
    }
    assert boxes[above][3] < boxes[below][3]
    assert boxes[above][1] < boxes[below][1]
