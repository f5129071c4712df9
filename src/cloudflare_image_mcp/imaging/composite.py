"""Composites an edit over its original through a mask."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image as PillowImage

from cloudflare_image_mcp.catalog import Size
from cloudflare_image_mcp.imaging.colour import has_alpha
from cloudflare_image_mcp.imaging.mask_rules import feather_width

if TYPE_CHECKING:
    from numpy.typing import NDArray


def composite(result: PillowImage.Image, original: PillowImage.Image, mask: PillowImage.Image) -> PillowImage.Image:
    """``result`` where the L mask is 255, ``original`` where it is 0; all three of one size.

    The feather lies inside the mask, so that outside it every pixel is the original's, exactly. RGBA where
    either picture shows something through.
    """
    feather = feather_width(Size(*original.size))
    mode = "RGBA" if has_alpha(result) or has_alpha(original) else "RGB"
    return PillowImage.composite(
        result.convert(mode),
        original.convert(mode),
        PillowImage.fromarray(feathered(np.asarray(mask), feather)),
    )


def feathered(mask: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    """Opacity (H x W, uint8) that rises from the mask's border inwards, over ``width`` pixels. What lies
    outside the mask is 0. Parts of the mask too thin to rise are opaque throughout.
    """
    inside = mask > 0
    core = inside
    depth = inside.astype(np.uint16)
    for step in range(1, width):
        core = _eroded(core, diagonal=step % 2 == 0)
        depth += core
    thick = core
    for step in range(2 * width):
        thick = ~_eroded(~thick, diagonal=step % 2 == 0)
    opacity = depth * 255 // width
    return np.where(inside & ~thick, 255, opacity).astype(np.uint8)


def _eroded(inside: NDArray[np.bool_], *, diagonal: bool) -> NDArray[np.bool_]:
    """Without the pixels that touch one outside; the picture's edge is no border. Steps with and without
    diagonals in turn make an octagon, which is near enough to a circle.
    """
    rows = inside.copy()
    rows[1:] &= inside[:-1]
    rows[:-1] &= inside[1:]
    across = rows if diagonal else inside
    both = rows.copy()
    both[:, 1:] &= across[:, :-1]
    both[:, :-1] &= across[:, 1:]
    return both
