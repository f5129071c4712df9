"""An image file whose header has been read: its format and size are known, its bytes are not decoded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cloudflare_image_mcp.errors import UnreadableImage
from cloudflare_image_mcp.imagefile.ending import find_end
from cloudflare_image_mcp.imagefile.header import (
    HeaderCutShort,
    ImageCutShort,
    ImageFormat,
    ImageHeader,
    is_complete,
    read_header,
)
from cloudflare_image_mcp.imagefile.payload import BytesPayload
from cloudflare_image_mcp.limits import (
    MAX_IMAGE_BYTES,
    MAX_IMAGE_PIXELS,
    MAX_IMAGE_SIDE,
    MAX_WEBP_PIXELS,
    MEBIBYTE,
)

if TYPE_CHECKING:
    from cloudflare_image_mcp.catalog import Size
    from cloudflare_image_mcp.imagefile.payload import Payload

_HEAD = 64 * 1024
"""Bytes read to find the size."""
_LONG_HEAD = 2 * 1024 * 1024
"""Bytes read when those do not tell: a JPEG may carry a print profile of 550 kB before its size."""
_TAIL = 64


@dataclass(frozen=True, slots=True)
class Image:
    """An encoded image and what its header says."""

    payload: Payload
    header: ImageHeader

    @classmethod
    async def sniff(cls, payload: Payload) -> Image:
        """Reads the header, and drops what stands after the end of the image.

        Raises ``UnreadableImage`` when the bytes are no PNG, JPEG, WebP or GIF; ``ImageCutShort`` when they end before
        the image does.
        """
        try:
            header = read_header(await payload.slice(0, _HEAD))
        except HeaderCutShort:
            if payload.size <= _HEAD:
                raise
            header = read_header(await payload.slice(0, _LONG_HEAD))
        tail = await payload.slice(max(0, payload.size - _TAIL), payload.size)
        if not is_complete(header, tail, payload.size):
            end = await find_end(payload, header)
            if end is None:
                raise ImageCutShort(header)
            payload = await payload.spliced(end, payload.size, b"")
        return cls(payload, header)

    @classmethod
    async def of_bytes(cls, data: bytes) -> Image:
        return await cls.sniff(BytesPayload(data))

    @property
    def format(self) -> ImageFormat:
        return self.header.format

    @property
    def size(self) -> Size:
        """As shown: an EXIF orientation that turns the picture by a quarter swaps width and height."""
        return self.header.upright_size

    def check_limits(self) -> None:
        """Raises ``UnreadableImage`` where the image is too large to be decoded: to be asked before it is."""
        size, header = self.payload.size, self.header
        if size > MAX_IMAGE_BYTES:
            allowed = MAX_IMAGE_BYTES // MEBIBYTE
            raise UnreadableImage(f"the image has {size / MEBIBYTE:.1f} MiB; at most {allowed} MiB are taken")
        if max(header.size) > MAX_IMAGE_SIDE:
            raise UnreadableImage(f"the image is {header.size}; at most {MAX_IMAGE_SIDE} pixels a side are taken")
        webp = self.format is ImageFormat.WEBP
        allowed = MAX_WEBP_PIXELS if webp else MAX_IMAGE_PIXELS
        if header.size.pixels > allowed:
            raise UnreadableImage(
                f"the image is {header.size}, {header.size.pixels / 1e6:.1f} megapixels; "
                f"at most {allowed / 1e6:.1f} are taken{' of a WebP' if webp else ''}"
            )
