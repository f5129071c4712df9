"""Masks: which pixels of a picture are repainted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PIL import ImageChops

from cloudflare_image_mcp.errors import invalid

if TYPE_CHECKING:
    from collections.abc import Iterable

    from PIL import Image as PillowImage

    from cloudflare_image_mcp.catalog import Size


def check_mask_size(mask: Size, source: Size) -> None:
    """Raises ``GatewayError`` unless both are the same."""
    if mask != source:
        raise invalid("mask", f"mask is {mask} and the image is {source}; both must have the same size")


_THRESHOLDS: Final = (128, 16)
"""How transparent, or how light, a pixel of a mask is at least: a mark that is thinner than a pixel of the size
rendered is still a mark.
"""


def is_transparent(bands: Iterable[PillowImage.Image]) -> bool:
    """Whether ``read_mask`` finds a transparent part to repaint in the picture that the bands make up."""
    most = 256 - min(_THRESHOLDS)
    return any(band.mode == "RGBA" and any(band.getchannel("A").histogram()[:most]) for band in bands)


def read_mask(picture: PillowImage.Image) -> PillowImage.Image:
    """The mask as L: 255 is repainted, 0 is kept, and nothing lies between.

    A picture that is transparent somewhere is OpenAI's kind: what is more transparent than opaque is
    repainted. Any other is black and white: what is lighter than middle grey is repainted. Raises
    ``GatewayError`` (``param`` mask) when nothing would be.
    """
    alpha = picture.getchannel("A") if picture.mode == "RGBA" else None
    transparent = alpha is not None and alpha.getextrema() != (255, 255)
    marks = ImageChops.invert(alpha) if alpha is not None and transparent else picture.convert("L")
    for threshold in _THRESHOLDS:
        mask = marks.point([255 * (value >= threshold) for value in range(256)])
        if mask.getbbox() is not None:
            return mask
    raise invalid(
        "mask",
        "mask marks nothing to repaint: it needs a transparent area or, without one, a white one on black",
    )
