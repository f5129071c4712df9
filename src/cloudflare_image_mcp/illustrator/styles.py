"""Styles: each turns a finished picture into another technique. H x W is kept; every random choice is the stage's."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from cloudflare_image_mcp.illustrator.figure import seeded
from cloudflare_image_mcp.illustrator.polygons import polygons
from cloudflare_image_mcp.illustrator.raster import blurred, noise

Array = NDArray[np.floating[Any]]
Style = Callable[[Image.Image, int, int], Image.Image]


def apply(style: str, image: Image.Image, seed: int, steps: int) -> Image.Image:
    """The image in a style; one without a technique of its own ("threed", "isometric") is returned as it is."""
    technique = TECHNIQUES.get(style)
    return technique(image, seed, steps) if technique is not None else image


def _unit(image: Image.Image) -> float:
    return (min(image.size) * 0.65 + max(image.size) * 0.35) / 1000


def _abstracted(image: Image.Image, side: int = 420, passes: int = 2) -> Image.Image:
    """Small detail gone, edges kept: medians on a reduced image."""
    scale = min(1.0, side / max(image.size))
    small = image.resize(
        (max(8, round(image.width * scale)), max(8, round(image.height * scale))), Image.Resampling.BOX
    )
    for _ in range(passes):
        small = small.filter(ImageFilter.MedianFilter(5))
    return small.resize(image.size, Image.Resampling.BICUBIC)


def _edges(image: Image.Image, radius: float) -> Array:
    """Difference of Gaussians of the lightness, 0..1, strong on the dark side of an edge."""
    grey = image.convert("L")
    fine = np.asarray(grey.filter(ImageFilter.GaussianBlur(radius)), np.float32)
    coarse = np.asarray(grey.filter(ImageFilter.GaussianBlur(radius * 1.9)), np.float32)
    edges: Array = np.clip((coarse - fine) / 12.0, 0, 1)
    return edges


def _displaced(image: Image.Image, rng: np.random.Generator, reach: float, cells: int) -> Image.Image:
    """The image with wandering edges: every pixel is taken from a little way off."""
    w, h = image.size
    quarter = (max(w // 4, 8), max(h // 4, 8))
    shift = [
        np.asarray(
            Image.fromarray((noise(rng, *quarter, (cells, cells), 3) - 0.5) * 2 * reach).resize(
                (w, h), Image.Resampling.BILINEAR
            )
        )
        for _ in range(2)
    ]
    x = (np.arange(w, dtype=np.float32)[None, :] + shift[0]).astype(np.int32).clip(0, w - 1)
    y = (np.arange(h, dtype=np.float32)[:, None] + shift[1]).astype(np.int32).clip(0, h - 1)
    return Image.fromarray(np.asarray(image)[y, x])


def _paper(rng: np.random.Generator, w: int, h: int) -> Array:
    """The grain of rough paper, around 1."""
    tile = rng.integers(0, 256, (256, 256), dtype=np.uint8)
    soft = np.asarray(Image.fromarray(tile).filter(ImageFilter.GaussianBlur(0.9)), np.float32)
    soft = (soft - soft.mean()) / max(float(soft.std()), 1e-6)
    tiled = np.tile(soft, (h // 256 + 1, w // 256 + 1))[:h, :w]
    return (1 + 0.028 * tiled).astype(np.float32)


def watercolour(image: Image.Image, seed: int, steps: int) -> Image.Image:
    """Washes with wandering, darker edges, pigment that settles in the paper, and an unpainted border."""
    rng = seeded(seed, "watercolour")
    w, h = image.size
    unit = _unit(image)
    wash = _displaced(_abstracted(image), rng, unit * 11, 12)
    wash = ImageEnhance.Color(wash).enhance(1.12)
    colour = np.asarray(wash, np.float32) / 255
    colour = 1 - (1 - colour) * 0.86
    edge = (
        np.asarray(
            wash.convert("L").filter(ImageFilter.FIND_EDGES).filter(ImageFilter.GaussianBlur(unit * 1.6 + 0.4)),
            np.float32,
        )
        / 255
    )
    flow = np.asarray(
        Image.fromarray(noise(rng, max(w // 4, 8), max(h // 4, 8), (5, 5), 4)).resize((w, h), Image.Resampling.BICUBIC)
    )
    pigment = 1 + (flow - 0.5) * 0.42
    density = (1 - colour) * (pigment * (1 + 1.5 * np.clip(edge * 2.2, 0, 0.5)))[..., None]
    colour = (1 - density) * _paper(rng, w, h)[..., None]
    border = _rough_border(rng, w, h, 0.045)
    white = np.array([0.985, 0.975, 0.955], np.float32) * _paper(rng, w, h)[..., None]
    colour = white + (colour - white) * border[..., None]
    return Image.fromarray((np.clip(colour, 0, 1) * 255).astype(np.uint8))


def _rough_border(rng: np.random.Generator, w: int, h: int, margin: float) -> Array:
    """1 inside, 0 in a border whose edge wanders like a brush's."""
    qw, qh = max(w // 4, 8), max(h // 4, 8)
    x, y = np.linspace(0, 1, qw, dtype=np.float32)[None, :], np.linspace(0, 1, qh, dtype=np.float32)[:, None]
    inside = np.minimum(np.minimum(x, 1 - x) * w / min(w, h), np.minimum(y, 1 - y) * h / min(w, h))
    wander = (noise(rng, qw, qh, (9, 9), 4) - 0.5) * margin * 1.7
    mask = np.clip((inside + wander - margin) / 0.008, 0, 1)
    return np.asarray(Image.fromarray(mask.astype(np.float32)).resize((w, h), Image.Resampling.BILINEAR))


def oil(image: Image.Image, seed: int, steps: int) -> Image.Image:
    """Brush strokes that follow the forms, in passes from broad to fine; relief lit from the upper left."""
    rng = seeded(seed, "oil")
    unit = _unit(image)
    source = ImageEnhance.Color(image).enhance(1.22)
    canvas = _abstracted(source, 260)
    for width in (26, 14, 8)[: 1 + min(steps, 2)] if steps < 8 else (26, 14, 8, 5):
        _stroke_pass(canvas, source, rng, max(width * unit, 1.5), fine=width <= 8)
    grey = np.asarray(canvas.convert("L"), np.float32)
    relief = np.zeros_like(grey)
    relief[1:, 1:] = grey[1:, 1:] - grey[:-1, :-1]
    lit = np.asarray(canvas, np.float32) + np.clip(relief, -16, 16)[..., None] * 0.7
    return Image.fromarray(np.clip(lit, 0, 255).astype(np.uint8))


def _stroke_pass(canvas: Image.Image, source: Image.Image, rng: np.random.Generator, width: float, fine: bool) -> None:
    w, h = source.size
    soft = source.filter(ImageFilter.GaussianBlur(width * 0.35))
    pixels = np.asarray(soft)
    small = np.asarray(
        source.convert("L")
        .resize((max(w // 4, 8), max(h // 4, 8)), Image.Resampling.BOX)
        .filter(ImageFilter.GaussianBlur(max(width / 5, 1))),
        np.float32,
    )
    gy, gx = np.gradient(small)
    strength = np.hypot(gx, gy)
    swirl = noise(rng, small.shape[1], small.shape[0], (3, 3), 2) * 2 * np.pi
    angle = np.where(strength > 0.7, np.arctan2(gy, gx) + np.pi / 2, swirl)
    step = width * (0.85 if not fine else 1.0)
    xs, ys = np.meshgrid(np.arange(0, w + step, step), np.arange(0, h + step, step))
    points = np.stack([xs.ravel(), ys.ravel()], 1) + rng.uniform(-0.5, 0.5, (xs.size, 2)) * step
    points = points[rng.permutation(len(points))]
    px, py = points[:, 0].clip(0, w - 1).astype(int), points[:, 1].clip(0, h - 1).astype(int)
    sx, sy = (px // 4).clip(0, small.shape[1] - 1), (py // 4).clip(0, small.shape[0] - 1)
    keep = strength[sy, sx] > 1.6 if fine else np.ones(len(px), bool)
    turn, colours = angle[sy, sx], pixels[py, px].astype(int)
    jitter = rng.integers(-11, 12, len(px))
    length = width * rng.uniform(0.9, 2.0, len(px)) * (0.7 if fine else 1.0)
    pen = ImageDraw.Draw(canvas)
    thick = max(1, round(width * 0.72))
    for i in np.flatnonzero(keep).tolist():
        dx, dy = np.cos(turn[i]) * length[i], np.sin(turn[i]) * length[i]
        fill = tuple(int(min(255, max(0, c + jitter[i]))) for c in colours[i])
        x, y, r = px[i], py[i], thick / 2
        pen.line((x - dx, y - dy, x + dx, y + dy), fill=fill, width=thick)
        if thick > 3:
            pen.ellipse((x + dx - r, y + dy - r, x + dx + r, y + dy + r), fill=fill)
            pen.ellipse((x - dx - r, y - dy - r, x - dx + r, y - dy + r), fill=fill)


def _hatching(w: int, h: int, pitch: float, degrees: float, rng: np.random.Generator) -> Array:
    """Parallel hand-drawn lines: 0 on a line's middle, 1 between lines."""
    x, y = np.arange(w, dtype=np.float32)[None, :], np.arange(h, dtype=np.float32)[:, None]
    a = np.radians(degrees)
    wander = (
        np.asarray(
            Image.fromarray(noise(rng, max(w // 8, 8), max(h // 8, 8), (6, 6), 2)).resize(
                (w, h), Image.Resampling.BILINEAR
            )
        )
        * pitch
        * 1.6
    )
    phase = (x * np.float32(np.sin(a)) + y * np.float32(np.cos(a)) + wander) / np.float32(pitch)
    return np.abs(phase - np.floor(phase) - 0.5) * 2


def pencil(image: Image.Image, seed: int, steps: int) -> Image.Image:
    """Graphite: contours, two directions of hatching by tone, paper."""
    rng = seeded(seed, "pencil")
    w, h = image.size
    unit = max(_unit(image), 0.4)
    grey = ImageOps.autocontrast(image.convert("L"), cutoff=1)
    inverse = ImageOps.invert(grey)
    soft = np.asarray(blurred(inverse, unit * 9), np.float32)
    base = np.asarray(grey, np.float32)
    dodge = np.clip(base * 255 / np.maximum(255 - soft, 1), 0, 255) / 255
    tone = np.asarray(grey.filter(ImageFilter.GaussianBlur(unit * 3)), np.float32) / 255
    one, two = _hatching(w, h, unit * 6.5, 52, rng), _hatching(w, h, unit * 6, -38, rng)
    shade = np.clip((0.72 - tone) * 1.5, 0, 1) * (1 - one * 0.75) * 0.62
    shade += np.clip((0.42 - tone) * 2.2, 0, 1) * (1 - two * 0.75) * 0.45
    lines = np.clip((1 - dodge) * 1.5, 0, 1) * 0.8 + _edges(image, unit * 1.1 + 0.3) * 0.55
    value = (1 - np.clip(np.maximum(lines, shade) + shade * 0.25, 0, 0.93)) * _paper(rng, w, h)
    paper = np.array([0.975, 0.965, 0.94], np.float32)
    lead = np.array([0.17, 0.17, 0.20], np.float32)
    colour = lead + (paper - lead) * np.clip(value, 0, 1.03)[..., None]
    return Image.fromarray((np.clip(colour, 0, 1) * 255).astype(np.uint8))


def ink(image: Image.Image, seed: int, steps: int) -> Image.Image:
    """Black lines and solid shadows on cream paper, hatched halftones."""
    rng = seeded(seed, "ink")
    w, h = image.size
    unit = max(_unit(image), 0.4)
    flat = _abstracted(image, 520, 1)
    tone = np.asarray(ImageOps.autocontrast(flat.convert("L"), cutoff=2), np.float32) / 255
    lines = np.clip(_edges(flat, unit * 1.5 + 0.3) * 2.2 - 0.25, 0, 1)
    contour = (
        np.asarray(
            flat.convert("L").filter(ImageFilter.FIND_EDGES).filter(ImageFilter.GaussianBlur(unit * 0.9)),
            np.float32,
        )
        / 255
    )
    lines = np.maximum(lines, np.clip(contour * 5 - 0.5, 0, 1))
    solid = np.clip((0.20 - tone) / 0.04, 0, 1)
    hatch = np.clip((0.50 - tone) / 0.06, 0, 1) * (_hatching(w, h, unit * 7, 45, rng) < 0.42)
    cross = np.clip((0.34 - tone) / 0.05, 0, 1) * (_hatching(w, h, unit * 7, -45, rng) < 0.40)
    black = np.clip(np.maximum.reduce([lines, solid, hatch, cross]), 0, 1)
    wash = np.clip(0.90 - tone, 0, 1)[..., None] * 0.22
    paper = np.array([0.965, 0.945, 0.895], np.float32) * _paper(rng, w, h)[..., None]
    colour = (paper * (1 - wash)) * (1 - black[..., None]) + np.array([0.07, 0.07, 0.10], np.float32) * black[..., None]
    return Image.fromarray((np.clip(colour, 0, 1) * 255).astype(np.uint8))


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


def poster(image: Image.Image, seed: int, steps: int) -> Image.Image:
    """A screen print: few warm inks, a cream border, a trace of misregistration and grain."""
    rng = seeded(seed, "poster")
    w, h = image.size
    unit = _unit(image)
    warm = Image.blend(
        ImageEnhance.Color(_abstracted(image, 640, 1)).enhance(0.95),
        Image.new("RGB", image.size, (236, 178, 106)),
        0.16,
    )
    inks = warm.quantize(9, Image.Quantize.MEDIANCUT, kmeans=3, dither=Image.Dither.NONE).convert("RGB")
    inks = inks.filter(ImageFilter.ModeFilter(5)) if max(w, h) <= 640 else inks.filter(ImageFilter.MedianFilter(3))
    inks = ImageEnhance.Contrast(inks).enhance(1.06)
    red, green, blue = inks.split()
    inks = Image.merge("RGB", (ImageChops.offset(red, max(1, round(unit * 1.6)), 0), green, blue))
    grain = (rng.random((256, 256)) < 0.035).astype(np.float32)
    tiled = np.tile(grain, (h // 256 + 1, w // 256 + 1))[:h, :w, None] * 0.20
    colour = np.asarray(inks, np.float32) / 255
    paper = np.array([0.955, 0.915, 0.82], np.float32)
    colour = colour + (paper - colour) * tiled
    picture = Image.fromarray((colour * 255).astype(np.uint8))
    margin = round(min(w, h) * 0.045)
    framed = Image.new("RGB", (w, h), tuple(int(255 * c) for c in paper))
    framed.paste(picture.crop((margin, margin, w - margin, h - margin)), (margin, margin))
    return framed


def flat(image: Image.Image, seed: int, steps: int) -> Image.Image:
    """Even areas of few colours without gradients or texture."""
    even = _abstracted(image, 720, 1) if max(image.size) > 300 else image.filter(ImageFilter.MedianFilter(3))
    return (
        ImageEnhance.Color(even)
        .enhance(1.08)
        .quantize(26, Image.Quantize.MEDIANCUT, kmeans=2, dither=Image.Dither.NONE)
        .convert("RGB")
    )


def neon(image: Image.Image, seed: int, steps: int) -> Image.Image:
    """Night colours split into magenta and cyan, glowing contours, bloom."""
    unit = _unit(image)
    pixels = np.asarray(image, np.float32) / 255
    grey = pixels @ np.array([0.3, 0.59, 0.11], np.float32)
    dark, bright = np.array([0.10, 0.02, 0.20], np.float32), np.array([0.25, 0.95, 1.0], np.float32)
    magenta = np.array([1.0, 0.16, 0.72], np.float32)
    low = np.clip(grey * 2, 0, 1)[..., None]
    high = np.clip(grey * 2 - 1, 0, 1)[..., None]
    graded = dark + (magenta - dark) * low * 0.8 + (bright - magenta) * high * 0.8
    mixed = np.clip(pixels * 0.62 + graded * 0.50 - 0.05, 0, 1) * 0.9
    saturated = ImageEnhance.Color(image).enhance(2.6)
    contour = (
        np.asarray(
            image.filter(ImageFilter.GaussianBlur(unit)).convert("L").filter(ImageFilter.FIND_EDGES),
            np.float32,
        )
        / 255
    )
    lines = np.clip(contour * 5 - 0.25, 0, 1)[..., None] * np.clip(np.asarray(saturated, np.float32) / 255 + 0.25, 0, 1)
    glow = Image.fromarray((np.clip(lines, 0, 1) * 255).astype(np.uint8))
    halo = np.asarray(blurred(glow, unit * 9), np.float32) / 255
    bloom = (
        np.asarray(
            blurred(Image.fromarray((np.clip((mixed - 0.62) * 2.2, 0, 1) * 255).astype(np.uint8)), unit * 16),
            np.float32,
        )
        / 255
    )
    result = 1 - (1 - np.clip(mixed, 0, 1)) * (1 - np.clip(halo * 1.7, 0, 1)) * (1 - lines * 0.85) * (
        1 - np.clip(bloom * 0.8, 0, 1)
    )
    return Image.fromarray((np.clip(result, 0, 1) * 255).astype(np.uint8))


def low_poly(image: Image.Image, seed: int, steps: int) -> Image.Image:
    """Flat-coloured triangles whose corners sit on the picture's edges."""
    return polygons(ImageEnhance.Color(image).enhance(1.15), seed, max(_unit(image) * 27, 5), 0)


def stained(image: Image.Image, seed: int, steps: int) -> Image.Image:
    """Pieces of saturated glass between dark leads."""
    unit = _unit(image)
    glass = polygons(ImageEnhance.Color(image).enhance(1.7), seed, max(unit * 30, 6), max(1, round(unit * 2.6)))
    leads = np.clip(_edges(_abstracted(image, 420, 2), unit * 2.6 + 0.4) * 2.6 - 0.35, 0, 1)[..., None]
    glass = Image.fromarray((np.asarray(glass, np.float32) * (1 - leads * 0.92)).astype(np.uint8))
    return Image.blend(glass, ImageChops.screen(glass, blurred(glass, unit * 14)), 0.45)


def comic(image: Image.Image, seed: int, steps: int) -> Image.Image:
    """Black contours, flat tones, dots in the shadows."""
    w, h = image.size
    unit = max(_unit(image), 0.4)
    flat = ImageOps.posterize(ImageEnhance.Color(_abstracted(image, 560, 1)).enhance(1.45), 3)
    flat = Image.blend(flat, image, 0.25)
    pitch = unit * 9
    x, y = np.arange(w, dtype=np.float32)[None, :], np.arange(h, dtype=np.float32)[:, None]
    dots = np.cos(x * (2 * np.pi / pitch)) * np.cos(y * (2 * np.pi / pitch))
    tone = np.asarray(image.convert("L").filter(ImageFilter.GaussianBlur(unit * 3)), np.float32) / 255
    shade = (dots > np.clip(tone * 2.6 - 0.75, -1, 1.1)).astype(np.float32) * np.clip(0.75 - tone, 0, 1) * 0.5
    lines = np.clip(_edges(image, unit * 1.5 + 0.3) * 2.4 - 0.3, 0, 1)
    colour = np.asarray(flat, np.float32) * (1 - shade[..., None]) * (1 - lines[..., None])
    return Image.fromarray(np.clip(colour * 1.06, 0, 255).astype(np.uint8))


def monochrome(image: Image.Image) -> Image.Image:
    """Black and white with full contrast."""
    return ImageOps.autocontrast(image.convert("L"), cutoff=0.5).convert("RGB")


TECHNIQUES: dict[str, Style] = {
    "watercolour": watercolour,
    "oil": oil,
    "pencil": pencil,
    "ink": ink,
    "pixel": pixel,
    "poster": poster,
    "flat": flat,
    "neon": neon,
    "low-poly": low_poly,
    "stained": stained,
    "comic": comic,
}
