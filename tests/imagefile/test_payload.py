"""Payloads: bytes and base64 text behave alike, also when they are spliced."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudflare_image_mcp.errors import UnreadableImage
from cloudflare_image_mcp.imagefile.payload import CHUNK, Base64Payload, BytesPayload, Payload


async def joined(payload: Payload) -> tuple[bytes, bytes]:
    data = b"".join([chunk async for chunk in payload.chunks()])
    text = b"".join([chunk async for chunk in payload.base64_chunks()])
    return data, base64.b64decode(text, validate=True)


def as_base64(data: bytes, cut: int = 0) -> Base64Payload:
    text = base64.b64encode(data)
    return Base64Payload(text[:cut], text[cut : cut + 1], text[cut + 1 :])


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 2])
async def test_both_kinds_give_the_same_file(size: int) -> None:
    data = bytes(i * i % 251 for i in range(size))
    for payload in (BytesPayload(data), as_base64(data), as_base64(data, size // 2)):
        assert payload.size == size
        assert await payload.read() == data
        assert await joined(payload) == (data, data)


@given(st.binary(max_size=40), st.integers(0, 56), st.integers(0, 50), st.integers(0, 50))
async def test_a_slice_is_that_of_the_bytes(data: bytes, cut: int, start: int, stop: int) -> None:
    expected = data[start:stop]
    assert await as_base64(data, cut).slice(start, stop) == expected
    assert await BytesPayload(data).slice(start, stop) == expected


@given(st.binary(max_size=40), st.integers(0, 56), st.tuples(st.integers(0, 40), st.integers(0, 40)), st.binary())
async def test_a_splice_replaces_just_those_bytes(
    data: bytes, cut: int, span: tuple[int, int], inserted: bytes
) -> None:
    start, stop = sorted(min(place, len(data)) for place in span)
    expected = data[:start] + inserted + data[stop:]
    for payload in (as_base64(data, cut), BytesPayload(data)):
        result = await payload.spliced(start, stop, inserted)
        assert result.size == len(expected)
        assert await result.read() == expected
        assert await joined(result) == (expected, expected)


async def test_base64_of_equal_alignment_is_spliced_undecoded() -> None:
    text = base64.b64encode(bytes(range(200)))
    # What stands far from the seam is not even looked at: here it is no base64.
    damaged = Base64Payload(text[:-8] + b"!?!?" + text[-4:])
    result = await damaged.spliced(20, 22, b"abcde")
    assert isinstance(result, Base64Payload)
    assert b"".join(map(bytes, result.parts)).endswith(text[40:-8] + b"!?!?" + text[-4:])
    assert await result.slice(0, 25) == bytes(range(20)) + b"abcde"
    with pytest.raises(UnreadableImage, match="base64"):
        await damaged.spliced(20, 22, b"abcd")


@pytest.mark.parametrize("text", [b"A", b"AAAAA", b"AA=A", b"AA\nAA", b"AAA*", "ÄÄÄÄ".encode()])
async def test_text_that_is_no_base64_is_refused(text: bytes) -> None:
    with pytest.raises(UnreadableImage, match="base64"):
        await Base64Payload(text).read()
