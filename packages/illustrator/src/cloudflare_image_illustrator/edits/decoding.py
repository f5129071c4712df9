"""Decodes the images and the mask of an edit."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageFilter, ImageOps, UnidentifiedImageError

from cloudflare_image_illustrator.errors import IllustratorError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_UNREADABLE = (UnidentifiedImageError, OSError, ValueError, SyntaxError)


def decode_image(data: bytes, what: str) -> Image.Image:
    """An encoded picture as RGB, upright, transparent parts on white. Raises IllustratorError when it is none."""
    try:
        with Image.open(BytesIO(data)) as image:
            upright = ImageOps.exif_transpose(image)
            if upright.mode in {"RGBA", "LA", "P"}:
                layered = upright.convert("RGBA")
                white = Image.new("RGBA", layered.size, (255, 255, 255, 255))
                return Image.alpha_composite(white, layered).convert("RGB")
            return upright.convert("RGB")
    except _UNREADABLE:
        raise IllustratorError(f"{what} is not a PNG, JPEG or WebP picture that can be read") from None


def decode_mask(data: bytes, source_size: tuple[int, int], size: tuple[int, int]) -> NDArray[np.floating[Any]]:
    """A mask at the size of the result: 1 inside, 0 outside, H x W, feathered inwards so that outside stays exactly 0.

    Raises IllustratorError when it cannot be read, or is not of the source's size.
    """
    try:
        with Image.open(BytesIO(data)) as image:
            mask = image.convert("L")
    except _UNREADABLE:
        raise IllustratorError("the mask is not a picture that can be read") from None
    if mask.size != source_size:
        raise IllustratorError(
            f"the mask is {mask.width} x {mask.height}; it must be the image's size, {source_size[0]} x {source_size[1]}"
        )
    if mask.size != size:
        mask = ImageOps.fit(mask, size, Image.Resampling.BILINEAR)
    hard = np.asarray(mask.point([255 if v >= 128 else 0 for v in range(256)]), np.float32) / 255
    blur = ImageFilter.GaussianBlur(max(1.0, min(size) / 160))
    soft = np.asarray(Image.fromarray((hard * 255).astype(np.uint8)).filter(blur), np.float32) / 255
    return np.clip((soft - 0.5) * 2, 0, 1) * hard
