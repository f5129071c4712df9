"""Headers of real files, checked against Pillow; and bytes of every other kind."""

from __future__ import annotations

import contextlib
import io
import struct
import zlib
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as PillowImage

from cloudflare_image_mcp.catalog import Size
from cloudflare_image_mcp.errors import UnreadableImage
from cloudflare_image_mcp.imagefile.header import HeaderCutShort, ImageFormat, is_complete, read_header
from cloudflare_image_mcp.imagefile.image import Image
from cloudflare_image_mcp.imagefile.payload import BytesPayload


def written(kind: str, mode: str = "RGB", size: tuple[int, int] = (37, 23), **options: Any) -> bytes:
    """A file as Pillow writes it, of a picture that is not all one colour."""
    picture = PillowImage.effect_mandelbrot(size, (-2, -1, 1, 1), 20).convert("RGB").convert(mode)
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def exif(orientation: int) -> bytes:
    block = PillowImage.Exif()
    block[0x0112] = orientation
    return block.tobytes()


def frames(*shades: int) -> dict[str, Any]:
    return {
        "save_all": True,
        "append_images": [PillowImage.new("RGB", (37, 23), (shade, 0, 9)) for shade in shades],
    }


FILES = {
    **{f"png {mode}": written("PNG", mode) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")},
    "png palette with transparency": written("PNG", "P", transparency=3),
    "png grey with transparency": written("PNG", "L", transparency=0),
    "png with a profile": written("PNG", icc_profile=b"no profile, but bytes" * 50),
    "png turned": written("PNG", exif=exif(6)),
    "png animated": written("PNG", **frames(1, 2)),
    **{f"jpeg {mode}": written("JPEG", mode) for mode in ("L", "RGB", "CMYK")},
    "jpeg progressive": written("JPEG", progressive=True),
    "jpeg with a long profile": written("JPEG", icc_profile=bytes(range(256)) * 2400),
    "jpeg of two pictures": written("MPO", **frames(7)),
    "webp lossy": written("WEBP"),
    "webp lossy with alpha": written("WEBP", "RGBA"),
    "webp lossless": written("WEBP", lossless=True),
    "webp lossless with alpha": written("WEBP", "RGBA", lossless=True),
    "webp turned": written("WEBP", exif=exif(8)),
    "webp with a profile": written("WEBP", icc_profile=b"no profile, but bytes"),
    "webp animated": written("WEBP", **frames(1, 2)),
    "gif": written("GIF", "P"),
    "gif with transparency": written("GIF", "P", transparency=2),
    "gif animated": written("GIF", **frames(1, 2)),
    **{f"jpeg turned {turn}": written("JPEG", exif=exif(turn)) for turn in range(1, 9)},
}


@pytest.mark.parametrize("name", FILES)
async def test_a_header_says_what_pillow_says(name: str) -> None:
    data = FILES[name]
    header = (await Image.sniff(BytesPayload(data))).header
    with PillowImage.open(io.BytesIO(data)) as picture:
        assert header.format.label.upper() == (picture.format or "").replace("MPO", "JPEG")
        assert header.size == picture.size
        assert header.frames == min(2, getattr(picture, "n_frames", 1))
        assert header.orientation == picture.getexif().get(0x0112, 1)
        # Pillow writes alpha of mode P and L as tRNS, and drops a WebP's alpha that is opaque everywhere.
        alpha = picture.mode in {"LA", "RGBA", "PA"} or "transparency" in picture.info
        assert header.has_alpha == alpha
    assert header.upright_size == (Size(23, 37) if header.orientation >= 5 else Size(37, 23))


def test_webp_with_alpha_says_so() -> None:
    picture = PillowImage.new("RGBA", (5, 4), (1, 2, 3, 100))
    for lossless in (True, False):
        out = io.BytesIO()
        picture.save(out, "WEBP", lossless=lossless)
        assert read_header(out.getvalue()).has_alpha


@pytest.mark.parametrize("name", FILES)
async def test_a_file_cut_short_is_refused(name: str) -> None:
    data = FILES[name]
    if name == "jpeg of two pictures":  # the first is taken
        data = data[: data.index(b"\xff\xd9\xff\xd8") + 2]
    for length in {len(data) - 1, len(data) - 9, len(data) // 2, 30, 12, 3}:
        with pytest.raises(UnreadableImage):
            await Image.of_bytes(data[:length])


@pytest.mark.parametrize("name", ["png RGB", "jpeg RGB", "webp lossy", "gif"])
def test_a_little_padding_is_tolerated_and_rubbish_is_not(name: str) -> None:
    data = FILES[name]
    header = read_header(data)
    for padding, complete in ((b"\0", True), (b"\0" * 15, True), (b"\r\n", True), (b"\0" * 40, False)):
        padded = data + padding
        assert is_complete(header, padded[-64:], len(padded)) is complete, padding
    assert not is_complete(header, b"<html>" * 10, len(data) - 50)


def test_the_first_bytes_decide_what_a_polyglot_is() -> None:
    for name, tail in product(("png RGB", "jpeg RGB", "gif", "webp lossy"), FILES.values()):
        data = FILES[name]
        assert read_header(data + tail) == read_header(data)


def png_start(width: int, height: int, depth: int, colour: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR" + struct.pack(">IIBB", width, height, depth, colour)


REFUSED = {
    "empty": (b"", "empty"),
    "text": (b"hello, world", 'starts with "hello, world"'),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
    "html": (b"\n<!DOCTYPE html><html>", "HTML"),
    "json": (b'{"error": "no"}', "JSON"),
    "pdf": (b"%PDF-1.7", "PDF"),
    "tiff": (written("TIFF"), "TIFF"),
    "bmp": (written("BMP"), "BMP"),
    "avif": (written("AVIF"), "AVIF"),
    "heic": (b"\0\0\0\x18ftypheic\0\0\0\0", "HEIC"),
    "png without IHDR": (FILES["png RGB"].replace(b"IHDR", b"IDAT"), "IHDR"),
    "png of no width": (png_start(0, 9, 8, 2), "0x9"),
    "png of no known colour": (png_start(9, 9, 8, 5), "colour type 5"),
    "jpeg without size": (b"\xff\xd8\xff\xda\0\x08", "pixels come before its size"),
    "jpeg with a segment of no length": (b"\xff\xd8\xff\xe0\0\0abc", "length is wrong"),
    "jpeg with bytes between segments": (b"\xff\xd8\xff\xe0\0\x02abc", "length is wrong"),
    "jpeg of endless segments": (b"\xff\xd8" + b"\xff\xe0\0\x02" * 50_000, "more than 1000 segments"),
    "jpeg of endless filling": (b"\xff\xd8" + b"\xff" * 60_000, "ends within its header"),
    "webp of an unknown kind": (b"RIFF\x20\0\0\0WEBPABCD" + bytes(20), '"ABCD"'),
    "webp without start code": (b"RIFF\x20\0\0\0WEBPVP8 " + bytes(20), "start code"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_image_is_refused_in_words(name: str) -> None:
    data, words = REFUSED[name]
    with pytest.raises(UnreadableImage, match=words):
        read_header(data)


async def test_a_size_after_a_long_profile_is_found() -> None:
    data = FILES["jpeg with a long profile"]
    with pytest.raises(HeaderCutShort):
        read_header(data[: 64 * 1024])
    assert (await Image.of_bytes(data)).size == Size(37, 23)


def test_a_camera_trailer_counts_as_an_end() -> None:
    data = FILES["jpeg RGB"] + bytes(500) + b"SEFHe\0\0\0SEFT"
    assert is_complete(read_header(data), data[-64:], len(data))


def test_an_animation_that_is_announced_far_down_is_not_searched_for() -> None:
    chunk = b"\0\0\0\0teXt" + zlib.crc32(b"teXt").to_bytes(4, "big")
    data = FILES["png animated"]
    assert read_header(data[:33] + chunk * 5_000 + data[33:]).frames == 1
    assert read_header(data[:33] + chunk * 50 + data[33:]).frames == 2


@given(st.sampled_from(sorted(FILES)), st.data())
@settings(max_examples=200)
def test_a_damaged_file_is_read_or_refused(name: str, data: st.DataObject) -> None:
    original = FILES[name][:4096]
    damaged = bytearray(original[: data.draw(st.integers(0, len(original)), label="length")])
    for _ in range(data.draw(st.integers(0, 6), label="changes")):
        place = data.draw(st.integers(0, max(0, len(damaged) - 1)), label="place")
        damaged[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=6))
    read_or_refused(bytes(damaged))


STARTS = (
    b"",
    png_start(9, 9, 8, 6) + bytes(7),
    b"\xff\xd8\xff\xe1\0\x20Exif\0\0",
    b"\xff\xd8\xff",
    b"RIFF\xff\0\0\0WEBPVP8X\x0a\0\0\0",
    b"RIFF\xff\0\0\0WEBPVP8L",
    b"GIF89a",
)


@given(st.sampled_from(STARTS), st.binary(max_size=400))
@settings(max_examples=200)
def test_any_bytes_are_read_or_refused(start: bytes, rest: bytes) -> None:
    read_or_refused(start + rest)


def read_or_refused(data: bytes) -> None:
    """``UnreadableImage`` is the only error that may come out."""
    with contextlib.suppress(UnreadableImage):
        header = read_header(data)
        assert header.format in ImageFormat
        assert min(header.size) > 0
        assert 1 <= header.orientation <= 8
        assert header.frames in {1, 2}
        assert isinstance(is_complete(header, data[-64:], len(data)), bool)
