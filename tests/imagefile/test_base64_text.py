"""base64 text in parts that are cut anywhere."""

from __future__ import annotations

import base64
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudflare_image_mcp.imagefile import base64_text


def cut(text: bytes, places: list[int]) -> list[bytes]:
    return [text[start:stop] for start, stop in pairwise([0, *sorted(places), len(text)])]


@given(st.binary(max_size=60), st.lists(st.integers(0, 80)))
def test_text_in_parts_is_decoded_by_whole_groups(data: bytes, places: list[int]) -> None:
    parts = cut(base64.b64encode(data), places)
    groups = list(base64_text.whole_groups(parts))
    assert b"".join(map(base64_text.decode, groups)) == data
    assert base64_text.is_valid(parts)


@given(st.text("Aa1+/=*\n", max_size=24), st.lists(st.integers(0, 24)))
def test_parts_are_valid_where_the_whole_text_is(text: str, places: list[int]) -> None:
    try:
        base64_text.decode(text.encode())
    except ValueError:
        valid = False
    else:
        valid = True
    assert base64_text.is_valid(cut(text.encode(), places)) is valid


@pytest.mark.parametrize("wrong", [b"*", b"=", b'"', b"\n"])
@pytest.mark.parametrize("place", [0, 65_533, 65_535, 65_536, 131_071, 199_998])
def test_one_wrong_character_in_a_long_text_is_found(wrong: bytes, place: int) -> None:
    text = b"Ab1+" * 50_000
    assert base64_text.is_valid([text])
    assert not base64_text.is_valid([text[:place] + wrong + text[place + 1 :]])
    assert not base64_text.is_valid([text[:-1]])
