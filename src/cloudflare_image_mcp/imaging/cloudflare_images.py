"""The ``Pixels`` port over Cloudflare's Images binding, which decodes, scales and encodes.

Masks and composites are made from the pixels that it gives; ``mask_bits``, ``lane_blend`` and ``png_rows`` do that in
plain Python. Images and pixels stay on the JavaScript side, and pass through Python some rows at a time.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from cloudflare_image_mcp.errors import GatewayError, UnreadableImage
from cloudflare_image_mcp.imagefile.header import ImageCutShort, ImageFormat
from cloudflare_image_mcp.imagefile.image import Image
from cloudflare_image_mcp.imaging.images_binding import ImagesBinding, filling
from cloudflare_image_mcp.imaging.lane_blend import blended
from cloudflare_image_mcp.imaging.mask_bits import MaskBits, is_opaque, marks, thresholded
from cloudflare_image_mcp.imaging.mask_rules import TRANSPARENT, check_mask_size, feather_width
from cloudflare_image_mcp.imaging.png_rows import GREY, RGB, RGBA, PngReader, PngWriter
from cloudflare_image_mcp.js_values import JsParts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

    from cloudflare_image_mcp.catalog import Size
    from cloudflare_image_mcp.core.ports import Clock, Finish
    from cloudflare_image_mcp.imagefile.payload import Payload
    from cloudflare_image_mcp.js_values import Handle

_PREVIEW_QUALITIES: Final = (80, 60, 40, 25)
_BAND_PIXELS: Final = 32 * 1024
"""Pixels that are blended at a time: integers of 128 kB."""
_ALPHA_SIDE: Final = 1024
"""Pixels to which an image is scaled down before its transparent parts are looked for."""
_POLL: Final = 0.05
_STALE: Final = 60.0
"""Seconds after which a composite's turn is over: the runtime may have ended its request without a word."""


class ImagesPixels:
    """Implements ``Pixels``. Without the binding, what needs it answers ``not_supported_here``."""

    def __init__(self, images: Handle | None, clock: Clock) -> None:
        """``images`` is the raw binding; None where the deployment has none."""
        self._images = ImagesBinding(images)
        self._clock = clock
        self._composite_since: float | None = None

    async def source(self, image: Image, size: Size) -> Image:
        if image.format is ImageFormat.PNG and image.header.size == size and image.header.orientation == 1:
            return image
        return await self._input(image, f"a source image of {size}", ImageFormat.PNG, filling(size))

    async def complete_jpeg(self, image: Image) -> Image:
        raise ImageCutShort(image.header)

    async def mask(self, mask: Image, source: Image, size: Size) -> Image:
        check_mask_size(mask.size, source.size)
        rgba = await self._images.pixels(mask, "a masked edit", size)
        opaque = await _is_opaque(rgba)
        marked = b"".join([marks(rows, opaque=opaque) async for rows in rgba.chunks()])
        pixels = thresholded(marked)
        writer, file = PngWriter(size, GREY), JsParts()
        file.add(writer.begin())
        for first, last in _row_bands(size):
            file.add(writer.write(pixels[first * size.width : last * size.width]))
        file.add(writer.finish())
        return await Image.sniff(file.payload())

    async def is_transparent(self, image: Image) -> bool | None:
        """Of a larger image the mean of some pixels is looked at, which may miss a thin transparent line."""
        if not image.header.has_alpha:
            return False
        if not self._images.bound:
            return None
        small = await self._images.transformed(image, "an image's alpha", ImageFormat.PNG, _within(_ALPHA_SIDE))
        rgba = await self._images.pixels(small, "an image's alpha", small.size)
        async for rows in rgba.chunks():
            if rows[3::4].translate(None, _OPAQUE):
                return True
        return False

    async def reference(self, image: Image, longest: int) -> Image:
        upright = image.header.orientation == 1
        served = image.format in {ImageFormat.PNG, ImageFormat.JPEG}
        if upright and served and max(image.size) <= longest:
            return image
        kind = ImageFormat.PNG if image.header.has_alpha else ImageFormat.JPEG
        return await self._input(image, f"a reference image within {longest} pixels", kind, _within(longest))

    async def finish(self, image: Image, finish: Finish) -> Image:
        if finish.original is not None and finish.mask is not None:
            async with self._turn():
                composed = await self._composed(image, finish.original, finish.mask, finish.size)
            if finish.format in {None, ImageFormat.PNG}:
                return composed
            image = composed
        kind = finish.format or (ImageFormat.PNG if image.format is ImageFormat.GIF else image.format)
        transform = None
        what = f"output_format {kind.value}"
        if image.size != finish.size or image.header.orientation != 1:
            transform = filling(finish.size)
            what = f"the size {finish.size} of an image rendered at {image.size}"
        elif kind is image.format and finish.compression is None:
            return image
        quality = None if kind is ImageFormat.PNG else finish.compression
        return await self._images.transformed(image, what, kind, transform, quality)

    async def preview(self, image: Image, longest: int, max_bytes: int) -> Image:
        small = max(image.size) <= longest and image.payload.size <= max_bytes
        if small and image.format in {ImageFormat.JPEG, ImageFormat.WEBP}:
            return image
        kind = ImageFormat.WEBP if image.header.has_alpha else ImageFormat.JPEG
        for quality in _PREVIEW_QUALITIES:
            smaller = await self._images.transformed(image, "a preview", kind, _within(longest), quality)
            if smaller.payload.size <= max_bytes:
                return smaller
        return await self.preview(image, longest * 2 // 3, max_bytes)

    async def _input(self, image: Image, what: str, kind: ImageFormat, transform: Mapping[str, object]) -> Image:
        try:
            return await self._images.transformed(image, what, kind, transform)
        except UnreadableImage as error:
            raise GatewayError("invalid_image", f"an input image cannot be used: {error}", param="image") from None

    async def _composed(self, image: Image, original: Image, mask: Image, size: Size) -> Image:
        """The image where the mask is 255, the original elsewhere, as a PNG: the pixels of ``composite.composite``."""
        bits = MaskBits(size)
        inside = 0
        async for rows in PngReader(mask.payload, size).grey():
            inside = bits.extended(inside, rows)
        levels = bits.levels(inside, feather_width(size))
        over = await self._images.pixels(image, "a masked edit", size)
        under = await self._images.pixels(original, "a masked edit", size)
        opaque = await _is_opaque(over) and await _is_opaque(under)
        writer, file = PngWriter(size, RGB if opaque else RGBA), JsParts()
        file.add(writer.begin())
        for first, last in _row_bands(size):
            start, stop = 4 * size.width * first, 4 * size.width * last
            band = await under.slice(start, stop)
            holding = [(opacity, bits.to_bytes(level, first, last)) for opacity, level in levels.items()]
            parts = [(opacity, pixels) for opacity, pixels in holding if 255 in pixels]
            if parts:
                band = blended(await over.slice(start, stop), band, parts)
            file.add(writer.write(_without_alpha(band) if opaque else band))
        file.add(writer.finish())
        return await Image.sniff(file.payload())

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """One composite at a time: each holds three pictures. Looked at now and then, because a request that waited
        for an event of another one would be ended by the runtime.
        """
        while self._busy():  # noqa: ASYNC110 - see above
            await asyncio.sleep(_POLL)
        self._composite_since = self._clock.monotonic()
        try:
            yield
        finally:
            self._composite_since = None

    def _busy(self) -> bool:
        since = self._composite_since
        return since is not None and self._clock.monotonic() - since < _STALE


def _row_bands(size: Size) -> Iterator[tuple[int, int]]:
    """First and last row (exclusive) of the bands that are worked on at a time."""
    rows = max(1, _BAND_PIXELS // size.width)
    for first in range(0, size.height, rows):
        yield first, min(first + rows, size.height)


_OPAQUE: Final = bytes(range(TRANSPARENT, 256))


async def _is_opaque(rgba: Payload) -> bool:
    async for rows in rgba.chunks():
        if not is_opaque(rows):
            return False
    return True


def _without_alpha(rgba: bytes) -> bytes:
    pixels = bytearray(len(rgba) // 4 * 3)
    for channel in range(3):
        pixels[channel::3] = rgba[channel::4]
    return bytes(pixels)


def _within(longest: int) -> dict[str, object]:
    return {"width": longest, "height": longest, "fit": "scale-down"}
