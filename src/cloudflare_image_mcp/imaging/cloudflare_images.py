"""Work on pixels through Cloudflare's Images binding: sizes and formats. Masks it cannot do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NoReturn

import js
from pyodide.ffi import JsException

from cloudflare_image_mcp.errors import GatewayError, UnreadableImage
from cloudflare_image_mcp.imagefile.header import ImageCutShort, ImageFormat
from cloudflare_image_mcp.imagefile.image import Image
from cloudflare_image_mcp.js_values import JsPayload, js_object

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudflare_image_mcp.catalog import Size
    from cloudflare_image_mcp.core.ports import Finish
    from cloudflare_image_mcp.js_values import Handle

_UNREADABLE: Final = frozenset({9520, 9412, 9422})
"""Codes of the binding for input that is no image that it can decode."""
_PREVIEW_QUALITIES: Final = (80, 60, 40, 25)


class ImagesPixels:
    """Implements ``Pixels``, but for masks: these answer ``not_supported_here``."""

    def __init__(self, images: Handle | None) -> None:
        """``images`` is the raw binding; None where the deployment has none."""
        self._images = images

    async def source(self, image: Image, size: Size) -> Image:
        if image.format is ImageFormat.PNG and image.header.size == size and image.header.orientation == 1:
            return image
        return await self._input(image, f"a source image of {size}", ImageFormat.PNG, _filling(size))

    async def complete_jpeg(self, image: Image) -> Image:
        raise ImageCutShort(image.header)

    async def mask(self, mask: Image, source: Image, size: Size) -> Image:
        _no_masks()

    async def is_transparent(self, image: Image) -> bool | None:
        return None if image.header.has_alpha else False

    async def reference(self, image: Image, longest: int) -> Image:
        upright = image.header.orientation == 1
        served = image.format in {ImageFormat.PNG, ImageFormat.JPEG}
        if upright and served and max(image.size) <= longest:
            return image
        kind = ImageFormat.PNG if image.header.has_alpha else ImageFormat.JPEG
        return await self._input(image, f"a reference image within {longest} pixels", kind, _within(longest))

    async def finish(self, image: Image, finish: Finish) -> Image:
        if finish.mask is not None:
            _no_masks()
        kind = finish.format or (ImageFormat.PNG if image.format is ImageFormat.GIF else image.format)
        transform = None
        what = f"output_format {kind.value}"
        if image.size != finish.size or image.header.orientation != 1:
            transform = _filling(finish.size)
            what = f"the size {finish.size} of an image rendered at {image.size}"
        elif kind is image.format and finish.compression is None:
            return image
        quality = None if kind is ImageFormat.PNG else finish.compression
        return await self._transformed(image, what, kind, transform, quality)

    async def preview(self, image: Image, longest: int, max_bytes: int) -> Image:
        small = max(image.size) <= longest and image.payload.size <= max_bytes
        if small and image.format in {ImageFormat.JPEG, ImageFormat.WEBP}:
            return image
        kind = ImageFormat.WEBP if image.header.has_alpha else ImageFormat.JPEG
        for quality in _PREVIEW_QUALITIES:
            smaller = await self._transformed(image, "a preview", kind, _within(longest), quality)
            if smaller.payload.size <= max_bytes:
                return smaller
        return await self.preview(image, longest * 2 // 3, max_bytes)

    async def _input(self, image: Image, what: str, kind: ImageFormat, transform: Mapping[str, object]) -> Image:
        try:
            return await self._transformed(image, what, kind, transform)
        except UnreadableImage as error:
            raise GatewayError("invalid_image", f"an input image cannot be used: {error}", param="image") from None

    async def _transformed(
        self,
        image: Image,
        what: str,
        kind: ImageFormat,
        transform: Mapping[str, object] | None = None,
        quality: int | None = None,
    ) -> Image:
        """The image through the binding. ``what`` stands in the error where there is none.

        Raises ``UnreadableImage``, ``GatewayError``.
        """
        if self._images is None:
            raise GatewayError(
                "not_supported_here",
                f"{what} needs the Images binding, which this Worker was deployed without",
            )
        payload = await JsPayload.of_payload(image.payload)
        work = self._images.input(js.Response.new(payload.array).body)
        if transform is not None:
            work = work.transform(js_object(transform))
        options: dict[str, object] = {"format": kind.media_type}
        if quality is not None:
            options["quality"] = max(1, quality)
        try:
            output = await work.output(js_object(options))
            result = await JsPayload.of_response(output.response())
        except JsException as error:
            if getattr(error, "code", None) in _UNREADABLE:
                raise UnreadableImage("it cannot be decoded") from error
            raise GatewayError("upstream_error", f"Cloudflare Images failed at {what}: {error.message}") from error
        return await Image.sniff(result)


def _filling(size: Size) -> dict[str, object]:
    """Exactly ``size``: filled, what is over cut off around the middle."""
    return {"width": size.width, "height": size.height, "fit": "cover"}


def _within(longest: int) -> dict[str, object]:
    return {"width": longest, "height": longest, "fit": "scale-down"}


def _no_masks() -> NoReturn:
    raise GatewayError(
        "not_supported_here",
        "masked edits need work on single pixels, which a Worker's Images binding does not offer; "
        "run the gateway on a server for them, or edit without a mask",
        param="mask",
    )
