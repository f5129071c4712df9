"""Light on figures: shadows on the ground, the tint of the hour, a rim of light; and the picture's last grade."""

import numpy as np
from PIL import Image, ImageChops, ImageFilter

from cloudflare_image_illustrator.colour import Rgb
from cloudflare_image_illustrator.raster import blurred, paste
from cloudflare_image_illustrator.scenery.stage import Stage


def tinted(image: Image.Image, tint: Rgb, haze: Rgb, share: float) -> Image.Image:
    """A figure under coloured light, seen through some haze."""
    bands = list(image.split())
    for i in range(3):
        table = [min(255, round((v * min(tint[i], 1.15)) * (1 - share) + 255 * haze[i] * share)) for v in range(256)]
        bands[i] = bands[i].point(table)
    return Image.merge("RGBA", bands)


def rim(image: Image.Image, colour: Rgb, toward: tuple[float, float], strength: float) -> Image.Image:
    """A thin edge of light on the side that faces the light: the silhouette minus itself moved away from it."""
    alpha = image.getchannel("A")
    reach = max(1, round(image.height * 0.012))
    moved = ImageChops.offset(alpha, round(-toward[0] * reach), round(-toward[1] * reach))
    edge = ImageChops.subtract(alpha, moved).filter(ImageFilter.GaussianBlur(reach * 0.5))
    edge = ImageChops.multiply(edge, alpha).point(lambda v: int(v * strength))
    light = Image.new("RGB", image.size, tuple(int(255 * c) for c in colour))
    result = Image.composite(light, image.convert("RGB"), edge)
    result.putalpha(alpha)
    return result


def ground_shadow(
    stage: Stage, image: Image.Image, left: float, foot: float, strength: float = 0.34, thin: bool = False
) -> None:
    """A contact shadow under the figure and a cast shadow leaning away from the light."""
    width, height = image.size
    alpha = image.getchannel("A")
    feet = alpha.crop((0, int(height * 0.86), width, height)).getbbox()
    foot_left, foot_right = (feet[0], feet[2]) if feet else (width * 0.2, width * 0.8)
    colour = tuple(int(255 * c * 0.18) for c in stage.palette.haze)
    lean = float(np.clip((left + width / 2 - stage.sun[0]) / stage.width, -0.6, 0.6))
    flat = max(int(height * 0.20), 3)
    cast = alpha.resize((width, flat), Image.Resampling.BILINEAR)
    shift = lean * height * 0.55
    pad = int(abs(shift) + height * 0.08) + 4
    sheet = Image.new("L", (width + 2 * pad, flat + 2 * int(height * 0.06)))
    sheared = Image.new("L", (width + 2 * pad, flat))
    sheared.paste(cast, (pad, 0))
    slope = shift / flat
    sheared = sheared.transform(
        sheared.size, Image.Transform.AFFINE, (1, slope, -slope * flat, 0, 1, 0), Image.Resampling.BILINEAR
    )
    sheet.paste(sheared, (0, int(height * 0.06)))
    sheet = blurred(sheet, height * 0.02).point(lambda v: int(v * strength))
    if not thin:  # a board high on a post would seem to float over its own shadow
        stage.canvas.paste(colour, (int(left - pad), int(foot - flat - height * 0.06 + height * 0.015)), sheet)
    wide = int((foot_right - foot_left) * 1.12) + 6
    tall = max(int(wide * 0.16), 4)
    contact = Image.new("L", (wide + tall * 2, tall * 3))
    solid = Image.new("L", (wide, tall))
    y, x = np.mgrid[0:tall, 0:wide].astype(np.float32)
    inside = ((x - wide / 2) / (wide / 2)) ** 2 + ((y - tall / 2) / (tall / 2)) ** 2
    solid = Image.fromarray((np.clip(1.1 - inside, 0, 1) * 255 * (strength + 0.22)).astype(np.uint8))
    contact.paste(solid, (tall, tall))
    contact = blurred(contact, tall * 0.35)
    stage.canvas.paste(
        colour,
        (int(left + foot_left - (wide - (foot_right - foot_left)) / 2 - tall), int(foot - tall * 1.6)),
        contact,
    )


# How much of a drawing's height is painted water of its own, to be cut off when it floats on ours.
OWN_WATER = {
    "sailboat": 0.235,
    "canoe": 0.34,
    "person rowing boat": 0.25,
    "man rowing boat": 0.25,
    "woman rowing boat": 0.25,
    "speedboat": 0.2,
    "ferry": 0.12,
    "ship": 0.10,
    "passenger ship": 0.12,
    "motor boat": 0.1,
    "man surfing": 0.25,
    "spouting whale": 0.06,
}


def afloat(stage: Stage, image: Image.Image, left: float, foot: float, label: str) -> Image.Image:
    """A figure in water: its own painted water or its lowest part is hidden, and its mirror image lies before it."""
    width, height = image.size
    hidden = int(height * OWN_WATER.get(label, 0.07))
    fade = np.asarray(image.getchannel("A"), np.float32).copy()
    fade[height - hidden :] = 0
    soft = max(2, int(height * 0.012))
    ramp = np.linspace(1, 0, soft, dtype=np.float32)[:, None]
    fade[height - hidden - soft : height - hidden] *= ramp
    image = image.copy()
    image.putalpha(Image.fromarray(fade.astype(np.uint8)))
    line = int(foot - hidden)
    mirror = image.crop((0, 0, width, height - hidden)).transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    rows = mirror.height
    y = np.arange(rows)
    shift = (np.sin(y / max(stage.unit * 5, 1) + 1.3) * stage.unit * (2 + 12 * y / rows)).astype(int)
    columns = (np.arange(width)[None, :] + shift[:, None]).clip(0, width - 1)
    pixels = np.asarray(mirror)[np.arange(rows)[:, None], columns].copy()
    strength = np.clip(0.55 - 0.55 * y / (rows * 0.8), 0, 1)
    pixels[..., 3] = (pixels[..., 3] * strength[:, None]).astype(np.uint8)
    paste(stage.canvas, Image.fromarray(pixels), round(left), line)
    bottom = np.flatnonzero(np.asarray(image.getchannel("A"))[height - hidden - soft * 2] > 60)
    if len(bottom):
        wide, tall = int((bottom[-1] - bottom[0]) * 1.16) + 6, max(int(height * 0.03), 4)
        y2, x2 = np.mgrid[0 : tall * 2, 0:wide].astype(np.float32)
        ring = np.abs(np.hypot((x2 - wide / 2) / (wide / 2), (y2 - tall) / tall) - 0.82)
        foam = Image.fromarray((np.clip(1 - ring / 0.16, 0, 1) * 120).astype(np.uint8))
        middle = left + (bottom[0] + bottom[-1]) / 2
        stage.canvas.paste(
            tuple(int(255 * c) for c in stage.palette.lit((0.95, 0.98, 1.0))),
            (int(middle - wide / 2), int(line - tall)),
            foam,
        )
    return image


def place(stage: Stage, image: Image.Image, left: float, top: float) -> None:
    """Puts a finished figure on the canvas."""
    paste(stage.canvas, image, round(left), round(top))


def finish(stage: Stage) -> None:
    """Vignette and a trace of grain, which also hides banding in smooth skies."""
    width, height = stage.canvas.size
    y = np.linspace(-1, 1, max(height // 8, 8), dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, max(width // 8, 8), dtype=np.float32)[None, :]
    dark = np.clip((x * x + y * y - 0.75) * 0.16, 0, 0.25)
    mask = Image.fromarray((dark * 255).astype(np.uint8)).resize((width, height), Image.Resampling.BICUBIC)
    stage.canvas.paste((10, 8, 26), (0, 0), mask)
    grain = stage.rng("grain").integers(-3, 4, (256, 256, 1), dtype=np.int16)
    tiled = np.tile(grain, (height // 256 + 1, width // 256 + 1, 1))[:height, :width]
    pixels = np.asarray(stage.canvas, np.int16) + tiled
    stage.canvas = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
