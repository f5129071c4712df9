"""The port ``Pixels`` as the core uses it, with real files."""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image as PillowImage
from PIL import ImageDraw

from cloudflare_image_mcp.catalog import Size
from cloudflare_image_mcp.core.ports import Finish
from cloudflare_image_mcp.errors import GatewayError, UnreadableImage
from cloudflare_image_mcp.imagefile.header import ImageFormat, ImageHeader
from cloudflare_image_mcp.imagefile.image import Image
from cloudflare_image_mcp.imagefile.payload import Base64Payload, BytesPayload
from cloudflare_image_mcp.imaging.pixels import PillowPixels
from cloudflare_image_mcp.limits import MAX_IMAGE_BYTES
from tests.imaging.pictures import distance, image, opened, picture, png, written

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cloudflare_image_mcp.core.ports import Pixels

SIZE = Size(90, 60)


@pytest.fixture
def pixels() -> Iterator[Pixels]:
    made = PillowPixels(threads=2)
    yield made
    made.close()


def turned(orientation: int) -> PillowImage.Exif:
    exif = PillowImage.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "a camera's maker"
    return exif


async def test_a_source_is_an_upright_png_of_the_size_without_the_files_metadata(pixels: Pixels) -> None:
    made = await pixels.source(await image(picture(), "JPEG", exif=turned(6)), Size(60, 90))
    assert (made.format, made.size, made.header.orientation) == (ImageFormat.PNG, Size(60, 90), 1)
    assert b"maker" not in await made.payload.read()
    same = await pixels.source(await image(picture()), SIZE)
    assert (await opened(same)).tobytes() == picture().tobytes()


async def test_a_reference_is_small_and_jpeg_or_png_with_alpha(pixels: Pixels) -> None:
    for mode, kind in (("RGB", ImageFormat.JPEG), ("RGBA", ImageFormat.PNG)):
        made = await pixels.reference(await image(picture((900, 600), mode)), 512)
        assert (made.format, made.size) == (kind, Size(512, 341))
    small = await pixels.reference(await image(picture(), exif=turned(8)), 512)
    assert small.size == Size(60, 90)
    opaque = picture()
    opaque.putalpha(255)
    assert (await pixels.reference(await image(opaque), 512)).format is ImageFormat.JPEG


async def test_a_mask_comes_at_the_size_of_the_call_cropped_as_the_source_is(pixels: Pixels) -> None:
    source = picture((400, 200))
    marked = PillowImage.new("RGB", (400, 200))
    ImageDraw.Draw(marked).rectangle((150, 50, 249, 149), "white")
    source.paste("red", (150, 50, 250, 150))
    made = await pixels.mask(await image(marked), await image(source), Size(100, 100))
    shown = await opened(await pixels.source(await image(source), Size(100, 100)))
    mask = await opened(made)
    assert (made.format, mask.mode, mask.size) == (ImageFormat.PNG, "L", (100, 100))
    red = np.asarray(shown.convert("RGB"))[..., 0] > 250
    assert abs(np.asarray(mask)[red].mean() - 255) < 12
    assert mask.getbbox() == (25, 25, 75, 75)


async def test_a_mask_is_compared_with_the_source_as_shown(pixels: Pixels) -> None:
    source = await image(picture(), "JPEG", exif=turned(6))
    white = PillowImage.new("L", (60, 90), 255)
    assert (await pixels.mask(await image(white), source, Size(60, 90))).size == Size(60, 90)
    with pytest.raises(GatewayError, match="mask is 90x60 and the image is 60x90"):
        await pixels.mask(await image(white.rotate(90, expand=True)), source, Size(60, 90))


async def test_what_needs_no_finish_is_the_same_image(pixels: Pixels) -> None:
    for kind in ("PNG", "JPEG", "WEBP"):
        made = await image(picture(), kind)
        for finish in (
            Finish(size=SIZE),
            Finish(size=SIZE, format=made.format),
            Finish(size=SIZE, format=made.format, compression=100),
        ):
            assert await pixels.finish(made, finish) is made
    encoded = await Image.sniff(Base64Payload(base64.b64encode(written(picture()))))
    assert await pixels.finish(encoded, Finish(size=SIZE, compression=30)) is encoded


@pytest.mark.parametrize("image_format", [ImageFormat.PNG, ImageFormat.JPEG, ImageFormat.WEBP])
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
@pytest.mark.parametrize("size", [SIZE, Size(48, 48)])
async def test_a_finish_has_the_size_and_format_asked_for(
    pixels: Pixels, kind: str, image_format: ImageFormat, size: Size
) -> None:
    rendered = await image(picture(mode="P" if kind == "GIF" else "RGB"), kind)
    made = await pixels.finish(rendered, Finish(size=size, format=image_format))
    assert (made.format, made.size) == (image_format, size)
    kept = await pixels.finish(rendered, Finish(size=size))
    assert kept.format is (ImageFormat.PNG if kind == "GIF" else rendered.format)


async def test_compression_is_the_encoders_quality(pixels: Pixels) -> None:
    rendered = await image(picture((300, 200)), "JPEG", quality=95)
    for image_format in (ImageFormat.JPEG, ImageFormat.WEBP):
        low, high = [
            await pixels.finish(rendered, Finish(size=rendered.size, format=image_format, compression=quality))
            for quality in (10, 90)
        ]
        assert low.payload.size * 2 < high.payload.size


async def test_an_edit_is_put_over_its_original_without_loss(pixels: Pixels) -> None:
    original, rendered = picture((128, 96)), picture((256, 192)).rotate(180)
    marks = PillowImage.new("L", (128, 96))
    marks.paste(255, (40, 30, 80, 70))
    finish = Finish(size=Size(128, 96), original=await image(original), mask=await image(marks))
    made = await pixels.finish(await image(rendered, "JPEG"), finish)
    assert made.format is ImageFormat.PNG
    shown = await opened(made)
    kept = np.asarray(marks) == 0
    assert (np.asarray(shown)[kept] == np.asarray(original)[kept]).all()
    inner = (50, 40, 70, 60)
    expected = rendered.resize((128, 96), PillowImage.Resampling.LANCZOS)
    assert distance(shown.crop(inner), expected.crop(inner)) < 4


async def test_a_preview_shrinks_until_it_fits(pixels: Pixels) -> None:
    noise = PillowImage.effect_noise((450, 300), 90).convert("RGB")
    for made, kind in (
        (noise, ImageFormat.JPEG),
        (PillowImage.merge("RGBA", (*noise.split(), noise.getchannel(0))), ImageFormat.WEBP),
    ):
        large = await image(made)
        for most in (40_000, 8_000, 2_000):
            preview = await pixels.preview(large, 256, most)
            assert preview.format is kind
            assert preview.payload.size <= most
            assert max(preview.size) <= 256
            assert abs(preview.size.aspect - 1.5) < 0.1
    with pytest.raises(ValueError, match="no preview has 10 bytes"):
        await pixels.preview(await image(picture()), 512, 10)


async def test_a_preview_of_what_fits_is_the_image(pixels: Pixels) -> None:
    small = await image(picture())
    assert await pixels.preview(small, 512, 100_000) is small
    assert (await pixels.preview(await image(picture(mode="P"), "GIF"), 512, 100_000)).format is ImageFormat.JPEG


class TooLong(BytesPayload):
    """A file that says it is longer than is taken, and must not be read."""

    @property
    def size(self) -> int:
        return MAX_IMAGE_BYTES + 1

    async def read(self) -> bytes:
        raise AssertionError("read in spite of its length")


async def test_limits_are_checked_before_anything_is_read(pixels: Pixels) -> None:
    long = Image(TooLong(b""), ImageHeader(ImageFormat.PNG, SIZE))
    wide = await Image.of_bytes(png(16_384, 1, b""))
    large = await Image.of_bytes(png(8_000, 5_013, b""))
    for made, words in ((long, "25.0 MiB"), (wide, "16383 pixels a side"), (large, "40.1 megapixels")):
        for work in (
            pixels.source(made, SIZE),
            pixels.reference(made, 512),
            pixels.mask(made, made, SIZE),
            pixels.finish(made, Finish(size=Size(10, 10))),
            pixels.preview(made, 512, 10_000),
        ):
            with pytest.raises(UnreadableImage, match=words):
                await work


async def test_a_damaged_result_is_unreadable(pixels: Pixels) -> None:
    damaged = await Image.of_bytes(written(picture()).replace(b"IDAT", b"IDAX", 1))
    with pytest.raises(UnreadableImage, match="does not decode"):
        await pixels.finish(damaged, Finish(size=Size(10, 10)))


async def test_many_at_once_come_out_right(pixels: Pixels) -> None:
    sizes = [Size(20 + place, 30) for place in range(40)]
    rendered = await image(picture((300, 200)))
    made = await asyncio.gather(*(pixels.finish(rendered, Finish(size=size)) for size in sizes))
    assert [result.size for result in made] == sizes
