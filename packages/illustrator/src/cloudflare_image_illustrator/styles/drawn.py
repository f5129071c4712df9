"""Styles of pen and pencil: graphite, ink, comic."""

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

from cloudflare_image_illustrator.pixels import Array
from cloudflare_image_illustrator.raster import blurred
from cloudflare_image_illustrator.seeds import seeded
from cloudflare_image_illustrator.styles.technique import (
    Hatching,
    Paper,
    abstracted,
    banded,
    edges,
    unit,
    unit_floats,
)


def pencil(image: Image.Image, seed: int, steps: int) -> Image.Image:
    """Graphite: contours, two directions of hatching by tone, paper."""
    rng = seeded(seed, "pencil")
    scale = max(unit(image), 0.4)
    grey = ImageOps.autocontrast(image.convert("L"), cutoff=1)
    soft = blurred(ImageOps.invert(grey), scale * 9)
    toned = grey.filter(ImageFilter.GaussianBlur(scale * 3))
    contours = edges(image, scale * 1.1 + 0.3)
    one, two = Hatching(image, scale * 6.5, 52, rng), Hatching(image, scale * 6, -38, rng)
    grain = Paper(rng, image.width)
    paper, lead = np.array([0.975, 0.965, 0.94], np.float32), np.array([0.17, 0.17, 0.20], np.float32)

    def draw(rows: slice) -> Array:
        dodge = np.clip(unit_floats(grey, rows) / np.maximum(1 - unit_floats(soft, rows), 1 / 255), 0, 1)
        tone = unit_floats(toned, rows)
        shade = np.clip((0.72 - tone) * 1.5, 0, 1) * (1 - one[rows] * 0.75) * 0.62
        shade += np.clip((0.42 - tone) * 2.2, 0, 1) * (1 - two[rows] * 0.75) * 0.45
        lines = np.clip((1 - dodge) * 1.5, 0, 1) * 0.8 + unit_floats(contours, rows) * 0.55
        value = (1 - np.clip(np.maximum(lines, shade) + shade * 0.25, 0, 0.93))[..., None] * grain[rows]
        colour: Array = lead + (paper - lead) * np.clip(value, 0, 1.03)
        return colour

    return banded(*image.size, draw)


def ink(image: Image.Image, seed: int, steps: int) -> Image.Image:
    """Black lines and solid shadows on cream paper, hatched halftones."""
    rng = seeded(seed, "ink")
    scale = max(unit(image), 0.4)
    plain = abstracted(image, 520, 1)
    toned = ImageOps.autocontrast(plain.convert("L"), cutoff=2)
    inner = edges(plain, scale * 1.5 + 0.3)
    contour = plain.convert("L").filter(ImageFilter.FIND_EDGES).filter(ImageFilter.GaussianBlur(scale * 0.9))
    one, two = Hatching(image, scale * 7, 45, rng), Hatching(image, scale * 7, -45, rng)
    grain = Paper(rng, image.width)
    cream, blackest = np.array([0.965, 0.945, 0.895], np.float32), np.array([0.07, 0.07, 0.10], np.float32)

    def draw(rows: slice) -> Array:
        tone = unit_floats(toned, rows)
        lines = np.clip(unit_floats(inner, rows) * 2.2 - 0.25, 0, 1)
        lines = np.maximum(lines, np.clip(unit_floats(contour, rows) * 5 - 0.5, 0, 1))
        solid = np.clip((0.20 - tone) / 0.04, 0, 1)
        hatch = np.clip((0.50 - tone) / 0.06, 0, 1) * (one[rows] < 0.42)
        cross = np.clip((0.34 - tone) / 0.05, 0, 1) * (two[rows] < 0.40)
        black = np.clip(np.maximum.reduce([lines, solid, hatch, cross]), 0, 1)[..., None]
        wash = np.clip(0.90 - tone, 0, 1)[..., None] * 0.22
        colour: Array = cream * grain[rows] * (1 - wash) * (1 - black) + blackest * black
        return colour

    return banded(*image.size, draw)


def comic(image: Image.Image, seed: int, steps: int) -> Image.Image:
    """Black contours, flat tones, dots in the shadows."""
    scale = max(unit(image), 0.4)
    plain = ImageOps.posterize(ImageEnhance.Color(abstracted(image, 560, 1)).enhance(1.45), 3)
    plain = Image.blend(plain, image, 0.25)
    turn = np.float32(2 * np.pi / (scale * 9))
    across = np.cos(np.arange(image.width, dtype=np.float32)[None, :] * turn)
    down = np.cos(np.arange(image.height, dtype=np.float32)[:, None] * turn)
    toned = image.convert("L").filter(ImageFilter.GaussianBlur(scale * 3))
    contours = edges(image, scale * 1.5 + 0.3)

    def draw(rows: slice) -> Array:
        tone = unit_floats(toned, rows)
        shade = (across * down[rows] > np.clip(tone * 2.6 - 0.75, -1, 1.1)) * np.clip(0.75 - tone, 0, 1) * 0.5
        lines = np.clip(unit_floats(contours, rows) * 2.4 - 0.3, 0, 1)
        colour: Array = unit_floats(plain, rows) * ((1 - shade) * (1 - lines))[..., None] * 1.06
        return colour

    return banded(*image.size, draw)
