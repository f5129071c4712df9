"""Filling a hole in a picture with pieces of its surroundings.

A shift map (Pritch, Kav-Venaki and Peleg, 2009): each pixel of the hole is copied from some shift away, and neighbours
share their shift wherever they can, so that texture and edges stay whole. Shifts are chosen on a small picture by
filtering the cost of each (Hosni and others, 2013), then pixels are copied at full size and their colour is bent to
meet the rim.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cloudflare_image_illustrator.colour import to_oklab
from cloudflare_image_illustrator.pixels import Array
from cloudflare_image_illustrator.raster import bands, enlarge, smooth

Mask = NDArray[np.bool_]

SIDE = 64  # the longer side of the small picture
REACH = 4  # pixels about one that are to fit along with it
COPIED = 32  # rows that are copied at a time: each pixel takes 150 bytes meanwhile
MOST = 9  # shifts for one hole
ENOUGH = 0.004  # what another shift must help, in shares of the worst cost
GUESSED = 0.5  # how much a guess inside the hole weighs beside a known pixel of the rim
EVEN = 5.0  # how much pixels may differ, in steps of 255, from their means over a cell, where nothing is textured
BRIDGED = 384  # pixels of the longer side at which an even hole is bridged
UNKNOWN = 3 * 255.0**2 * 0.4  # the cost of copying from inside the hole or from outside the picture
HEIGHT = 3 * 255.0**2 * 6  # the cost of a source a whole picture higher or lower: scenes lie in layers


def filled(image: Image.Image, hole: Array, passes: int, apart: Array | None = None) -> Image.Image:
    """The picture with a hole (H x W, 1 = missing, feathered) closed from its surroundings. passes: rounds of choosing.
    apart: what must not be copied into it, such as a figure beside it, H x W."""
    missing = hole >= 0.02
    if not missing.any() or missing.all():
        return image
    small, lost = _reduced(image, missing)
    barred = missing if apart is None else missing | (apart > 0.2)
    if barred.mean() > 0.7:
        barred = missing  # too little would be left to copy from
    usable = ~_reduced(image, barred)[1]
    guess = _guessed(small, usable)
    for _ in range(1 + min(passes, 12) // 6):
        shifts = _chosen(small, guess, lost, usable)
        copied, sure = _copied(small, usable, lost, shifts)
        guess = np.where((lost & (sure > 0))[..., None], copied, guess)
    source, result = np.asarray(image), np.empty((image.height, image.width, 3), np.uint8)
    filling = _bridged(image, missing, barred) if _even(source, small, missing) else None
    if filling is None:
        filling = _filling(source, missing, ~barred, shifts, guess)
    for rows in bands(image.height):
        known = source[rows].astype(np.float32)
        full = np.where(missing[rows, :, None], filling[rows], known)
        mixed = known + (full - known) * np.clip(hole[rows] * 1.6, 0, 1)[..., None]
        result[rows] = np.clip(mixed + 0.5, 0, 255).astype(np.uint8)
    return Image.fromarray(result)


def _even(source: NDArray[np.uint8], small: Array, missing: Mask) -> bool:
    """Whether the surroundings of a hole have no texture that a bridge from rim to rim would lack."""
    h, w = missing.shape
    rows, columns = np.flatnonzero(missing.any(1)), np.flatnonzero(missing.any(0))
    margin = max(4, min(h, w) // 12)
    near = np.s_[max(rows[0] - margin, 0) : rows[-1] + margin, max(columns[0] - margin, 0) : columns[-1] + margin]
    beside = ~missing[near]
    differences = [np.abs(source[near][..., c] - enlarge(small[..., c], w, h)[near])[beside] for c in range(3)]
    rough = np.mean(differences, 0)
    return bool(len(rough) and np.percentile(rough, 95) < EVEN)


def _bridged(image: Image.Image, missing: Mask, barred: Mask) -> Array:
    """The hole bridged from rim to rim in each row, worked out on a picture of at most BRIDGED pixels a side."""
    h, w = missing.shape
    scale = min(1.0, BRIDGED / max(h, w))
    size = (max(8, round(w * scale)), max(8, round(h * scale)))
    known = Image.fromarray((~(barred | missing) * 255).astype(np.uint8)).resize(size, Image.Resampling.BOX)
    pixels = np.stack(
        [np.asarray(channel.convert("F").resize(size, Image.Resampling.BOX)) for channel in image.split()], -1
    )
    guess = _guessed(pixels, np.asarray(known) >= 254)
    filling = np.empty((h, w, 3), np.float32)
    for c in range(3):
        filling[..., c] = enlarge(guess[..., c], w, h)
    return filling


def outlined(image: Image.Image, part: Array, around: Array) -> Array:
    """How much each pixel of a part differs from what would be behind it, 0 to 1, H x W: a finer outline than the part's.
    around: a generous outline of the part, across which the surroundings are bridged to guess what is behind."""
    small, lost = _reduced(image, around >= 0.02)
    guess = _guessed(small, ~lost)
    large = [enlarge(guess[..., c], *image.size) for c in range(3)]
    pixels, outline = np.asarray(image), np.empty(part.shape, np.float32)
    for rows in bands(image.height):
        behind = to_oklab(np.clip(np.stack([channel[rows] for channel in large], -1) / 255, 0, 1))
        apart = np.linalg.norm(to_oklab(pixels[rows].astype(np.float32) / 255) - behind, axis=-1)
        outline[rows] = smooth(0.05, 0.13, apart) * np.clip(part[rows] * 2, 0, 1)
    return outline


def _reduced(image: Image.Image, missing: Mask) -> tuple[Array, Mask]:
    """Picture and hole made small; a cell with any missing pixel is missing."""
    scale = min(1.0, SIDE / max(image.size))
    size = (max(8, round(image.width * scale)), max(8, round(image.height * scale)))
    known = Image.fromarray((~missing * 255).astype(np.uint8)).resize(size, Image.Resampling.BOX)
    return np.asarray(image.resize(size, Image.Resampling.BOX), np.float32), np.asarray(known) < 254


def pulled(pixels: Array, known: Mask) -> Array:
    """Push-pull: averages of known pixels on ever coarser grids fill the gaps of the finer ones. H x W x any channels."""
    if min(known.shape) <= 2 or known.all():
        total = max(int(known.sum()), 1)
        mean = (pixels * known[..., None]).sum((0, 1)) / total
        return np.where(known[..., None], pixels, mean).astype(np.float32)
    h, w = known.shape
    ph, pw = h + h % 2, w + w % 2

    def summed(values: Array) -> Array:
        padded = np.pad(values, ((0, ph - h), (0, pw - w)))
        sums: Array = padded.reshape(ph // 2, 2, pw // 2, 2).sum((1, 3))
        return sums

    # A channel at a time: all at once take twice the memory.
    channels = range(pixels.shape[2])
    weights = summed(known.astype(np.float32))
    coarse = np.stack([summed(pixels[..., c] * known) for c in channels], -1) / np.maximum(weights, 1e-6)[..., None]
    below = pulled(coarse.astype(np.float32), weights > 0)
    result = np.empty((h, w, len(channels)), np.float32)
    for c in channels:
        result[..., c] = np.where(known, pixels[..., c], enlarge(below[..., c], pw, ph)[:h, :w])
    return result


def _guessed(pixels: Array, known: Mask) -> Array:
    """A first guess: each row's gap bridged from rim to rim, which keeps horizons, mixed with what is pulled in."""
    w = known.shape[1]
    column = np.arange(w)[None, :]
    left = np.maximum.accumulate(np.where(known, column, -1), 1)
    right = np.flip(np.minimum.accumulate(np.flip(np.where(known, column, w), 1), 1), 1)
    base, rows = pulled(pixels, known), np.arange(known.shape[0])[:, None]
    one, other = base[rows, left.clip(0)], base[rows, right.clip(0, w - 1)]
    one = np.where((left < 0)[..., None], other, one)
    other = np.where((right >= w)[..., None], one, other)
    share = ((column - left) / np.maximum(right - left, 1)).clip(0, 1)[..., None]
    bridged = one + (other - one) * share
    open_row = ((left < 0) & (right >= w))[..., None]
    guess: Array = np.where(open_row, base, base + (bridged - base) * 0.8).astype(np.float32)
    return guess


def _chosen(small: Array, guess: Array, lost: Mask, known: Mask) -> NDArray[np.int64]:
    """The shift for each pixel of the small picture, rows and columns: H x W x 2. A few shifts serve the whole hole."""
    h, w = lost.shape
    rows, columns = np.nonzero(lost)
    top, bottom = max(rows.min() - REACH, 0), min(rows.max() + REACH + 1, h)
    left, right = max(columns.min() - REACH, 0), min(columns.max() + REACH + 1, w)
    part = np.s_[top:bottom, left:right]
    weight = np.where(lost[part], GUESSED, 1.0).astype(np.float32)
    total = _summed(weight)
    inside = lost[part]
    tried, costs = [], []
    for dy, dx in _candidates(h, w):
        at_rows, at_columns = np.arange(top, bottom) + dy, np.arange(left, right) + dx
        usable = ((at_rows >= 0) & (at_rows < h))[:, None] & ((at_columns >= 0) & (at_columns < w))
        place = np.ix_(at_rows.clip(0, h - 1), at_columns.clip(0, w - 1))
        usable &= known[place]
        if usable[inside].mean() < 0.06:
            continue
        apart = np.where(usable, ((guess[part] - small[place]) ** 2).sum(-1), UNKNOWN)
        tried.append((dy, dx))
        costs.append(_summed(apart * weight) / total + HEIGHT * (dy / h) ** 2)
    shifts = np.zeros((h, w, 2), np.int64)
    if tried:
        few = _selected(np.array([cost[inside] for cost in costs]))
        nearest = np.argmin([costs[k] for k in few], 0)
        shifts[part] = np.array([tried[k] for k in few])[nearest]
    return shifts


def _candidates(h: int, w: int) -> list[tuple[int, int]]:
    """Shifts to try: finely across, finely up and down where they are small."""
    down = [dy for dy in range(-(h // 8), h // 8 + 1) if abs(dy) < 4 or dy % 2 == 0]
    return [(dy, dx) for dy in down for dx in range(-w + 4, w - 3, 3) if (dy, dx) != (0, 0)]


def _selected(costs: Array) -> list[int]:
    """Few shifts that serve all pixels well (costs: shifts x pixels), the one that helps most at each turn."""
    best = np.full(costs.shape[1], UNKNOWN * 1.2, np.float32)
    few: list[int] = []
    while len(few) < MOST:
        gain = np.maximum(best - costs, 0).sum(1)
        k = int(gain.argmax())
        if few and gain[k] < ENOUGH * UNKNOWN * len(best):
            break
        few.append(k)
        best = np.minimum(best, costs[k])
    return few


def _summed(values: Array) -> Array:
    """Sums over the square of REACH about each pixel."""
    size = 2 * REACH + 1
    sums = np.pad(values, ((REACH + 1, REACH), (REACH + 1, REACH))).cumsum(0, np.float64).cumsum(1)
    over: Array = (sums[size:, size:] - sums[:-size, size:] - sums[size:, :-size] + sums[:-size, :-size]).astype(
        np.float32
    )
    return over


def _copied(pixels: NDArray[Any], known: Mask, wanted: Mask, shifts: NDArray[np.int64]) -> tuple[Array, Array]:
    """The wanted pixels from where their shifts point, those of the four nearest cells of the shift map mixed; and how
    much of each could be had, 0 to 1."""
    copied, sure = np.zeros((*wanted.shape, 3), np.float32), np.zeros(wanted.shape, np.float32)
    for band in bands(len(wanted), COPIED):
        rows, columns = np.nonzero(wanted[band])
        rows += band.start
        mixed, shares = _mixed(pixels, known, rows, columns, shifts)
        copied[rows, columns] = mixed
        sure[rows, columns] = np.where(shares > 0.02, shares, 0)
    return copied, sure


def _mixed(
    pixels: NDArray[Any], known: Mask, rows: NDArray[np.int64], columns: NDArray[np.int64], shifts: NDArray[np.int64]
) -> tuple[Array, Array]:
    """For each place: the colour that its shifts point at, and how much of it could be had."""
    h, w = known.shape
    cells_h, cells_w = shifts.shape[:2]
    y, x = (rows + 0.5) * cells_h / h - 0.5, (columns + 0.5) * cells_w / w - 0.5
    sums, shares = np.zeros((len(rows), 3), np.float32), np.full((len(rows), 1), 1e-6, np.float32)
    for cell_y, share_y in ((np.floor(y), 1 - y % 1), (np.floor(y) + 1, y % 1)):
        for cell_x, share_x in ((np.floor(x), 1 - x % 1), (np.floor(x) + 1, x % 1)):
            shift = shifts[cell_y.clip(0, cells_h - 1).astype(int), cell_x.clip(0, cells_w - 1).astype(int)]
            at_rows = rows + np.round(shift[:, 0] * h / cells_h).astype(int)
            at_columns = columns + np.round(shift[:, 1] * w / cells_w).astype(int)
            usable = (at_rows >= 0) & (at_rows < h) & (at_columns >= 0) & (at_columns < w)
            at_rows, at_columns = at_rows.clip(0, h - 1), at_columns.clip(0, w - 1)
            share = (share_y * share_x * (usable & known[at_rows, at_columns]))[:, None].astype(np.float32)
            sums += pixels[at_rows, at_columns] * share
            shares += share
    return sums / shares, shares[:, 0]


def _filling(source: NDArray[np.uint8], missing: Mask, known: Mask, shifts: NDArray[np.int64], guess: Array) -> Array:
    """The hole at full size. What the rim's own shifts get wrong there is spread over the hole and taken off."""
    h, w = missing.shape
    grown = missing.copy()
    margin = max(2, round(max(h, w) / SIDE))
    grown[margin:] |= missing[:-margin]
    grown[:-margin] |= missing[margin:]
    grown[:, margin:] |= missing[:, :-margin]
    grown[:, :-margin] |= missing[:, margin:]
    copied, sure = _copied(source, known, grown, shifts)
    lacking = grown & (sure == 0)
    del sure
    if lacking.any():
        for c in range(3):
            copied[..., c] = np.where(lacking, enlarge(guess[..., c], w, h), copied[..., c])
    rim = grown & known
    certain = rim | ~grown
    for c in range(3):
        error = np.where(rim, source[..., c] - copied[..., c], 0)[..., None]
        copied[..., c] += pulled(error, certain)[..., 0]
    return copied
