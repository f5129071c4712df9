"""Styles of the brush: watercolour and oil."""

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

from cloudflare_image_illustrator.pixels import Array
from cloudflare_image_illustrator.raster import bands, noise
from cloudflare_image_illustrator.seeds import seeded
from cloudflare_image_illustrator.styles.technique import (
    Paper,
    abstracted,
    banded,
    displaced,
    spread,
    unit,
    unit_floats,
)


def watercolour(image: Image.Image, seed: int, steps: int) -> Image.Image:
    """Washes with wandering, darker edges, pigment that settles in the paper, and an unpainted border."""
    rng = seeded(seed, "watercolour")
    scale = unit(image)
    wash = _wandered(abstracted(image), rng)
    wash = ImageEnhance.Color(wash).enhance(1.12)
    edge = wash.convert("L").filter(ImageFilter.FIND_EDGES).filter(ImageFilter.GaussianBlur(scale * 1.6 + 0.4))
    flow = spread(rng, image, 5, 4)
    paper, border = Paper(rng, image.width), _rough_border(rng, *image.size, 0.045)
    white = np.array([0.985, 0.975, 0.955], np.float32)

    def draw(rows: slice) -> Array:
        density = (1 - unit_floats(wash, rows)) * 0.86
        pigment = 1 + (flow[rows] - 0.5) * 0.42
        density *= (pigment * (1 + 1.5 * np.clip(unit_floats(edge, rows) * 2.2, 0, 0.5)))[..., None]
        painted = border[rows, :, None]
        colour: Array = ((1 - density) * painted + white * (1 - painted)) * paper[rows]
        return colour

    return banded(*image.size, draw)


def watercolour_outline(alpha: Image.Image, seed: int) -> Image.Image:
    """The opacity of what ``watercolour`` of the same seed paints: its edges wander with the wash."""
    return _wandered(alpha, seeded(seed, "watercolour"))


def _wandered(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    return displaced(image, rng, unit(image) * 11, 12)


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
    scale = unit(image)
    source = ImageEnhance.Color(image).enhance(1.22)
    canvas = abstracted(source, 260)
    for width in (26, 14, 8)[: 1 + min(steps, 2)] if steps < 8 else (26, 14, 8, 5):
        _stroke_pass(canvas, source, rng, max(width * scale, 1.5), fine=width <= 8)
    grey, colours = np.asarray(canvas.convert("L")), np.asarray(canvas)
    pixels = colours.copy()
    for rows in bands(image.height):
        above = grey[max(rows.start - 1, 0) : rows.stop - 1].astype(np.float32)
        relief = np.zeros((rows.stop - rows.start, image.width), np.float32)
        relief[-len(above) :, 1:] = grey[rows][-len(above) :, 1:] - above[:, :-1]
        pixels[rows] = np.clip(colours[rows] + np.clip(relief, -16, 16)[..., None] * 0.7, 0, 255)
    return Image.fromarray(pixels)


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
