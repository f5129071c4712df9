"""Finding a named thing in a picture by the artwork's own drawing of it, at several sizes and mirrored."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cloudflare_image_illustrator.colour import to_oklab

Array = NDArray[np.floating[Any]]
SIDE = 60  # pixels of the longer side at which a picture is searched
SIZES = (10, 12, 14, 17, 20, 24, 28, 33)  # heights of the drawing that are tried, in those pixels
CERTAIN = 0.8  # correlation from which a place is taken for the thing


def found(picture: Image.Image, drawing: Image.Image) -> tuple[Array, float]:
    """Where the drawing (RGBA, trimmed) is in the picture: its outline, H x W, 0 to 1; and the correlation, -1 to 1."""
    scale = SIDE / max(picture.size)
    size = (max(12, round(picture.width * scale)), max(12, round(picture.height * scale)))
    lab = to_oklab(np.asarray(picture.resize(size, Image.Resampling.BOX), np.float32) / 255).astype(np.float32)
    best, place, shape = -1.0, (0, 0), drawing
    for height in SIZES:
        width = round(height * drawing.width / drawing.height)
        if height >= size[1] or not 5 <= width < size[0]:
            continue
        small = drawing.resize((width, height), Image.Resampling.BOX)
        for template in (small, small.transpose(Image.Transpose.FLIP_LEFT_RIGHT)):
            score = _correlated(lab, template)
            top, left = np.unravel_index(int(score.argmax()), score.shape)
            if score[top, left] > best:
                best, place, shape = float(score[top, left]), (int(left), int(top)), template
    outline = Image.new("L", size)
    outline.paste(shape.getchannel("A"), place) if best > -1.0 else None
    return np.asarray(outline.resize(picture.size, Image.Resampling.BICUBIC), np.float32) / 255, best


def _correlated(lab: Array, template: Image.Image) -> Array:
    """The correlation of lightness and colour inside the template's outline and just outside it, at each place."""
    pixels = np.asarray(template, np.float32) / 255
    inside = (pixels[..., 3] > 0.6).astype(np.float32)
    wanted = to_oklab(pixels[..., :3])
    height, width = inside.shape
    windows = np.lib.stride_tricks.sliding_window_view(lab, (height, width), axis=(0, 1))
    total, energy, own = 0.0, 0.0, 0.0
    count = max(float(inside.sum()), 1.0)
    for channel in range(3):
        part = windows[:, :, channel]
        centred = (wanted[..., channel] - (wanted[..., channel] * inside).sum() / count) * inside
        mean = np.einsum("ijkl,kl->ij", part, inside) / count
        square = np.einsum("ijkl,ijkl,kl->ij", part, part, inside)
        total = total + np.einsum("ijkl,kl->ij", part, centred)
        energy = energy + square - count * mean**2
        own += float((centred**2).sum())
    score: Array = np.asarray(total / np.sqrt(np.maximum(energy * own, 1e-9)))
    return score
