"""JPEGs without an end marker: completed where their pixels are all there, and refused at every other cut."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st
from PIL import ImageChops

from cloudflare_image_mcp.imagefile.header import ImageCutShort
from cloudflare_image_mcp.imagefile.image import Image
from cloudflare_image_mcp.imagefile.payload import BytesPayload
from cloudflare_image_mcp.imaging.pixels import PillowPixels
from tests.imaging.pictures import opened, picture, written

if TYPE_CHECKING:
    from collections.abc import Iterator

KINDS: Final[dict[str, dict[str, Any]]] = {
    "baseline": {},
    "optimized": {"optimize": True, "quality": 95},
    "progressive": {"progressive": True},
    "restarts": {"restart_marker_blocks": 3},
    "full chroma": {"subsampling": "4:4:4"},
}
FILES: Final = {name: written(picture((117, 83)), "JPEG", **options) for name, options in KINDS.items()}
FILES["grey"] = written(picture((64, 64), "L"), "JPEG")
FILES["cmyk"] = written(picture((50, 40), "CMYK"), "JPEG")


@pytest.fixture(scope="module")
def pixels() -> Iterator[PillowPixels]:
    made = PillowPixels()
    yield made
    made.close()


async def completed(pixels: PillowPixels, data: bytes) -> Image:
    with pytest.raises(ImageCutShort) as caught:
        await Image.of_bytes(data)
    image = Image(BytesPayload(data), caught.value.header)
    return await pixels.complete_jpeg(image)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("after", [b"", b"\xff", b"\0", bytes(16), bytes(4096), b"\r\n"], ids=repr)
async def test_a_jpeg_without_its_end_marker_has_the_same_pixels(pixels: PillowPixels, name: str, after: bytes) -> None:
    whole = FILES[name]
    made = await completed(pixels, whole[:-2] + after)
    assert (await made.payload.read()).endswith(b"\xff\xd9")
    same = ImageChops.difference(await opened(made), await opened(await Image.of_bytes(whole)))
    assert not same.getbbox()


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("padding", [0, 9, 4096])
async def test_a_jpeg_with_missing_pixels_is_refused(pixels: PillowPixels, name: str, padding: int) -> None:
    whole = FILES[name]
    first = whole.index(b"\xff\xda") + 14
    for length in {first, (first + len(whole)) // 2, len(whole) - 200, len(whole) - 40, len(whole) - 12}:
        with pytest.raises(ImageCutShort):
            await completed(pixels, whole[:length] + bytes(padding))


async def test_a_progressive_jpeg_that_ends_between_two_scans_is_refused(pixels: PillowPixels) -> None:
    whole = FILES["progressive"]
    starts = [place for place in range(len(whole)) if whole.startswith((b"\xff\xda", b"\xff\xc4"), place)]
    for start in starts[2:]:
        with pytest.raises(ImageCutShort):
            await completed(pixels, whole[:start])


async def test_a_jpeg_that_ends_at_a_restart_marker_is_refused(pixels: PillowPixels) -> None:
    whole = FILES["restarts"]
    markers = [place for place in range(len(whole)) if whole[place] == 0xFF and 0xD0 <= whole[place + 1] <= 0xD7]
    assert len(markers) > 10
    for length in (marker + more for marker in markers for more in (-1, 0, 1, 2, 3)):
        with pytest.raises(ImageCutShort):
            await completed(pixels, whole[:length])


@given(st.sampled_from(sorted(FILES)), st.floats(0, 1))
@seed(13)
@settings(max_examples=300)
async def test_no_cut_leaves_a_picture_with_other_pixels(name: str, share: float) -> None:
    """Near the very end a cut may lose nothing but padding; then the picture has to be the same."""
    whole = FILES[name]
    first = whole.index(b"\xff\xda") + 14
    made = PillowPixels(1)
    try:
        found = await completed(made, whole[: first + int(share * (len(whole) - 2 - first))])
    except ImageCutShort:
        return
    finally:
        made.close()
    assert not ImageChops.difference(await opened(found), await opened(await Image.of_bytes(whole))).getbbox()
