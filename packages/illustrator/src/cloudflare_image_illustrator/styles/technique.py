"""Tools that several styles share. H x W is the picture's; floats are 0..1.

Whatever needs several floats a pixel is computed in bands of rows: at 2048 x 2048 a single RGB array of them takes 50 MB.
"""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageFilter

from cloudflare_image_illustrator.pixels import Array
from cloudflare_image_illustrator.raster import bands, noise


def unit(image: Image.Image) -> float:
    """Pixels per thousandth of the picture's side, the scale of details."""
    return (min(image.size) * 0.65 + max(image.size) * 0.35) / 1000


def banded(width: int, height: int, draw: Callable[[slice], Array]) -> Image.Image:
    """An RGB image from draw(rows), which gives those rows' colours (rows x width x 3, 0..1)."""
    pixels = np.empty((height, width, 3), np.uint8)
    for rows in bands(height):
        pixels[rows] = np.clip(draw(rows), 0, 1) * 255
    return Image.fromarray(pixels)


def unit_floats(image: Image.Image, rows: slice) -> Array:
    """Some rows of an image as floats."""
    floats: Array = np.asarray(image)[rows].astype(np.float32) / 255
    return floats


def abstracted(image: Image.Image, side: int = 420, passes: int = 2) -> Image.Image:
    """Small detail gone, edges kept: medians on a reduced image."""
    scale = min(1.0, side / max(image.size))
    small = image.resize(
        (max(8, round(image.width * scale)), max(8, round(image.height * scale))), Image.Resampling.BOX
    )
    for _ in range(passes):
        small = small.filter(ImageFilter.MedianFilter(5))
    return small.resize(image.size, Image.Resampling.BICUBIC)


def edges(image: Image.Image, radius: float) -> Image.Image:
    """Difference of Gaussians of the lightness, strong on the dark side of an edge; an "L" image."""
    grey = image.convert("L")
    fine = np.asarray(grey.filter(ImageFilter.GaussianBlur(radius)))
    coarse = np.asarray(grey.filter(ImageFilter.GaussianBlur(radius * 1.9)))
    strength = np.empty(fine.shape, np.uint8)
    for rows in bands(image.height):
        strength[rows] = np.clip((coarse[rows].astype(np.float32) - fine[rows]) / 12, 0, 1) * 255
    return Image.fromarray(strength)


def spread(rng: np.random.Generator, image: Image.Image, cells: int, octaves: int, coarse: int = 4) -> Array:
    """Smooth noise over the picture, made on a coarser grid; H x W, float32."""
    small = noise(rng, max(image.width // coarse, 8), max(image.height // coarse, 8), (cells, cells), octaves)
    return np.asarray(Image.fromarray(small).resize(image.size, Image.Resampling.BILINEAR))


def displaced(image: Image.Image, rng: np.random.Generator, reach: float, cells: int) -> Image.Image:
    """The image with wandering edges: every pixel is taken from a little way off."""
    w, h = image.size
    across, down = spread(rng, image, cells, 3), spread(rng, image, cells, 3)
    columns, source = np.arange(w, dtype=np.float32)[None, :], np.asarray(image)
    pixels = np.empty_like(source)
    for rows in bands(h):
        x = (columns + (across[rows] - 0.5) * 2 * reach).astype(np.int32).clip(0, w - 1)
        y = np.arange(h, dtype=np.float32)[rows, None] + (down[rows] - 0.5) * 2 * reach
        pixels[rows] = source[y.astype(np.int32).clip(0, h - 1), x]
    return Image.fromarray(pixels)


class Paper:
    """The grain of rough paper, around 1."""

    def __init__(self, rng: np.random.Generator, width: int) -> None:
        tile = rng.integers(0, 256, (256, 256), dtype=np.uint8)
        soft = np.asarray(Image.fromarray(tile).filter(ImageFilter.GaussianBlur(0.9)), np.float32)
        soft = (soft - soft.mean()) / max(float(soft.std()), 1e-6)
        self._tile = (1 + 0.028 * np.tile(soft, (1, width // 256 + 1))[:, :width]).astype(np.float32)

    def __getitem__(self, rows: slice) -> Array:
        """Some rows of it: rows x width x 1."""
        grain: Array = self._tile[np.arange(rows.start, rows.stop) % 256, :, None]
        return grain


class Hatching:
    """Parallel hand-drawn lines: 0 on a line's middle, 1 between lines."""

    def __init__(self, image: Image.Image, pitch: float, degrees: float, rng: np.random.Generator) -> None:
        self._wander = spread(rng, image, 6, 2, 8)
        self._pitch = pitch
        angle = np.radians(degrees)
        self._across = np.arange(image.width, dtype=np.float32)[None, :] * np.float32(np.sin(angle))
        self._down = np.arange(image.height, dtype=np.float32)[:, None] * np.float32(np.cos(angle))

    def __getitem__(self, rows: slice) -> Array:
        """Some rows of it: rows x width."""
        phase = (self._across + self._down[rows]) / np.float32(self._pitch) + self._wander[rows] * np.float32(1.6)
        lines: Array = np.abs(phase - np.floor(phase) - 0.5) * 2
        return lines
