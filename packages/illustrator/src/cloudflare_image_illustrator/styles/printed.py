"""Styles of few colours: pixel art, the screen-printed poster, flat design."""

import numpy as np
from PIL import Image, ImageChops, ImageEnhance, ImageFilter

from cloudflare_image_illustrator.colour import from_oklab, to_oklab
from cloudflare_image_illustrator.pixels import Array
from cloudflare_image_illustrator.seeds import seeded
from cloudflare_image_illustrator.styles.technique import abstracted, banded, unit, unit_floats


def pixel(image: Image.Image, seed: int, steps: int) -> Image.Image:
    """Large square pixels in a palette of thirty-two."""
    w, h = image.size
    cells = 112
    scale = cells / max(w, h)
    size = (max(8, round(w * scale)), max(8, round(h * scale)))
    small = ImageEnhance.Contrast(ImageEnhance.Color(image.resize(size, Image.Resampling.BOX)).enhance(1.25)).enhance(
        1.06
    )
    small = small.filter(ImageFilter.UnsharpMask(1, 90, 2))
    reduced = small.quantize(32, Image.Quantize.MEDIANCUT, kmeans=2, dither=Image.Dither.NONE).convert("RGB")
    return reduced.resize((w, h), Image.Resampling.NEAREST)


def _inks(image: Image.Image, count: int) -> Image.Image:
    """The image in a few flat colours. Colours are shared out by how different they are, not by area alone, so that a
    mountain keeps an ink of its own beside a large sky."""
    small = np.asarray(image.resize((96, 96), Image.Resampling.BOX), np.float32).reshape(-1, 3) / 255
    lab = to_oklab(small) * np.array([1.0, 1.7, 1.7], np.float32)
    cells = np.unique(np.floor(lab * 24), axis=0, return_inverse=True, return_counts=True)
    weight = 1 / np.sqrt(cells[2][cells[1].ravel()])
    centres = lab[[int(np.abs(lab - lab.mean(0)).sum(1).argmin())]]
    away = np.linalg.norm(lab - centres[0], axis=1)
    for _ in range(count - 1):  # each next one is the colour least well matched so far
        furthest = int((away * weight**0.5).argmax())
        centres = np.concatenate([centres, lab[[furthest]]])
        away = np.minimum(away, np.linalg.norm(lab - lab[furthest], axis=1))
    for _ in range(6):
        nearest = np.linalg.norm(lab[:, None] - centres, axis=-1).argmin(1)
        total = np.bincount(nearest, weight, count)
        for axis in range(3):
            sums = np.bincount(nearest, weight * lab[:, axis], count)
            centres[:, axis] = np.where(total > 0, sums / np.maximum(total, 1e-9), centres[:, axis])
    rgb = from_oklab((centres / np.array([1.0, 1.7, 1.7])).astype(np.float32))
    palette = Image.new("P", (1, 1))
    flat = (rgb * 255).round().astype(int)
    palette.putpalette([*flat.ravel().tolist(), *flat[-1].tolist() * (256 - count)])
    return image.quantize(palette=palette, dither=Image.Dither.NONE).convert("RGB")


def poster(image: Image.Image, seed: int, steps: int) -> Image.Image:
    """A screen print: few warm inks, a cream border, a trace of misregistration and grain."""
    rng = seeded(seed, "poster")
    w, h = image.size
    scale = unit(image)
    warm = Image.blend(
        ImageEnhance.Contrast(ImageEnhance.Color(abstracted(image, 640, 1)).enhance(1.15)).enhance(1.12),
        Image.new("RGB", image.size, (236, 178, 106)),
        0.12,
    )
    inks = _inks(warm, 11)
    inks = inks.filter(ImageFilter.ModeFilter(5)) if max(w, h) <= 640 else inks.filter(ImageFilter.MedianFilter(3))
    inks = ImageEnhance.Contrast(inks).enhance(1.06)
    red, green, blue = inks.split()
    inks = Image.merge("RGB", (ImageChops.offset(red, max(1, round(scale * 1.6)), 0), green, blue))
    grain = np.tile(rng.random((256, 256)) < 0.035, (1, w // 256 + 1))[:, :w, None] * np.float32(0.20)
    paper = np.array([0.955, 0.915, 0.82], np.float32)

    def draw(rows: slice) -> Array:
        share = grain[np.arange(rows.start, rows.stop) % 256]
        colour: Array = unit_floats(inks, rows) * (1 - share) + paper * share
        return colour

    picture = banded(w, h, draw)
    margin = round(min(w, h) * 0.045)
    framed = Image.new("RGB", (w, h), tuple(int(255 * c) for c in paper))
    framed.paste(picture.crop((margin, margin, w - margin, h - margin)), (margin, margin))
    return framed


def flat(image: Image.Image, seed: int, steps: int) -> Image.Image:
    """Even areas of few colours without gradients or texture."""
    even = abstracted(image, 720, 1) if max(image.size) > 300 else image.filter(ImageFilter.MedianFilter(3))
    return _inks(ImageEnhance.Color(even).enhance(1.08), 24)
