"""Styles: each turns a finished picture into another technique. H x W is kept; every random choice is the seed's."""

from collections.abc import Callable

from PIL import Image, ImageOps

from cloudflare_image_illustrator.styles import drawn, glowing, painted, printed

Style = Callable[[Image.Image, int, int], Image.Image]
# How much of the shorter side a style leaves unpainted at each edge.
BORDERS = {"watercolour": 0.075, "poster": 0.055}
TECHNIQUES: dict[str, Style] = {
    "watercolour": painted.watercolour,
    "oil": painted.oil,
    "pencil": drawn.pencil,
    "ink": drawn.ink,
    "comic": drawn.comic,
    "pixel": printed.pixel,
    "poster": printed.poster,
    "flat": printed.flat,
    "neon": glowing.neon,
    "low-poly": glowing.low_poly,
    "stained": glowing.stained,
}


def apply(style: str, image: Image.Image, seed: int, steps: int) -> Image.Image:
    """The image in a style; one without a technique of its own ("threed", "isometric") is returned as it is."""
    technique = TECHNIQUES.get(style)
    return technique(image, seed, steps) if technique is not None else image


def outline(style: str | None, alpha: Image.Image, seed: int) -> Image.Image:
    """The opacity of a picture after ``apply``: moved where the style moves the edges of things."""
    return painted.watercolour_outline(alpha, seed) if style == "watercolour" else alpha


def monochrome(image: Image.Image) -> Image.Image:
    """Black and white with full contrast."""
    return ImageOps.autocontrast(image.convert("L"), cutoff=0.5).convert("RGB")
