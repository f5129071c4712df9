"""Styles of light and glass: neon, stained glass, low poly."""

import numpy as np
from PIL import Image, ImageChops, ImageEnhance, ImageFilter

from cloudflare_image_illustrator.pixels import Array
from cloudflare_image_illustrator.raster import blurred
from cloudflare_image_illustrator.styles.polygons import polygons
from cloudflare_image_illustrator.styles.technique import abstracted, banded, edges, unit, unit_floats

DARK, BRIGHT = np.array([0.10, 0.02, 0.20], np.float32), np.array([0.25, 0.95, 1.0], np.float32)
MAGENTA = np.array([1.0, 0.16, 0.72], np.float32)
GREY = np.array([0.3, 0.59, 0.11], np.float32)


def neon(image: Image.Image, seed: int, steps: int) -> Image.Image:
    """Night colours split into magenta and cyan, glowing contours, bloom."""
    scale, size = unit(image), image.size
    saturated = ImageEnhance.Color(image).enhance(2.6)
    contour = image.filter(ImageFilter.GaussianBlur(scale)).convert("L").filter(ImageFilter.FIND_EDGES)

    def graded(rows: slice) -> Array:
        pixels = unit_floats(image, rows)
        grey: Array = pixels @ GREY
        low, high = np.clip(grey * 2, 0, 1)[..., None], np.clip(grey * 2 - 1, 0, 1)[..., None]
        light = DARK + (MAGENTA - DARK) * low * 0.8 + (BRIGHT - MAGENTA) * high * 0.8
        mixed: Array = np.clip(pixels * 0.62 + light * 0.50 - 0.05, 0, 1) * 0.9
        return mixed

    def tubes(rows: slice) -> Array:
        lines: Array = np.clip(unit_floats(contour, rows) * 5 - 0.25, 0, 1)[..., None]
        tinted: Array = lines * np.clip(unit_floats(saturated, rows) + 0.25, 0, 1)
        return tinted

    lines, mixed = banded(*size, tubes), banded(*size, graded)
    halo = blurred(lines, scale * 9)
    bloom = blurred(banded(*size, lambda rows: (graded(rows) - 0.62) * 2.2), scale * 16)

    def draw(rows: slice) -> Array:
        unlit = (1 - unit_floats(mixed, rows)) * (1 - unit_floats(lines, rows) * 0.85)
        unlit *= 1 - np.clip(unit_floats(halo, rows) * 1.7, 0, 1)
        lit: Array = 1 - unlit * (1 - np.clip(unit_floats(bloom, rows) * 0.8, 0, 1))
        return lit

    return banded(*size, draw)


def low_poly(image: Image.Image, seed: int, steps: int) -> Image.Image:
    """Flat-coloured triangles whose corners sit on the picture's edges."""
    return polygons(ImageEnhance.Color(image).enhance(1.15), seed, max(unit(image) * 27, 5), 0)


def stained(image: Image.Image, seed: int, steps: int) -> Image.Image:
    """Pieces of saturated glass between dark leads."""
    scale = unit(image)
    pieces = polygons(ImageEnhance.Color(image).enhance(1.7), seed, max(scale * 30, 6), max(1, round(scale * 2.6)))
    contours = edges(abstracted(image, 420, 2), scale * 2.6 + 0.4)

    def draw(rows: slice) -> Array:
        leads = np.clip(unit_floats(contours, rows) * 2.6 - 0.35, 0, 1)[..., None]
        colour: Array = unit_floats(pieces, rows) * (1 - leads * 0.92)
        return colour

    glass = banded(*image.size, draw)
    return Image.blend(glass, ImageChops.screen(glass, blurred(glass, scale * 14)), 0.45)
