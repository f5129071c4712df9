from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudflare_image_mcp.backends.workers_ai.wire import wire_of
from cloudflare_image_mcp.catalog import Size, SizeRule, models

SIDES = st.integers(1, 4000)


@pytest.mark.parametrize("text", ["512x768", "512X768", " 512 x 768 ", "512*768"])
def test_sizes_are_read_as_people_write_them(text: str) -> None:
    assert Size.parse(text) == Size(512, 768)


@pytest.mark.parametrize("text", ["", "512", "x512", "512x", "-512x512", "5.5x5", "1x2x3", "9999999x1", "axb"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        Size.parse(text)


@given(SIDES, SIDES)
def test_the_nearest_size_is_taken_by_every_wire(width: int, height: int) -> None:
    for model in models().values():
        rule = wire_of(model).sizes
        assert rule.takes(rule.nearest(Size(width, height))), (model.id, width, height)


@given(st.integers(256, 1904), st.integers(256, 1904))
def test_rendering_is_never_smaller_than_wanted_where_the_wire_reaches(width: int, height: int) -> None:
    rule = wire_of(models()["@cf/black-forest-labs/flux-2-klein-4b"]).sizes
    near = rule.nearest(Size(width, height))
    assert 0 <= near.width - width < 16
    assert 0 <= near.height - height < 16


def test_a_size_beyond_the_wire_keeps_its_shape() -> None:
    rule = wire_of(models()["@cf/black-forest-labs/flux-2-dev"]).sizes
    assert rule.nearest(Size(2048, 1024)) == Size(1920, 960)
    assert rule.nearest(Size(2048, 2048)) == Size(1920, 1920)


def test_of_fixed_sizes_the_one_of_the_nearest_shape_is_rendered() -> None:
    rule = SizeRule(default=Size(512, 512), fixed=(Size(512, 512), Size(1024, 1024), Size(1024, 512)))
    assert rule.nearest(Size(800, 400)) == Size(1024, 512)
    assert rule.nearest(Size(700, 700)) == Size(1024, 1024)
    assert rule.nearest(Size(300, 300)) == Size(512, 512)
