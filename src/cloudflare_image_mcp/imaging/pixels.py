"""The ``Pixels`` port over Pillow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PIL import Image as PillowImage

from cloudflare_image_mcp.catalog import Size
from cloudflare_image_mcp.imagefile.header import ImageFormat
from cloudflare_image_mcp.imagefile.image import Image
from cloudflare_image_mcp.imaging.colour import has_alpha
from cloudflare_image_mcp.imaging.decode import decode, decoded_bands
from cloudflare_image_mcp.imaging.encode import encode
from cloudflare_image_mcp.imaging.jpeg_end import completed, with_all_scans
from cloudflare_image_mcp.imaging.mask import is_transparent, read_mask
from cloudflare_image_mcp.imaging.mask_rules import check_mask_size
from cloudflare_image_mcp.imaging.picture_threads import PictureThreads, decoding_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from cloudflare_image_mcp.core.ports import Finish
    from cloudflare_image_mcp.imagefile.header import ImageHeader
    from cloudflare_image_mcp.imaging.picture_threads import PictureMemory

_LOSSY: Final = frozenset({ImageFormat.JPEG, ImageFormat.WEBP})
_PREVIEW_QUALITIES: Final = (85, 70, 50)
_PREVIEW_STEP: Final = 0.75


class PillowPixels:
    """Decodes, resamples and encodes in threads: Pillow releases the interpreter's lock while it works."""

    def __init__(self, threads: int | None = None, memory: PictureMemory | None = None) -> None:
        """``threads``: by default, one for each core. ``memory``: shared with an engine; None: its own."""
        self._threads = PictureThreads(memory, threads)

    async def source(self, image: Image, size: Size) -> Image:
        (data,) = await _read(image)
        return await self._run(
            [decoding_bytes(image.header, size)],
            lambda: encode(decode(data, image.header, size), ImageFormat.PNG),
        )

    async def complete_jpeg(self, image: Image) -> Image:
        (data,) = await _read(image)
        candidates = await with_all_scans(data)
        return await self._run([decoding_bytes(image.header)], lambda: completed(candidates, image.header))

    async def mask(self, mask: Image, source: Image, size: Size) -> Image:
        check_mask_size(mask.size, source.size)
        (data,) = await _read(mask)
        return await self._run(
            [decoding_bytes(mask.header, size)],
            lambda: encode(read_mask(decode(data, mask.header, size)), ImageFormat.PNG),
        )

    async def is_transparent(self, image: Image) -> bool:
        if not image.header.has_alpha:
            return False
        (data,) = await _read(image)
        return await self._threads.run(
            [decoding_bytes(image.header)], lambda: is_transparent(decoded_bands(data, image.header))
        )

    async def reference(self, image: Image, longest: int) -> Image:
        size = fitted(image.size, longest)
        (data,) = await _read(image)
        return await self._run([decoding_bytes(image.header, size)], lambda: _reference(data, image.header, size))

    async def finish(self, image: Image, finish: Finish) -> Image:
        masked = finish.original is not None and finish.mask is not None
        image_format = finish.format or _kept_format(image.format, masked=masked)
        quality = finish.compression if image_format in _LOSSY else None
        if not masked and image.size == finish.size and image_format is image.format and quality in {None, 100}:
            return image
        parts = [image, finish.original, finish.mask] if masked else [image]
        files = [(part.header, *await _read(part)) for part in parts if part is not None]

        def work() -> bytes:
            pictures = [decode(data, header, finish.size) for header, data in files]
            picture = _composed(*pictures) if masked else pictures[0]
            return encode(picture, image_format, quality)

        return await self._run([decoding_bytes(header, finish.size) for header, _ in files], work)

    async def preview(self, image: Image, longest: int, max_bytes: int) -> Image:
        """The image itself where it fits. Raises ``ValueError`` where nothing is short enough."""
        fits = max(image.size) <= longest and image.payload.size <= max_bytes
        if fits and image.format is not ImageFormat.GIF:
            return image
        size = fitted(image.size, longest)
        (data,) = await _read(image)
        return await self._run(
            [decoding_bytes(image.header, size)], lambda: _preview(decode(data, image.header, size), max_bytes)
        )

    def close(self) -> None:
        """Ends the threads; what has not begun is dropped."""
        self._threads.close()

    async def _run(self, costs: Iterable[int], work: Callable[[], bytes]) -> Image:
        return await Image.of_bytes(await self._threads.run(costs, work))


def fitted(size: Size, longest: int) -> Size:
    """The size with no side over ``longest``, of the same shape; never larger."""
    scale = min(1.0, longest / max(size))
    return Size(*(max(1, round(side * scale)) for side in size))


async def _read(image: Image) -> tuple[bytes]:
    """The file's bytes, once it is known to be within the limits."""
    image.check_limits()
    return (await image.payload.read(),)


def _kept_format(image_format: ImageFormat, *, masked: bool) -> ImageFormat:
    """What comes out where no format is asked for: a composite loses nothing, and GIF is not written."""
    return ImageFormat.PNG if masked or image_format is ImageFormat.GIF else image_format


def _composed(result: PillowImage.Image, original: PillowImage.Image, mask: PillowImage.Image) -> PillowImage.Image:
    # Here, because numpy takes 13 MB of memory, and only masked edits need it.
    from cloudflare_image_mcp.imaging.composite import composite

    return composite(result, original, mask.convert("L"))


def _reference(data: bytes, header: ImageHeader, size: Size) -> bytes:
    picture = decode(data, header, size)
    return encode(picture, ImageFormat.PNG if has_alpha(picture) else ImageFormat.JPEG)


def _preview(picture: PillowImage.Image, max_bytes: int) -> bytes:
    image_format = ImageFormat.WEBP if has_alpha(picture) else ImageFormat.JPEG
    smaller = picture
    while True:
        for quality in _PREVIEW_QUALITIES:
            data = encode(smaller, image_format, quality)
            if len(data) <= max_bytes:
                return data
        if max(smaller.size) == 1:
            raise ValueError(f"no preview has {max_bytes} bytes: {len(data)} are the fewest")
        size = [max(1, int(side * _PREVIEW_STEP)) for side in smaller.size]
        smaller = picture.resize((size[0], size[1]), PillowImage.Resampling.LANCZOS)
