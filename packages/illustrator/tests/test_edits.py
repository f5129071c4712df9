"""Edits do what they are asked, and leave the rest."""

from typing import Any

import numpy as np
import pytest
from measure import distance, png
from numpy.typing import NDArray

from cloudflare_image_illustrator import Brief, Drawing, Illustrator
from cloudflare_image_illustrator.colour import to_oklab
from cloudflare_image_illustrator.edits.instruction import instruction

SMALL: dict[str, Any] = {"width": 192, "height": 192}


@pytest.fixture(scope="module")
def car(illustrator: Illustrator) -> Drawing:
    return illustrator.draw(Brief(prompt="a red car in a meadow at noon", seed=4, **SMALL))


@pytest.fixture(scope="module")
def backdrop(illustrator: Illustrator) -> NDArray[np.uint8]:
    stages: list[NDArray[np.uint8]] = []
    illustrator.draw(
        Brief(prompt="a red car in a meadow at noon", seed=4, partial_images=1, **SMALL),
        on_partial=lambda _, pixels: stages.append(pixels.copy()),
    )
    return stages[0]


def edit(illustrator: Illustrator, drawing: Drawing, prompt: str, **changes: Any) -> Drawing:
    return illustrator.draw(Brief(prompt=prompt, images=(png(drawing.pixels),), seed=4, **SMALL, **changes))


@pytest.mark.parametrize(
    ("prompt", "kind"),
    [
        ("remove the tree", "remove"),
        ("replace the background with mountains", "backdrop"),
        ("change the sky to a sunset", "backdrop"),
        ("make the car blue", "tint"),
        ("paint it green", "tint"),
        ("replace the car with a dog", "replace"),
        ("add a star", "add"),
        ("make it night", "describe"),
        ("turn into a watercolour", "describe"),
        ("a tiger in the jungle", "describe"),
    ],
)
def test_the_kind_of_instruction(prompt: str, kind: str) -> None:
    assert instruction(prompt).kind == kind


def test_night_is_darker_and_bluer(illustrator: Illustrator, car: Drawing) -> None:
    night = edit(illustrator, car, "make it night").pixels.astype(float)
    assert night.mean() < car.pixels.mean() * 0.7
    assert night[..., 2].mean() / night.mean() > car.pixels[..., 2].mean() / car.pixels.mean()


def test_winter_takes_the_green_out(illustrator: Illustrator, car: Drawing) -> None:
    def green(pixels: NDArray[np.uint8]) -> float:
        lab = to_oklab(pixels.astype(np.float32) / 255)
        return float((lab[..., 1] < -0.05).mean())

    assert green(edit(illustrator, car, "make it winter").pixels) < green(car.pixels) * 0.5


def test_a_star_is_added_and_the_rest_kept(illustrator: Illustrator, car: Drawing) -> None:
    result = edit(illustrator, car, "add a star")
    (subject,) = result.scene.subjects
    left, top, right, bottom = subject.boxes[0]
    assert subject.label == "star"
    changed = np.abs(result.pixels.astype(int) - car.pixels.astype(int)).max(-1) > 12
    outside = changed.copy()
    outside[max(top - 12, 0) : bottom + 24, max(left - 24, 0) : right + 24] = False
    assert changed[top:bottom, left:right].mean() > 0.3
    assert outside.mean() < 0.01


def test_a_thing_is_removed_under_a_mask(illustrator: Illustrator, car: Drawing, backdrop: NDArray[np.uint8]) -> None:
    left, top, right, bottom = car.scene.subjects[0].boxes[0]
    mask = np.zeros((192, 192), np.uint8)
    mask[max(top - 6, 0) : bottom + 14, max(left - 6, 0) : right + 8] = 255
    result = edit(illustrator, car, "remove the car", mask=png(mask), strength=1.0).pixels
    assert np.array_equal(result[mask == 0], car.pixels[mask == 0])
    inside = mask > 0
    assert distance(result[inside], backdrop[inside]) < distance(car.pixels[inside], backdrop[inside]) * 0.5


@pytest.mark.parametrize(
    ("prompt", "guessed"),
    [("remove it", True), ("remove the car", False)],
    ids=["what stands out, with a warning of the guess", "a named thing in another colour than its drawing"],
)
def test_a_thing_is_removed_without_a_mask(
    illustrator: Illustrator, car: Drawing, backdrop: NDArray[np.uint8], prompt: str, guessed: bool
) -> None:
    result = edit(illustrator, car, prompt, strength=1.0)
    left, top, right, bottom = car.scene.subjects[0].boxes[0]
    area = (slice(top, bottom), slice(left, right))
    assert distance(result.pixels[area], backdrop[area]) < distance(car.pixels[area], backdrop[area]) * 0.7
    if guessed:
        assert any("mask" in warning for warning in result.warnings)
    else:
        assert result.warnings == ()


def test_removing_one_of_two_leaves_the_other(illustrator: Illustrator) -> None:
    """The dog is found by its drawing in the coat that it wears, and the cat beside it keeps its place."""
    source = illustrator.draw(Brief(prompt="a cat and a dog on grass", seed=9, **SMALL))
    cat, dog = (subject.boxes[0] for subject in source.scene.subjects)
    result = edit(illustrator, source, "remove the dog")
    changed = np.abs(result.pixels.astype(int) - source.pixels).sum(axis=2) > 40
    assert changed[dog[1] : dog[3], dog[0] : dog[2]].mean() > 0.4
    assert changed[cat[1] : cat[3], cat[0] : cat[2]].mean() < 0.1


@pytest.mark.parametrize("mask", [False, True])
def test_a_rainbow_is_added_to_the_sky_behind_what_reaches_into_it(illustrator: Illustrator, mask: bool) -> None:
    source = illustrator.draw(Brief(prompt="a castle on a hill at noon", seed=6, **SMALL))
    left, top, right, bottom = source.scene.subjects[0].boxes[0]
    upper = np.zeros((192, 192), np.uint8)
    upper[:96] = 255
    result = edit(illustrator, source, "add a rainbow", mask=png(upper) if mask else None).pixels
    changed = np.abs(result.astype(int) - source.pixels).sum(axis=2) > 24
    assert changed[: top + (bottom - top) // 2].mean() > 0.04
    middle = (left + right) // 2
    assert not changed[(top + bottom) // 2 : bottom, middle - 8 : middle + 8].any()


@pytest.mark.parametrize("thing", ["sun", "moon", "rainbow", "northern lights"])
def test_a_thing_of_the_sky_is_drawn_in_a_masked_box_on_the_ground(
    illustrator: Illustrator, car: Drawing, thing: str
) -> None:
    """It fills the box, over what is there: that is neither removed nor changed beside it."""
    box = np.zeros((192, 192), np.uint8)
    box[120:185, 15:80] = 255
    result = edit(illustrator, car, f"add a {thing}", mask=png(box))
    assert result.warnings == ()
    assert np.array_equal(result.pixels[box == 0], car.pixels[box == 0])
    changed = np.abs(result.pixels.astype(int) - car.pixels).sum(axis=2) > 24
    assert 0.1 < changed[box > 0].mean() < 0.9
    rows, columns = np.nonzero(changed)
    assert np.ptp(rows) > 25
    assert np.ptp(columns) > 30
    if thing in {"sun", "moon"}:  # round, in the middle
        assert not changed[120:124, 15:19].any()
        assert changed[145:160, 40:55].mean() > 0.9


@pytest.mark.parametrize("thing", ["sun", "moon", "rainbow", "stars", "northern lights", "fireworks"])
@pytest.mark.parametrize("side", [0, 1, 3])
def test_a_thing_of_the_sky_in_a_mask_of_a_few_pixels(
    illustrator: Illustrator, car: Drawing, thing: str, side: int
) -> None:
    box = np.zeros((192, 192), np.uint8)
    box[150 : 150 + side, 60 : 60 + side] = 255
    result = edit(illustrator, car, f"add a {thing}", mask=png(box))
    assert np.array_equal(result.pixels[box == 0], car.pixels[box == 0])


def test_a_sun_added_to_a_night_is_no_moon(illustrator: Illustrator) -> None:
    source = illustrator.draw(Brief(prompt="a house in a meadow at night", seed=4, **SMALL))
    sun, moon = (edit(illustrator, source, f"add a {thing}").pixels for thing in ("sun", "moon"))
    assert not np.array_equal(sun, moon)


@pytest.mark.parametrize(
    ("place", "warning"),
    [
        ("a cat on a sofa in a room", "may be a wall"),
        ("a library", "may be a wall"),
        ("stained glass of a rose", "no open sky was found"),
        ("a castle on a hill at noon", ""),
        ("a house in a meadow at night", ""),
    ],
)
def test_a_rainbow_is_warned_of_where_no_sky_is_certain(illustrator: Illustrator, place: str, warning: str) -> None:
    source = illustrator.draw(Brief(prompt=place, seed=4, **SMALL))
    result = edit(illustrator, source, "add a rainbow")
    if warning:
        assert any(warning in line and "rainbow" in line for line in result.warnings)
    else:
        assert result.warnings == ()


def test_night_leaves_more_light_on_the_subject_than_round_it(illustrator: Illustrator, car: Drawing) -> None:
    night = edit(illustrator, car, "make it night").pixels.astype(float).mean(axis=2)
    kept = night / np.maximum(car.pixels.astype(float).mean(axis=2), 1)
    left, top, right, bottom = car.scene.subjects[0].boxes[0]
    inner = kept[(top + bottom) // 2 - 8 : (top + bottom) // 2 + 8, (left + right) // 2 - 12 : (left + right) // 2 + 12]
    assert inner.mean() > 1.25 * kept[-12:].mean()


def test_winter_lays_snow_on_the_roof_of_a_car(illustrator: Illustrator, car: Drawing) -> None:
    left, top, right, _ = car.scene.subjects[0].boxes[0]
    roof = (slice(max(top - 4, 0), top + 8), slice(left + (right - left) // 3, right - (right - left) // 3))
    before, after = (
        to_oklab(pixels[roof].astype(np.float32) / 255)
        for pixels in (car.pixels, edit(illustrator, car, "make it winter").pixels)
    )

    def white(lab: NDArray[np.floating[Any]]) -> float:
        return float(np.mean((lab[..., 0] > 0.9) & (np.hypot(lab[..., 1], lab[..., 2]) < 0.04)))

    assert white(after) > white(before) + 0.15


def test_a_masked_sky_keeps_the_subject_that_reaches_into_it(illustrator: Illustrator) -> None:
    source = illustrator.draw(Brief(prompt="a fox in a meadow at noon", seed=4, **SMALL))
    left, top, right, bottom = source.scene.subjects[0].boxes[0]
    upper = np.zeros((192, 192), np.uint8)
    upper[: (top + bottom) // 2] = 255
    result = edit(illustrator, source, "a starry night sky", mask=png(upper), strength=1.0).pixels
    face = (
        slice(top + (bottom - top) // 4, (top + bottom) // 2 - 4),
        slice((left + right) // 2 - 6, (left + right) // 2 + 6),
    )
    kept = np.corrcoef(result[face].astype(float).ravel(), source.pixels[face].astype(float).ravel())[0, 1]
    assert kept > 0.9  # under the light of the night, but the same face
    assert distance(result[:12], source.pixels[:12]) > 0.2


def test_a_thing_is_recoloured(illustrator: Illustrator, car: Drawing) -> None:
    left, top, right, bottom = car.scene.subjects[0].boxes[0]
    result = edit(illustrator, car, "make the car blue").pixels[top:bottom, left:right]
    before = car.pixels[top:bottom, left:right]
    assert result[..., 2].mean() > before[..., 2].mean() + 20
    assert result[..., 0].mean() < before[..., 0].mean() - 20


def test_the_background_is_replaced_behind_the_foreground(illustrator: Illustrator, car: Drawing) -> None:
    result = edit(illustrator, car, "replace the background with a desert")
    assert result.scene.scenery == ("desert",)
    left, top, right, bottom = car.scene.subjects[0].boxes[0]
    middle = (
        slice((top + bottom) // 2, bottom - (bottom - top) // 3),
        slice(left + (right - left) // 4, right - (right - left) // 4),
    )
    assert distance(result.pixels[middle], car.pixels[middle]) < 0.06
    assert distance(result.pixels[-20:], car.pixels[-20:]) > 0.1


def test_variations_keep_the_palette_and_differ_by_seed(illustrator: Illustrator, car: Drawing) -> None:
    variations = [
        illustrator.draw(Brief(prompt="", images=(png(car.pixels),), vary=True, seed=seed, **SMALL)).pixels
        for seed in (1, 2, 3)
    ]
    for one in variations:
        assert distance(one, car.pixels) > 0.03
        assert np.abs(one.mean((0, 1)) - car.pixels.mean((0, 1))).max() < 45
    assert distance(variations[0], variations[1]) > 0.03


def test_a_source_of_another_size_is_fitted(illustrator: Illustrator, car: Drawing) -> None:
    result = illustrator.draw(Brief(prompt="make it night", images=(png(car.pixels),), width=160, height=96))
    assert result.pixels.shape == (96, 160, 3)


def test_what_is_added_goes_where_the_instruction_says(illustrator: Illustrator, car: Drawing) -> None:
    left, top, right, bottom = car.scene.subjects[0].boxes[0]
    on = edit(illustrator, car, "put a cat on top of the car").scene.subjects[0].boxes[0]
    assert left < (on[0] + on[2]) / 2 < right
    assert abs(on[3] - top) < (bottom - top) * 0.25
    beside = edit(illustrator, car, "add a dog next to the car").scene.subjects[0].boxes[0]
    assert abs((beside[0] + beside[2]) / 2 - (left + right) / 2) > (right - left) * 0.4


def test_a_removed_thing_leaves_the_scenery_sharp(illustrator: Illustrator, car: Drawing) -> None:
    """What fills the hole has as much fine detail as the scenery beside it: it is not smeared."""
    left, top, right, bottom = car.scene.subjects[0].boxes[0]
    hole = np.zeros(car.pixels.shape[:2], np.uint8)
    hole[max(top - 8, 0) : bottom + 12, max(left - 8, 0) : right + 8] = 255
    removed = edit(illustrator, car, "remove the car", mask=png(hole)).pixels.astype(np.float32).mean(-1)
    across = np.abs(np.diff(removed, axis=1))
    inside = across[(top + bottom) // 2 : bottom, left + 8 : right - 8].mean()
    rows = np.r_[bottom + 14 : removed.shape[0]]
    assert inside > 0.3 * across[rows].mean()


def test_a_new_background_leaves_no_rim_of_the_old(illustrator: Illustrator, car: Drawing) -> None:
    """Round the car's body, above the shadow between its wheels, no green of the meadow is left before the sea."""
    _, top, _, bottom = car.scene.subjects[0].boxes[0]
    result = edit(illustrator, car, "replace the background with the ocean").pixels[: bottom - (bottom - top) // 4]
    lab = to_oklab(result.astype(np.float32) / 255)
    hue = np.degrees(np.arctan2(lab[..., 2], lab[..., 1])) % 360
    green = (np.hypot(lab[..., 1], lab[..., 2]) > 0.06) & (np.abs(hue - 130) < 22)
    assert green.mean() < 0.002
