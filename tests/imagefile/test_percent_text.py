"""Percent-encoded text, whose escapes may lie across the pieces that it is read in."""

from __future__ import annotations

from urllib.parse import quote_from_bytes, unquote_to_bytes

import pytest

from cloudflare_image_mcp.imagefile.percent_text import percent_decoded


@pytest.mark.parametrize("shift", range(5))
async def test_it_is_what_the_standard_library_makes_of_it(shift: int) -> None:
    text = b"x" * shift + quote_from_bytes(bytes(range(256)) * 500, safe="").encode()
    assert len(text) > 4 * 64 * 1024
    assert await percent_decoded(text) == unquote_to_bytes(text)


@pytest.mark.parametrize("text", [b"", b"%", b"%4", b"%zz", b"a%", b"x" * (64 * 1024 - 1) + b"%", b"%" * 70_000])
async def test_what_is_no_escape_stays(text: bytes) -> None:
    assert await percent_decoded(text) == text
