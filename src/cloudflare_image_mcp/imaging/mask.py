"""Masks: which pixels of a picture are repainted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import ImageChops

from cloudflare_image_mcp.imaging.mask_rules import THRESHOLDS, TRANSPARENT, nothing_to_repaint

if TYPE_CHECKING:
    from collections.abc import Iterable

    from PIL import Image as PillowImage


def is_transparent(bands: Iterable[PillowImage.Image]) -> bool:
    """Whether ``read_mask`` finds a transparent part to repaint in the picture that the bands make up."""
    return any(band.mode == "RGBA" and any(band.getchannel("A").histogram()[:TRANSPARENT]) for band in bands)


def read_mask(picture: PillowImage.Image) -> PillowImage.Image:
    """The mask as L: 255 is repainted, 0 is kept, and nothing lies between.

    A picture that is transparent somewhere is OpenAI's kind: what is more transparent than opaque is
    repainted. Any other is black and white: what is lighter than middle grey is repainted. Raises
    ``GatewayError`` (``param`` mask) when nothing would be.
    """
    alpha = picture.getchannel("A") if picture.mode == "RGBA" else None
    transparent = alpha is not None and alpha.getextrema() != (255, 255)
    marks = ImageChops.invert(alpha) if alpha is not None and transparent else picture.convert("L")
    for threshold in THRESHOLDS:
        mask = marks.point([255 * (value >= threshold) for value in range(256)])
        if mask.getbbox() is not None:
            return mask
    raise nothing_to_repaint()
