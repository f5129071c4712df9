"""Calls Cloudflare's Images binding: an image in, an image or its pixels out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import js
from pyodide.ffi import JsException

from cloudflare_image_mcp.errors import GatewayError, UnreadableImage
from cloudflare_image_mcp.imagefile.header import ImageFormat
from cloudflare_image_mcp.imagefile.image import Image
from cloudflare_image_mcp.imaging.png_rows import PngReader
from cloudflare_image_mcp.js_values import JsPayload, js_object

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudflare_image_mcp.catalog import Size
    from cloudflare_image_mcp.js_values import Handle

_UNREADABLE: Final = frozenset({9520, 9412, 9422})
"""Codes for an input that is no image that it can decode. 9520 also stands for an output format that it lacks."""
_RGBA: Final = "rgba"


def filling(size: Size) -> dict[str, object]:
    """The transform to exactly ``size``: filled, and what is over is cut off around the middle."""
    return {"width": size.width, "height": size.height, "fit": "cover"}


class ImagesBinding:
    """The binding, or its absence."""

    def __init__(self, binding: Handle | None) -> None:
        self._binding = binding
        self._gives_pixels = True

    @property
    def bound(self) -> bool:
        """Whether the deployment has the binding."""
        return self._binding is not None

    async def transformed(
        self,
        image: Image,
        what: str,
        kind: ImageFormat,
        transform: Mapping[str, object] | None = None,
        quality: int | None = None,
    ) -> Image:
        """The image in another size or format. ``what`` stands in the error where there is no binding.

        Raises ``UnreadableImage``, ``GatewayError``.
        """
        return await Image.sniff(await self._output(image, what, kind.media_type, transform, quality))

    async def pixels(self, image: Image, what: str, size: Size) -> JsPayload:
        """The image upright and scaled to fill ``size``: 4 bytes for each pixel. Raises as ``transformed``."""
        fitted = image.size == size
        transform = None if fitted else filling(size)
        if self._gives_pixels:
            try:
                rgba = await self._output(image, what, _RGBA, transform)
            except UnreadableImage:
                # Not the image, perhaps, but the format: miniflare's simulation does not have it.
                rgba = await self._png_pixels(image, what, size, transform)
                self._gives_pixels = False
        else:
            rgba = await self._png_pixels(image, what, size, transform)
        if rgba.size != 4 * size.pixels:
            raise GatewayError("upstream_error", f"Cloudflare Images failed at {what}: its picture is not {size}")
        return rgba

    async def _png_pixels(
        self, image: Image, what: str, size: Size, transform: Mapping[str, object] | None
    ) -> JsPayload:
        png = await self._output(image, what, ImageFormat.PNG.media_type, transform)
        array, offset = js.Uint8Array.new(4 * size.pixels), 0
        async for rows in PngReader(png, size).rgba():
            array.subarray(offset, offset + len(rows)).assign(rows)
            offset += len(rows)
        return JsPayload(array)

    async def _output(
        self,
        image: Image,
        what: str,
        media_type: str,
        transform: Mapping[str, object] | None = None,
        quality: int | None = None,
    ) -> JsPayload:
        if self._binding is None:
            raise GatewayError(
                "not_supported_here",
                f"{what} needs the Images binding, which this Worker was deployed without: "
                "add IMAGES to its bindings (docs/workers.md)",
                param="mask" if what == "a masked edit" else None,
            )
        payload = await JsPayload.of_payload(image.payload)
        work = self._binding.input(js.Response.new(payload.array).body)
        if transform is not None:
            work = work.transform(js_object(transform))
        options: dict[str, object] = {"format": media_type}
        if quality is not None:
            options["quality"] = max(1, quality)
        try:
            output = await work.output(js_object(options))
            return await JsPayload.of_response(output.response())
        except JsException as error:
            if getattr(error, "code", None) in _UNREADABLE:
                raise UnreadableImage("it cannot be decoded") from error
            raise GatewayError("upstream_error", f"Cloudflare Images failed at {what}: {error.message}") from error
