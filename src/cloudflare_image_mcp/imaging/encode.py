"""Encodes pictures to PNG, JPEG and WebP files."""

from __future__ import annotations

import io
from typing import Final

from PIL import Image as PillowImage

from cloudflare_image_mcp.imagefile.header import ImageFormat

_PNG_LEVEL: Final = 2
"""zlib's level. 1024 x 1024: 73 ms and 1,253 kB; level 6 takes 401 ms for 11 % less. ``bench/imaging.py`` measures
it.
"""
_JPEG_QUALITY: Final = 92
_WEBP_QUALITY: Final = 90
_WEBP_METHOD: Final = 2
"""0 to 6. 4, the default, takes three times as long for 3 % less."""
_FULL_CHROMA: Final = 90
"""The JPEG quality from which colour is kept at full resolution."""


def encode(picture: PillowImage.Image, image_format: ImageFormat, quality: int | None = None) -> bytes:
    """A file of the RGB, RGBA or L picture. ``quality`` is 0 to 100, for JPEG and WebP; PNG loses nothing.
    JPEG has no alpha: the picture is put on white.
    """
    out = io.BytesIO()
    match image_format:
        case ImageFormat.JPEG:
            quality = _JPEG_QUALITY if quality is None else quality
            subsampling = "4:4:4" if quality >= _FULL_CHROMA else "4:2:0"
            # 1 is the lowest: Pillow takes 0 as "not given".
            on_white(picture).save(out, "JPEG", quality=max(1, quality), subsampling=subsampling)
        case ImageFormat.WEBP:
            quality = _WEBP_QUALITY if quality is None else quality
            picture.save(out, "WEBP", quality=quality, method=_WEBP_METHOD)
        case ImageFormat.PNG | ImageFormat.GIF:
            picture.save(out, "PNG", compress_level=_PNG_LEVEL)
    return out.getvalue()


def on_white(picture: PillowImage.Image) -> PillowImage.Image:
    """RGB (or L, as it came): what is transparent shows white."""
    if picture.mode != "RGBA":
        return picture
    white = PillowImage.new("RGBA", picture.size, "white")
    return PillowImage.alpha_composite(white, picture).convert("RGB")
