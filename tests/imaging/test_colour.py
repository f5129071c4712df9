"""Every colour mode and profile comes out as the same sRGB."""

from __future__ import annotations

import zlib
from typing import Any

import pytest
from PIL import Image as PillowImage
from PIL import ImageCms

from cloudflare_image_mcp.errors import UnreadableImage
from cloudflare_image_mcp.imagefile.image import Image
from cloudflare_image_mcp.imaging.colour import SrgbTransform
from cloudflare_image_mcp.imaging.decode import decode
from tests.imaging.pictures import chunk, distance, image, picture, png


async def decoded(made: Image) -> PillowImage.Image:
    return decode(await made.payload.read(), made.header, made.size)


@pytest.mark.parametrize(
    ("kind", "mode"),
    [
        ("PNG", "1"),
        ("PNG", "L"),
        ("PNG", "P"),
        ("PNG", "RGB"),
        ("PNG", "RGBA"),
        ("PNG", "LA"),
        ("GIF", "P"),
        ("JPEG", "L"),
        ("JPEG", "CMYK"),
        ("WEBP", "RGBA"),
    ],
)
async def test_modes_become_rgb_or_rgba(kind: str, mode: str) -> None:
    source = picture(mode="RGBA").convert("LA") if mode == "LA" else picture(mode=mode)
    options: dict[str, dict[str, Any]] = {
        "WEBP": {"lossless": True, "exact": True},
        "JPEG": {"quality": 98, "subsampling": 0},
    }
    made = await decoded(await image(source, kind, **options.get(kind, {})))
    target = "RGBA" if mode in {"LA", "RGBA"} else "RGB"
    assert made.mode == target
    assert distance(made, source.convert(target)) < (4 if kind == "JPEG" else 0.001)


async def test_sixteen_bits_are_scaled_and_not_clipped() -> None:
    values = range(0, 65536, 257)
    rows = b"\0" + b"".join(value.to_bytes(2) for value in values)
    made = await decoded(await Image.of_bytes(png(256, 1, rows, depth=16, colour=0)))
    assert list(made.getchannel(0).tobytes()) == list(range(256))


@pytest.mark.parametrize("mode", ["P", "L", "RGB"])
async def test_a_transparent_colour_becomes_alpha(mode: str) -> None:
    source = PillowImage.new(mode, (4, 4), 0)
    source.paste(1 if mode == "P" else "white", (0, 0, 2, 4))
    if mode == "P":
        source.putpalette([255, 0, 0, 0, 0, 255])
    made = await decoded(await image(source, transparency=(0, 0, 0) if mode == "RGB" else 0))
    assert made.mode == "RGBA"
    assert made.getchannel("A").tobytes() == b"\xff\xff\0\0" * 4


async def test_a_profile_is_applied() -> None:
    """An RGB profile with its channels' primaries exchanged: red is meant where green is stored."""
    swapped = swapped_srgb()
    source = PillowImage.new("RGB", (8, 8), (255, 0, 0))
    made = await decoded(await image(source, "PNG", icc_profile=swapped))
    red, green, blue = made.tobytes()[:3]
    assert green > 240
    assert red < 20
    assert blue < 20
    alpha = PillowImage.new("RGBA", (8, 8), (255, 0, 0, 77))
    made = await decoded(await image(alpha, "PNG", icc_profile=swapped))
    assert made.getpixel((3, 3)) == (red, green, blue, 77)


def swapped_srgb() -> bytes:
    """sRGB under another name, with the colorants of red and green exchanged."""
    data = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return (
        data.replace(b"rXYZ", b"swap")
        .replace(b"gXYZ", b"rXYZ")
        .replace(b"swap", b"gXYZ")
        .replace(b"\0s\0R\0G\0B", b"\0x\0R\0G\0B")
    )


async def test_srgb_and_foreign_and_broken_profiles_change_nothing() -> None:
    source = picture()
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    for data in (srgb, lab, srgb[:200], b"rubbish" * 40):
        made = await decoded(await image(source, icc_profile=data))
        assert made.tobytes() == source.tobytes()
    assert SrgbTransform(b"\0" * 5_000_000)(source) is source


async def test_a_compressed_bomb_in_place_of_a_profile_is_refused() -> None:
    bomb = chunk(b"iCCP", b"icc\0\0" + zlib.compress(bytes(50_000_000), 9))
    with pytest.raises(UnreadableImage, match="does not decode"):
        await decoded(await Image.of_bytes(png(1, 1, b"\0abc", before=bomb)))
