"""Which parts of a file are removed before it is decoded, and which stay."""

from __future__ import annotations

import io
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as PillowImage

from cloudflare_image_mcp.errors import UnreadableImage
from cloudflare_image_mcp.imagefile.ending import MAX_PARTS
from cloudflare_image_mcp.imagefile.header import ImageFormat, read_header
from cloudflare_image_mcp.imaging.essential import MAX_BLOCKS, MAX_SCANS, MAX_SEGMENTS, essential
from tests.imaging.pictures import chunk, picture, png, written

EXIF = PillowImage.Exif()
EXIF[0x010F] = "a camera's maker"
PROFILE = bytes(range(256)) * 300

FILES = {
    **{
        f"png {mode}": written(picture(mode=mode), exif=EXIF, icc_profile=PROFILE)
        for mode in ("1", "L", "P", "RGB", "RGBA", "I;16")
    },
    "png with transparency": written(picture(mode="P"), transparency=3),
    **{
        f"jpeg {mode}": written(picture(mode=mode), "JPEG", exif=EXIF, icc_profile=PROFILE)
        for mode in ("L", "RGB", "CMYK")
    },
    "jpeg progressive": written(picture(), "JPEG", progressive=True, comment=b"a word"),
    "gif": written(picture(mode="P"), "GIF", comment=b"a word"),
    "gif with transparency": written(picture(mode="P"), "GIF", transparency=2, comment=b"x"),
    "webp": written(picture(), "WEBP"),
}


def stripped(name: str, data: bytes) -> bytes:
    return essential(data, ImageFormat(name.split(maxsplit=1)[0]))


def opened(data: bytes) -> PillowImage.Image:
    made = PillowImage.open(io.BytesIO(data))
    made.load()
    return made


@pytest.mark.parametrize("name", FILES)
def test_the_picture_and_its_colours_stay(name: str) -> None:
    before, after = opened(FILES[name]), opened(stripped(name, FILES[name]))
    assert (after.mode, after.size, after.getpalette()) == (before.mode, before.size, before.getpalette())
    assert after.tobytes() == before.tobytes()
    for kept in ("icc_profile", "transparency", "adobe_transform"):
        assert after.info.get(kept) == before.info.get(kept)
    assert not after.getexif()
    assert "comment" not in after.info


@pytest.mark.parametrize("name", FILES)
def test_twice_is_once(name: str) -> None:
    once = stripped(name, FILES[name])
    assert stripped(name, once) == once
    assert len(once) <= len(FILES[name])


def test_of_an_animated_png_the_picture_is_left() -> None:
    others: dict[str, Any] = {"save_all": True, "append_images": [picture().rotate(180)]}
    data = essential(written(picture(), "PNG", **others), ImageFormat.PNG)
    assert read_header(data).frames == 1
    assert opened(data).tobytes() == picture().tobytes()


def test_fill_bytes_and_bare_markers_in_a_jpeg_are_passed_over() -> None:
    data = FILES["jpeg RGB"]
    padded = data[:2] + b"\xff\x01\xff\xff\xff" + data[2:]
    assert essential(padded, ImageFormat.JPEG) == essential(data, ImageFormat.JPEG)


JPEG = FILES["jpeg progressive"]
SCAN = JPEG[JPEG.rindex(b"\xff\xda") : -2]
FRAME = JPEG.index(b"\xff\xc2")
GIF = FILES["gif"]


def png_of(part: bytes) -> bytes:
    return png(9, 9, b"", before=part * 1_000_000)


def jpeg_with(part: bytes) -> bytes:
    return JPEG[:FRAME] + part + JPEG[FRAME:]


def gif_with(part: bytes) -> bytes:
    """The palette of 256 colours ends at byte 781."""
    return GIF[:781] + part + GIF[781:]


BOMBS = {
    "png of empty chunks": (png_of(chunk(b"IDAT", b"")), f"more than {MAX_PARTS} chunks"),
    "png of unknown chunks": (png_of(chunk(b"abCd", b"")), f"more than {MAX_PARTS} chunks"),
    "jpeg of comments": (jpeg_with(b"\xff\xfe\0\2" * (MAX_SEGMENTS + 1)), "do not follow its header"),
    "jpeg with rubbish before its pixels": (jpeg_with(b"rubbish"), "do not follow its header"),
    "jpeg that never comes to pixels": (JPEG[:FRAME], "do not follow its header"),
    "jpeg of scans": (JPEG[:-2] + SCAN * MAX_SCANS + b"\xff\xd9", f"scans; at most {MAX_SCANS}"),
    "gif of comments": (gif_with(b"\x21\xfe\1x\0" * 1_000_000), f"more than {MAX_BLOCKS} blocks"),
    "gif of one comment": (gif_with(b"\x21\xfe" + b"\1x" * 1_000_000), f"more than {MAX_BLOCKS} blocks"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_file_of_endless_parts_is_refused(name: str) -> None:
    data, words = BOMBS[name]
    with pytest.raises(UnreadableImage, match=words):
        stripped(name, data)


def test_a_profile_and_text_are_not_unpacked_again_and_again() -> None:
    packed = b"a\0\0" + zlib.compress(bytes(1_000_000), 9)
    data = png(1, 1, b"\0abc", before=(chunk(b"iCCP", packed) + chunk(b"zTXt", packed)) * 5_000)
    kept = essential(data, ImageFormat.PNG)
    assert kept.count(b"iCCP") == 1
    assert b"zTXt" not in kept


@given(st.sampled_from(sorted(ImageFormat)), st.binary(max_size=300))
def test_any_bytes_are_stripped_or_refused(image_format: ImageFormat, data: bytes) -> None:
    try:
        assert len(essential(bytes(13) + data, image_format)) <= 13 + len(data)
    except UnreadableImage:
        assert image_format is ImageFormat.JPEG
