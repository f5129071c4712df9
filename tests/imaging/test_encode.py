"""Encoding: formats, quality and alpha."""

from __future__ import annotations

import io

import pytest
from PIL import Image as PillowImage

from cloudflare_image_mcp.imagefile.header import ImageFormat, read_header
from cloudflare_image_mcp.imaging.encode import encode, on_white
from tests.imaging.pictures import distance, picture


def opened(data: bytes) -> PillowImage.Image:
    made = PillowImage.open(io.BytesIO(data))
    made.load()
    return made


@pytest.mark.parametrize("image_format", [ImageFormat.PNG, ImageFormat.JPEG, ImageFormat.WEBP])
def test_each_format_is_what_it_says_and_shows_the_picture(image_format: ImageFormat) -> None:
    source = picture((200, 120))
    data = encode(source, image_format)
    assert read_header(data).format is image_format
    assert distance(opened(data), source) < (0.001 if image_format is ImageFormat.PNG else 5)


@pytest.mark.parametrize("image_format", [ImageFormat.JPEG, ImageFormat.WEBP])
def test_quality_goes_from_0_to_100(image_format: ImageFormat) -> None:
    sizes = [len(encode(picture((200, 120)), image_format, quality)) for quality in (0, 1, 30, 60, 90, 100)]
    assert sizes == sorted(sizes)
    assert sizes[-1] > 4 * sizes[0]


def test_png_loses_nothing_at_any_quality() -> None:
    source = picture(mode="RGBA")
    data = encode(source, ImageFormat.PNG, 5)
    assert opened(data).tobytes() == source.tobytes()
    assert data == encode(source, ImageFormat.PNG)


def test_jpeg_has_white_behind_what_is_transparent() -> None:
    source = PillowImage.new("RGBA", (16, 16), (0, 0, 0, 0))
    source.paste((200, 0, 0, 255), (8, 0, 16, 16))
    made = opened(encode(source, ImageFormat.JPEG, 100))
    assert made.getpixel((1, 8)) == (255, 255, 255)
    half = PillowImage.new("RGBA", (1, 1), (0, 0, 0, 128))
    assert on_white(half).getpixel((0, 0)) == (127, 127, 127)


def test_webp_and_png_keep_alpha() -> None:
    source = picture(mode="RGBA")
    for image_format in (ImageFormat.PNG, ImageFormat.WEBP):
        made = opened(encode(source, image_format, 100))
        assert distance(made.getchannel("A"), source.getchannel("A")) == 0
