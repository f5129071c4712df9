"""From vectors to pixels, and pixel arithmetic on them. Images are Pillow's; arrays are H x W x channels."""

from collections.abc import Iterator
from io import BytesIO

import numpy as np
import resvg_py
from PIL import Image, ImageFilter

from cloudflare_image_illustrator.pixels import Array

BAND = 256  # rows of a picture that are worked on at a time: as floats the whole of it takes hundreds of megabytes


def bands(height: int, band: int = BAND) -> Iterator[slice]:
    """The rows of a picture in bands, from the top."""
    return (slice(top, min(top + band, height)) for top in range(0, height, band))


def rasterise(body: str, width: int, height: int, box: tuple[float, float, float, float] | None = None) -> Image.Image:
    """An SVG body as an RGBA image of width x height pixels; box is the view box (x, y, width, height)."""
    x, y, w, h = box or (0, 0, width, height)
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'viewBox="{x:g} {y:g} {w:g} {h:g}" width="{width}" height="{height}">{body}</svg>'
    )
    png = resvg_py.svg_to_bytes(svg_string=svg, width=width, height=height, skip_system_fonts=True)
    return Image.open(BytesIO(bytes(png))).convert("RGBA")


def noise(rng: np.random.Generator, width: int, height: int, cells: tuple[int, int], octaves: int = 4) -> Array:
    """Smooth noise 0..1, height x width: octaves of random grids, each twice as fine and half as strong."""
    total = np.zeros((height, width), np.float32)
    weight, norm = 1.0, 0.0
    for octave in range(octaves):
        grid_w, grid_h = max(2, cells[0] << octave), max(2, cells[1] << octave)
        grid = Image.fromarray(rng.random((grid_h, grid_w), dtype=np.float32))
        total += weight * np.asarray(grid.resize((width, height), Image.Resampling.BICUBIC))
        norm += weight
        weight *= 0.5
    total /= norm
    spread: Array = np.clip((total - 0.5) * 1.6 + 0.5, 0, 1)
    return spread


def enlarge(array: Array, width: int, height: int) -> Array:
    """A 2-D float array resampled smoothly to height x width."""
    return np.asarray(Image.fromarray(array.astype(np.float32)).resize((width, height), Image.Resampling.BICUBIC))


def smooth(low: float, high: float, value: Array) -> Array:
    """The smooth step from 0 at low to 1 at high."""
    t = np.clip((value - low) / (high - low), 0, 1)
    eased: Array = t * t * (3 - 2 * t)
    return eased


def to_image(array: Array) -> Image.Image:
    """Float 0..1, H x W x 3, as an RGB image."""
    return Image.fromarray((np.clip(array, 0, 1) * 255 + 0.5).astype(np.uint8))


def blurred(image: Image.Image, radius: float) -> Image.Image:
    """A Gaussian blur whose cost does not grow with the radius: wide ones are made on a reduced image."""
    factor = int(max(1, min(radius // 4, min(image.size) // 8)))
    if factor <= 1:
        return image.filter(ImageFilter.GaussianBlur(radius))
    small = image.reduce(factor).filter(ImageFilter.GaussianBlur(radius / factor))
    return small.resize(image.size, Image.Resampling.BICUBIC)


def paste(canvas: Image.Image, layer: Image.Image, left: int, top: int) -> None:
    """Alpha-composites an RGBA layer on an RGB canvas; parts outside the canvas are cut off."""
    canvas.paste(layer, (left, top), layer)
