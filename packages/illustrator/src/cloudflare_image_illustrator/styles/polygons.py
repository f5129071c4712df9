"""A picture as flat triangles whose corners sit on its edges."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from cloudflare_image_illustrator.seeds import seeded


def _mesh(image: Image.Image, rng: np.random.Generator, cell: float) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Points on a jittered grid drawn to edges, and the triangles between them."""
    w, h = image.size
    columns, rows = max(3, round(w / cell)), max(3, round(h / cell))
    x, y = np.meshgrid(np.linspace(0, w, columns + 1), np.linspace(0, h, rows + 1))
    points = np.stack([x, y], -1)
    inner = points[1:-1, 1:-1]
    inner += rng.uniform(-0.32, 0.32, inner.shape) * cell
    edge = np.asarray(
        image.convert("L").filter(ImageFilter.GaussianBlur(1.2)).filter(ImageFilter.FIND_EDGES), np.float32
    )
    offsets = np.array([(dx, dy) for dx in np.linspace(-0.4, 0.4, 7) for dy in np.linspace(-0.4, 0.4, 7)]) * cell
    tried = inner[:, :, None] + offsets
    strength = (
        edge[tried[..., 1].clip(0, h - 1).astype(int), tried[..., 0].clip(0, w - 1).astype(int)]
        - np.hypot(*offsets.T) * 0.4
    )
    best = strength.argmax(-1)
    moved = np.take_along_axis(tried, best[..., None, None], 2)[:, :, 0]
    points[1:-1, 1:-1] = np.where(strength.max(-1)[..., None] > 18, moved, inner)
    index = np.arange((rows + 1) * (columns + 1)).reshape(rows + 1, columns + 1)
    a, b, c, d = (
        index[:-1, :-1].ravel(),
        index[:-1, 1:].ravel(),
        index[1:, :-1].ravel(),
        index[1:, 1:].ravel(),
    )
    odd = (np.arange(len(a)) + np.arange(len(a)) // columns) % 2 == 0
    one = np.where(odd[:, None], np.stack([a, b, c], 1), np.stack([a, b, d], 1))
    two = np.where(odd[:, None], np.stack([b, d, c], 1), np.stack([a, d, c], 1))
    return points.reshape(-1, 2), np.concatenate([one, two])


def polygons(image: Image.Image, seed: int, cell: float, lead: int) -> Image.Image:
    rng = seeded(seed, "polygons", cell)
    points, triangles = _mesh(image, rng, cell)
    w, h = image.size
    soft = np.asarray(image.filter(ImageFilter.GaussianBlur(cell * 0.12)))
    corners = points[triangles]
    weights = np.array([[1, 1, 1], [4, 1, 1], [1, 4, 1], [1, 1, 4]], float)
    weights /= weights.sum(1, keepdims=True)
    samples = np.einsum("kc,tcx->tkx", weights, corners)
    colour = (
        soft[samples[..., 1].clip(0, h - 1).astype(int), samples[..., 0].clip(0, w - 1).astype(int)]
        .astype(float)
        .mean(1)
    )
    colour += rng.uniform(-7, 7, (len(colour), 1))
    scale = 2 if max(w, h) <= 1100 else 1
    canvas = Image.new("RGB", (w * scale, h * scale))
    pen = ImageDraw.Draw(canvas)
    for shape, fill in zip(
        (corners * scale).reshape(-1, 6).tolist(), colour.clip(0, 255).astype(int).tolist(), strict=True
    ):
        paint = tuple(fill)
        pen.polygon(shape, fill=paint, outline=paint if not lead else None)
        if lead:
            pen.line(
                [*shape, shape[0], shape[1]],
                fill=tuple(c * 2 // 5 for c in paint),
                width=max(1, lead * scale // 2),
                joint="curve",
            )
    return canvas.resize((w, h), Image.Resampling.BOX) if scale > 1 else canvas
