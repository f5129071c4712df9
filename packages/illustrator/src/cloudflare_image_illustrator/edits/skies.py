"""Adds what is seen in the sky to a picture: rainbow, stars, moon, sun, northern lights, fireworks."""

import numpy as np
from PIL import Image, ImageFilter

from cloudflare_image_illustrator.colour import to_oklab
from cloudflare_image_illustrator.edits import looks
from cloudflare_image_illustrator.pixels import Array
from cloudflare_image_illustrator.raster import paste, rasterise
from cloudflare_image_illustrator.scenery import sky

SIDE = 160  # pixels of the longer side at which the sky is looked for
LEAST = 0.01  # share of the picture that has to be sky
OF_MASK = 0.25  # share of the mask that has to be sky, for the mask to mean the sky
DISC = 0.3  # radius of a sun or moon in a box, in shares of its shorter side: room for its glow
EVEN = 0.17  # rise of OKLab's lightness over the picture's height up to which what is open at the top may be a wall
NIGHT = 0.5  # OKLab lightness below which it is a sky at night, which is even as well
STEEP = 0.05  # distance in OKLab between neighbouring rows at which the sky ends; clouds are softer


def adorned(picture: Image.Image, things: tuple[str, ...], seed: int, mask: Array | None) -> Image.Image:
    """The picture with things of the sky (words of Reading.sky): in the open sky behind whatever reaches into it,
    inside the mask. A mask that lies elsewhere says where they are drawn: in its own box.
    """
    inside = open_sky(picture, mask)
    if inside is not None:
        rows = np.flatnonzero((inside > 0.5).any(axis=1))
        return _with_things(picture, things, seed, inside, float(rows[-1] + 1) if len(rows) else picture.height * 0.5)
    if mask is None or not mask.any():
        return picture
    rows, columns = (np.flatnonzero((mask > 0).any(axis=axis)) for axis in (1, 0))
    box = (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
    part = mask[box[1] : box[3], box[0] : box[2]]
    result = picture.copy()
    drawn = _with_things(picture.crop(box), things, seed, part, float(part.shape[0]), min(part.shape) * DISC)
    result.paste(drawn, box)
    return result


def open_sky(picture: Image.Image, mask: Array | None) -> Array | None:
    """The open sky inside the mask, feathered, 0 to 1, H x W; None when there is too little to draw in."""
    sky_part = sky_of(picture)
    if mask is None:
        return None if sky_part.mean() < LEAST else sky_part
    inside: Array = sky_part * (mask > 0)
    return None if inside.sum() < OF_MASK * (mask > 0).sum() or not mask.any() else inside


def like_a_wall(picture: Image.Image) -> bool:
    """Whether what is open at the top is as even as a wall: a sky by day grows lighter toward the horizon."""
    small = picture.copy()
    small.thumbnail((SIDE, SIDE))
    part = sky_of(small) > 0.9
    lightness = to_oklab(np.asarray(small, np.float32) / 255)[..., 0][part]
    if not lightness.size:
        return True
    if lightness.mean() < NIGHT:
        return False
    height = np.nonzero(part)[0] / small.height
    spread = height.var()
    rise = float(np.cov(height, lightness)[0, 1] / spread) if spread else 0.0
    return rise < EVEN


def _with_things(
    picture: Image.Image, things: tuple[str, ...], seed: int, inside: Array, horizon: float, radius: float | None = None
) -> Image.Image:
    stage = looks.stage_of(picture.copy(), seed)
    stage.sky, stage.horizon = things, horizon
    sky.add_things(stage, radius)
    if stage.back:
        paste(stage.canvas, rasterise(stage.body(stage.back), *picture.size), 0, 0)
    return Image.composite(stage.canvas.convert("RGB"), picture, Image.fromarray((inside * 255).astype(np.uint8)))


def sky_of(picture: Image.Image) -> Array:
    """The sky as far as it is open from the upper edge down, feathered, 0 to 1, H x W."""
    scale = min(1.0, SIDE / max(picture.size))
    size = (max(16, round(picture.width * scale)), max(16, round(picture.height * scale)))
    lab = to_oklab(np.asarray(picture.resize(size, Image.Resampling.BOX), np.float32) / 255)
    steep = np.linalg.norm(np.diff(lab, axis=0, append=lab[-1:]), axis=-1) > STEEP
    ends = np.where(steep.any(axis=0), steep.argmax(axis=0), size[1])
    around = np.pad(ends, 1, mode="edge")
    ends = np.min(np.lib.stride_tricks.sliding_window_view(around, 3), axis=-1)
    open_to_top = np.arange(size[1])[:, None] <= ends[None, :] - 1
    soft = Image.fromarray((open_to_top * 255).astype(np.uint8)).resize(picture.size, Image.Resampling.BICUBIC)
    return np.asarray(soft.filter(ImageFilter.GaussianBlur(1)), np.float32) / 255
