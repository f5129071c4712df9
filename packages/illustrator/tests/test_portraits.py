"""Portraits have shoulders, which the lower edge cuts off."""

import pytest

from cloudflare_image_illustrator import Brief, Illustrator


@pytest.mark.parametrize("who", ["a king", "a woman", "a fox", "an astronaut", "a robot"])
@pytest.mark.parametrize(("width", "height"), [(128, 128), (96, 224)])
def test_a_bust_reaches_the_lower_edge(illustrator: Illustrator, who: str, width: int, height: int) -> None:
    scene = illustrator.draw(Brief(prompt=f"portrait of {who}", width=width, height=height, seed=2)).scene
    left, top, right, bottom = scene.subjects[0].boxes[0]
    assert bottom >= height
    assert top >= 0
    assert left < width / 2 < right


@pytest.mark.parametrize("what", ["a cat", "an apple", "a castle"])
def test_what_has_an_end_of_its_own_stands_on_the_ground(illustrator: Illustrator, what: str) -> None:
    scene = illustrator.draw(Brief(prompt=f"close-up of {what}", width=128, height=128, seed=2)).scene
    assert scene.subjects[0].boxes[0][3] < 128


def test_a_hat_fits_the_head_of_a_bust(illustrator: Illustrator) -> None:
    scene = illustrator.draw(Brief(prompt="portrait of a woman with a hat", width=160, height=160, seed=2)).scene
    head, hat = (subject.boxes[0] for subject in scene.subjects)
    assert hat[2] - hat[0] > 0.35 * (head[2] - head[0])
    assert hat[1] < head[1] < hat[3]
