"""Snow on the upper edges of what stands out in a picture."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from cloudflare_image_illustrator.colour import to_oklab
from cloudflare_image_illustrator.edits import photograph
from cloudflare_image_illustrator.pixels import Array
from cloudflare_image_illustrator.raster import noise, rasterise
from cloudflare_image_illustrator.seeds import seeded

SIDE = 320  # pixels of the longer side at which edges are looked for
NEAR = 0.09  # how far from the rough outline the edge may be, in heights
STEEP = 0.07  # distance in OKLab between the two sides of an edge that snow can lie on
SHORTEST = 0.03  # widths: a shorter piece of an edge carries no snow


def on_things(image: Image.Image, seed: int) -> Image.Image:
    """The picture with snow along the upper edges of what stands out; the picture itself where nothing does."""
    found, certainty = photograph.standing_out(image)
    if certainty < photograph.STANDS_OUT:
        return image
    scale = min(1.0, SIDE / max(image.size))
    size = (max(16, round(image.width * scale)), max(16, round(image.height * scale)))
    small = image.resize(size, Image.Resampling.BOX).filter(ImageFilter.GaussianBlur(0.8))
    part = Image.fromarray((found * 255).astype(np.uint8)).resize(size, Image.Resampling.BOX)
    rows, sure = _upper_edge(to_oklab(np.asarray(small, np.float32) / 255), np.asarray(part) > 127)
    body = "".join(_cushion(piece, rows, size, seed) for piece in _pieces(rows, sure, size[0]))
    if not body:
        return image
    layer = rasterise(body, *image.size, (0, 0, *size))
    covered = image.convert("RGBA")
    covered.alpha_composite(layer)
    return covered.convert("RGB")


def _upper_edge(lab: Array, part: NDArray[np.bool_]) -> tuple[Array, NDArray[np.bool_]]:
    """For each column the row of the edge nearest to the part's top, and whether there is one."""
    h, w = part.shape
    steep = np.zeros((h, w), np.float32)
    steep[2:-2] = np.linalg.norm(lab[4:] - lab[:-4], axis=-1)
    top = part.argmax(axis=0)
    reach = max(3, round(h * NEAR))
    places = (top[None, :] + np.arange(-reach, reach + 1)[:, None]).clip(0, h - 1)
    window = steep[places, np.arange(w)[None, :]]
    best = window.argmax(axis=0)
    rows: Array = places[best, np.arange(w)].astype(np.float32)
    sure = part.any(axis=0) & (window.max(axis=0) > STEEP) & (rows > h * 0.04)
    return rows, sure


def _pieces(rows: Array, sure: NDArray[np.bool_], width: int) -> list[slice]:
    """Runs of columns whose edge goes on from one to the next."""
    pieces, start = [], None
    for x in range(width + 1):
        goes_on = x < width and bool(sure[x]) and (start is None or abs(float(rows[x] - rows[x - 1])) < 5)
        if goes_on and start is None:
            start = x
        elif not goes_on and start is not None:
            if x - start >= width * SHORTEST:
                pieces.append(slice(start, x))
            start = x if x < width and bool(sure[x]) else None
    return pieces


def _cushion(piece: slice, rows: Array, size: tuple[int, int], seed: int) -> str:
    """Snow along one piece of an edge: thin at its ends, uneven below."""
    line = rows[piece]
    around = np.pad(line, 3, mode="edge")
    line = np.median(np.lib.stride_tricks.sliding_window_view(around, 7), axis=-1)
    count = len(line)
    thick = min(size) * 0.030
    waves = noise(seeded(seed, "snow on things", piece.start), count, 1, (max(2, count // 16), 2), 2)[0]
    swell = np.clip(np.minimum(np.arange(count), np.arange(count)[::-1]) / (thick * 1.2), 0, 1) ** 0.5
    x = np.arange(piece.start, piece.stop) + 0.5
    upper = line - thick * swell * (0.55 + 0.3 * waves)
    lower = line + thick * swell * (0.25 + 0.8 * waves)
    points = [*zip(x, upper, strict=True), *zip(x[::-1], lower[::-1], strict=True)]
    outline = "L".join(f"{a:.1f} {b:.1f}" for a, b in points)
    under = "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x, lower, strict=True))
    return (
        f'<path d="M{outline}z" fill="#fbfdff" stroke="#fbfdff" stroke-width="1.2" stroke-linejoin="round"/>'
        f'<path d="M{under}" fill="none" stroke="#b9c9e2" stroke-width="{thick * 0.22:.1f}" stroke-linecap="round" stroke-linejoin="round"/>'
    )
