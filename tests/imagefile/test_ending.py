"""Where image files end: with anything after them, cut at any place, and damaged in any way."""

from __future__ import annotations

import base64
import contextlib
import os
import zlib
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from cloudflare_image_mcp.errors import UnreadableImage
from cloudflare_image_mcp.imagefile import ending
from cloudflare_image_mcp.imagefile.ending import find_end
from cloudflare_image_mcp.imagefile.header import gif_palette_bytes, read_header
from cloudflare_image_mcp.imagefile.image import Image
from cloudflare_image_mcp.imagefile.payload import Base64Payload, BytesPayload
from cloudflare_image_mcp.imaging.pixels import PillowPixels

from .test_header import FILES, exif, written

if TYPE_CHECKING:
    from collections.abc import Iterator

FILM: Final = b"\0\0\0\x18ftypmp42" + os.urandom(300_000)
AFTER: Final = {
    "a line end": b"\n" * 17,
    "zeros": bytes(5_000),
    "a film": FILM,
    "another JPEG": written("JPEG"),
    "another PNG": written("PNG"),
    "text": b"<html>" * 40,
    "half a marker": b"\xff" * 20,
}
WHOLE: Final = FILES | {
    "jpeg with a thumbnail": written("JPEG", exif=exif(3) + written("JPEG", size=(8, 8))),
    "jpeg with restarts": written("JPEG", restart_marker_blocks=1),
    "gif of several frames": written("GIF", save_all=True, append_images=[]),
}
LOSSY_WEBP: Final = {name for name, data in WHOLE.items() if b"WEBP" in data[:16] and b"VP8 " in data}


@pytest.fixture(scope="module")
def pixels() -> Iterator[PillowPixels]:
    made = PillowPixels(1)
    yield made
    made.close()


def own_end(name: str) -> int:
    """The length of the first picture's file."""
    data = WHOLE[name]
    return data.index(b"\xff\xd9\xff\xd8") + 2 if name == "jpeg of two pictures" else len(data)


async def source(pixels: PillowPixels, data: bytes) -> bytes:
    """The file decoded, as a PNG."""
    image = await Image.of_bytes(data)
    return await (await pixels.source(image, image.size)).payload.read()


@pytest.mark.parametrize("name", WHOLE)
async def test_the_end_is_the_end_of_the_file(name: str) -> None:
    assert await find_end(BytesPayload(WHOLE[name]), read_header(WHOLE[name])) == own_end(name)


@pytest.mark.parametrize("after", AFTER)
@pytest.mark.parametrize("name", WHOLE)
async def test_bytes_after_the_end_are_dropped(name: str, after: str, pixels: PillowPixels) -> None:
    data = WHOLE[name]
    image = await Image.of_bytes(data + AFTER[after])
    # A quick look at the last bytes finds the other picture's end: that file is left as it came.
    kept = {data[: own_end(name)], data + AFTER[after]} if after.startswith("another") else {data[: own_end(name)]}
    assert await image.payload.read() in kept
    source = await pixels.source(image, image.size)
    assert (
        await source.payload.read()
        == await (await pixels.source(await Image.of_bytes(data), image.size)).payload.read()
    )


@pytest.mark.parametrize("name", ["png RGB", "jpeg RGB", "webp lossy", "gif"])
async def test_base64_is_cut_at_the_same_place(name: str) -> None:
    data = FILES[name]
    for extra in (17, 18, 19):
        image = await Image.sniff(Base64Payload(base64.b64encode(data + b"x" * extra)))
        assert await image.payload.read() == data


# Not lossy WebP: as long as its header states, any bytes are pixels of its code.
@pytest.mark.parametrize("after", ["zeros", "a film", "text"])
@pytest.mark.parametrize("name", [name for name in WHOLE if name not in LOSSY_WEBP])
async def test_a_cut_file_is_refused_with_any_bytes_after_it(name: str, after: str, pixels: PillowPixels) -> None:
    data = WHOLE[name][: own_end(name)]
    for length in {len(data) // 2, len(data) * 3 // 4}:
        with pytest.raises(UnreadableImage):
            await source(pixels, data[:length] + AFTER[after])


def cut_png() -> bytes:
    """Half of the pixels, in a chunk with the right length and checksum."""
    data = written("PNG", size=(200, 150))
    start = data.index(b"IDAT")
    pixels = data[start + 4 : -16]
    kept = b"IDAT" + pixels[: len(pixels) // 2]
    return data[: start - 4] + (len(kept) - 4).to_bytes(4) + kept + zlib.crc32(kept).to_bytes(4) + data[-12:]


def cut_gif() -> bytes:
    """The first of its blocks of pixels, then the block that ends them."""
    data = written("GIF", size=(200, 150))
    start = 13 + gif_palette_bytes(data[10]) + 11
    return data[: start + 1 + data[start]] + b"\0\x3b"


def cut_webp(kind: str) -> bytes:
    """The first half of a chunk that states the half's length."""
    data = FILES[kind]
    pixels = data[20 : 20 + (len(data) - 20) // 4 * 2]
    body = data[8:16] + len(pixels).to_bytes(4, "little") + pixels
    return b"RIFF" + len(body).to_bytes(4, "little") + body


CUT: Final = {
    "png": cut_png(),
    "gif": cut_gif(),
    "webp lossy": cut_webp("webp lossy"),
    "webp lossless": cut_webp("webp lossless"),
}


@pytest.mark.parametrize("name", CUT)
async def test_a_cut_file_with_an_end_is_refused_by_decoding_it(name: str, pixels: PillowPixels) -> None:
    cut = CUT[name]
    assert await find_end(BytesPayload(cut), read_header(cut)) == len(cut)
    with pytest.raises(UnreadableImage):
        await source(pixels, cut)


async def test_parts_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ending, "MAX_PARTS", 5)
    many = FILES["png RGB"][:33] + b"\0\0\0\0teSt\0\0\0\0" * 6 + FILES["png RGB"][33:]
    assert await find_end(BytesPayload(many), read_header(many)) is None


@given(st.sampled_from(sorted(WHOLE)), st.data())
@seed(20261127)
@settings(max_examples=5_000)
async def test_any_damaged_file_is_decoded_or_refused(name: str, data: st.DataObject) -> None:
    """Cut, changed and lengthened at random. Nothing but ``UnreadableImage`` comes out, at any step."""
    damaged: Any = bytearray(WHOLE[name])
    for _ in range(data.draw(st.integers(0, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    damaged = bytes(damaged[: data.draw(st.integers(1, len(damaged)))]) + data.draw(st.binary(max_size=64))
    pixels = PillowPixels(1)
    try:
        with contextlib.suppress(UnreadableImage):
            image = await Image.of_bytes(damaged)
            image.check_limits()
            if image.size.pixels < 100_000:
                await pixels.source(image, image.size)
    finally:
        pixels.close()
