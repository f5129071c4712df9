"""Finding a named thing in a picture by the artwork's own drawing of it, at several sizes and mirrored."""

import numpy as np
from PIL import Image, ImageFilter

from cloudflare_image_illustrator.colour import to_oklab
from cloudflare_image_illustrator.pixels import Array

SIDE = 60  # pixels of the longer side at which a picture is searched
SIZES = (
    10,
    11,
    12,
    13,
    14,
    15,
    17,
    18,
    20,
    22,
    24,
    26,
    28,
    31,
    34,
)  # heights of the drawing that are tried, in those pixels
STEEP = 0.06  # distance in OKLab between neighbours that makes an edge
FORM = 0.5  # what the correlation weighs beside the outline
LARGE, DOUBT = 17, 0.012  # below this height a drawing fits in many places: each row less lowers the fit
BEYOND_DOUBT = 0.88  # fit from which no other colour of the drawing is tried
LIKELY = 0.70  # fit from which a place is the best guess, better than what stands out most
CERTAIN = 0.78  # fit from which a place is taken for the thing


def found(picture: Image.Image, drawing: Image.Image) -> tuple[Array, float]:
    """Where the drawing (RGBA, trimmed) is in the picture: its outline, H x W, 0 to 1; and how well it fits, up to 1."""
    scale = SIDE / max(picture.size)
    size = (max(12, round(picture.width * scale)), max(12, round(picture.height * scale)))
    lab = to_oklab(np.asarray(picture.resize(size, Image.Resampling.BOX), np.float32) / 255).astype(np.float32)
    edges = _edges(lab)
    best, place, shape = -1.0, (0, 0), drawing
    for height in SIZES:
        width = round(height * drawing.width / drawing.height)
        if height >= size[1] or not 5 <= width < size[0]:
            continue
        small = drawing.resize((width, height), Image.Resampling.BOX)
        for template in (small, small.transpose(Image.Transpose.FLIP_LEFT_RIGHT)):
            score = _correlated(lab, edges, template) - DOUBT * max(0, LARGE - height)
            top, left = np.unravel_index(int(score.argmax()), score.shape)
            if score[top, left] > best:
                best, place, shape = float(score[top, left]), (int(left), int(top)), template
    outline = Image.new("L", size)
    outline.paste(shape.getchannel("A"), place) if best > -1.0 else None
    return np.asarray(outline.resize(picture.size, Image.Resampling.BICUBIC), np.float32) / 255, best


def _edges(lab: Array) -> Array:
    """1 where a pixel differs clearly from a neighbour, or is next to one that does, H x W."""
    across = np.linalg.norm(np.diff(lab, axis=1, prepend=lab[:, :1]), axis=-1)
    down = np.linalg.norm(np.diff(lab, axis=0, prepend=lab[:1]), axis=-1)
    steep = (np.maximum(across, down) > STEEP).astype(np.uint8) * 255
    return np.asarray(Image.fromarray(steep).filter(ImageFilter.MaxFilter(3)), np.float32) / 255


def _correlated(lab: Array, edges: Array, template: Image.Image) -> Array:
    """How well the template fits at each place: the correlation of lightness and colour inside it, and the share of its
    outline that lies on edges of the picture."""
    pixels = np.asarray(template, np.float32) / 255
    inside = (pixels[..., 3] > 0.6).astype(np.float32)
    wanted = to_oklab(pixels[..., :3])
    height, width = inside.shape
    windows = np.lib.stride_tricks.sliding_window_view(lab, (height, width), axis=(0, 1))
    energies, products, owns = [], [], []
    count = max(float(inside.sum()), 1.0)
    for channel in range(3):
        part = windows[:, :, channel]
        centred = (wanted[..., channel] - (wanted[..., channel] * inside).sum() / count) * inside
        mean = np.einsum("ijkl,kl->ij", part, inside) / count
        square = np.einsum("ijkl,ijkl,kl->ij", part, part, inside)
        products.append(np.einsum("ijkl,kl->ij", part, centred))
        energies.append(np.maximum(square - count * mean**2, 1e-9))
        owns.append(float((centred**2).sum()))
    # What was drawn in another colour has the same forms with other gains, so each channel has a gain of its own.
    energy = np.sum(energies, axis=0)
    score: Array = np.zeros_like(energy)
    for product, own_energy, own in zip(products, energies, owns, strict=True):
        score += own_energy / energy * np.abs(product) / np.sqrt(own_energy * max(own, 1e-9))
    padded = np.pad(inside, 1)
    inner = padded[:-2, 1:-1] * padded[2:, 1:-1] * padded[1:-1, :-2] * padded[1:-1, 2:]
    outline = inside - inside * inner
    edge_windows = np.lib.stride_tricks.sliding_window_view(edges, (height, width))
    on_edges = np.einsum("ijkl,kl->ij", edge_windows, outline) / max(float(outline.sum()), 1.0)
    fit: Array = FORM * score + (1 - FORM) * on_edges
    return fit
