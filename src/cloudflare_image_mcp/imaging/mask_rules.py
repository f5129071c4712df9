"""What a mask means, for both implementations of ``Pixels``. Needs no Pillow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cloudflare_image_mcp.errors import GatewayError, invalid

if TYPE_CHECKING:
    from cloudflare_image_mcp.catalog import Size

THRESHOLDS: Final = (128, 16)
"""How transparent, or how light, a pixel of a mask is at least. The second is tried where the first finds none: a mark
that is thinner than a pixel of the size rendered is still a mark.
"""
TRANSPARENT: Final = 256 - min(THRESHOLDS)
"""Alpha values below this one count as transparent."""


def check_mask_size(mask: Size, source: Size) -> None:
    """Raises ``GatewayError`` unless both are the same."""
    if mask != source:
        raise invalid("mask", f"mask is {mask} and the image is {source}; both must have the same size")


def nothing_to_repaint() -> GatewayError:
    """The error for a mask without a mark."""
    return invalid(
        "mask",
        "mask marks nothing to repaint: it needs a transparent area or, without one, a white one on black",
    )


def feather_width(size: Size) -> int:
    """Pixels over which the opacity rises inside a mask: 8 of 1024."""
    return max(1, round(max(size) / 128))
