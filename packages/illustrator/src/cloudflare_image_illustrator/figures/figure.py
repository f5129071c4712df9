"""One drawing of the artwork as pixels: rendered, recoloured by its main material, mirrored."""

import numpy as np
from PIL import Image, ImageFilter

from cloudflare_image_illustrator.artwork import Concept
from cloudflare_image_illustrator.colour import NAMED, from_oklab, to_oklab
from cloudflare_image_illustrator.pixels import Array
from cloudflare_image_illustrator.raster import rasterise

LUT_SIDE = 25
SHARPEST = 560  # pixels: larger figures are drawn at this size and enlarged, because blur filters cost by area
MATERIALS: dict[str, tuple[float, float, float]] = {
    "wood": (0.52, 0.085, 58),
    "gold": (0.80, 0.15, 88),
    "metal": (0.70, 0.015, 250),
    "stone": (0.64, 0.012, 80),
    "glass": (0.86, 0.06, 220),
    "clay": (0.62, 0.10, 45),
    "rust": (0.48, 0.095, 48),
}
# Kinds of things with windows, which are not painted along with the rest.
GLAZED = ("transport-ground", "transport-air", "place")
# The hue, in degrees, of what a colour word means in drawings where something else covers more: a bicycle's frame.
PAINTED: dict[str, float] = {"bicycle": 17.0, "bus": 55.0}


def draw(body: str, view: tuple[float, float], height: int) -> Image.Image:
    """An artwork body with its view box's width and height, as an RGBA image of that many pixels' height."""
    drawn = min(height, SHARPEST)
    image = rasterise(body, max(1, round(drawn * view[0] / view[1])), drawn, (0, 0, *view))
    return (
        image
        if drawn == height
        else image.resize((max(1, round(height * view[0] / view[1])), height), Image.Resampling.LANCZOS)
    )


def visible(image: Image.Image) -> tuple[int, int, int, int]:
    """The box of what is visible: left, top, right, bottom."""
    return image.getchannel("A").point([255 if a > 24 else 0 for a in range(256)]).getbbox() or (
        0,
        0,
        *image.size,
    )


def trimmed(image: Image.Image) -> Image.Image:
    """The image cut to what is visible."""
    return image.crop(visible(image))


def crown(image: Image.Image, sideways: bool) -> tuple[float, float]:
    """The top of the head of a trimmed drawing, in shares of its width and height; animals in profile look left."""
    alpha = np.asarray(image.getchannel("A")) > 90
    if sideways:
        alpha = alpha[:, : max(2, int(alpha.shape[1] * 0.36))]
    rows = np.flatnonzero(alpha.any(axis=1))
    if len(rows) == 0:
        return 0.5, 0.0
    top = int(rows[0])
    columns = np.flatnonzero(alpha[top : top + max(2, alpha.shape[0] // 9)].any(axis=0))
    return float((columns[0] + columns[-1] + 1) / 2 / image.width), float(top / image.height)


def saddle(image: Image.Image) -> float:
    """Where something set on a trimmed drawing would rest: the usual top of its middle columns, in shares of its height."""
    alpha = np.asarray(image.getchannel("A")) > 90
    middle = alpha[:, int(alpha.shape[1] * 0.3) : max(int(alpha.shape[1] * 0.7), 1)]
    tops = np.where(middle.any(axis=0), middle.argmax(axis=0), alpha.shape[0])
    return float(np.median(tops) / alpha.shape[0]) if len(tops) else 0.0


def recolour(
    image: Image.Image, colour: str | None, material: str | None = None, concept: Concept | None = None
) -> Image.Image:
    """The image with its main material in another colour; other parts, and light and shade, keep theirs.

    concept: what the drawing shows, where it is known: it says which part a colour word means.
    """
    target = MATERIALS[material] if material else NAMED[colour or "gray"]
    small = image.resize((64, 64), Image.Resampling.BOX)
    pixels = np.asarray(small, np.float32).reshape(-1, 4) / 255
    weights = pixels[:, 3] * (pixels[:, 3] > 0.5)
    if weights.sum() < 1:
        return image
    lab = to_oklab(pixels[:, :3])
    everything = material is not None
    if concept is not None and concept.label in PAINTED and not everything:
        return image_with(image, _Material(PAINTED[concept.label], 0.62, 0.1, everything=False).lut(target))
    membership = _Material.of(lab, weights, everything)
    if concept is not None and concept.kind.startswith(GLAZED):
        membership.second = None
    return image_with(image, membership.lut(target))


def image_with(image: Image.Image, lut: ImageFilter.Color3DLUT) -> Image.Image:
    """RGB through a colour table; alpha kept."""
    colours = image.convert("RGB").filter(lut)
    colours.putalpha(image.getchannel("A"))
    return colours


class _Material:
    """The colours that make up a drawing's main material: a hue range, or the greys."""

    def __init__(
        self, hue: float | None, lightness: float, spread: float, everything: bool, second: float | None = None
    ) -> None:
        self.hue, self.lightness, self.spread, self.everything = hue, lightness, spread, everything
        self.second = second  # another hue that covers nearly as much: a head unlike the arms, a sail unlike the hull

    @classmethod
    def of(cls, lab: Array, weights: Array, everything: bool) -> "_Material":
        chroma = np.hypot(lab[:, 1], lab[:, 2])
        hue = np.degrees(np.arctan2(lab[:, 2], lab[:, 1])) % 360
        # Outlines and feet are dark: what is light as well as colourful is the material that a colour word means.
        strength = weights * np.clip((chroma - 0.035) / 0.05, 0, 1) * np.clip((lab[:, 0] - 0.25) / 0.3, 0.15, 1)
        histogram = np.bincount((hue // 10).astype(int) % 36, strength, 36)
        window = (
            histogram
            + np.roll(histogram, 1)
            + np.roll(histogram, -1)
            + 0.5 * (np.roll(histogram, 2) + np.roll(histogram, -2))
        )
        best = int(window.argmax())
        greys = float((weights * (chroma < 0.06) * (lab[:, 0] > 0.35)).sum())
        if greys > window[best] * 1.15:
            chosen = weights * (chroma < 0.06) * (lab[:, 0] > 0.35)
            return cls(None, _centre(lab[:, 0], chosen), _spread(lab[:, 0], chosen), everything)
        centre = best * 10 + 5.0
        chosen = strength * (np.abs((hue - centre + 180) % 360 - 180) < 35)
        offset = float((chosen * ((hue - centre + 180) % 360 - 180)).sum() / chosen.sum())
        second = _second_hue(histogram.astype(np.float64), window, best)
        return cls(centre + offset, _centre(lab[:, 0], chosen), _spread(lab[:, 0], chosen), everything, second)

    def lut(self, target: tuple[float, float, float]) -> ImageFilter.Color3DLUT:
        """The colour table that takes the material to the target lightness, chroma and hue."""
        axis = np.linspace(0, 1, LUT_SIDE, dtype=np.float32)
        blue, green, red = np.meshgrid(axis, axis, axis, indexing="ij")
        rgb = np.stack([red, green, blue], -1).reshape(-1, 3)
        lab = to_oklab(rgb)
        chroma = np.hypot(lab[:, 1], lab[:, 2])
        hue = np.degrees(np.arctan2(lab[:, 2], lab[:, 1])) % 360
        lightness, wanted, angle = target
        share = self._share(lab[:, 0], chroma, hue)
        # White shows every step of a drawing's shading as a stripe: it gets less of it.
        contrast = 0.75 if wanted > 0.02 else 0.16 if lightness > 0.9 else 0.65
        toned = lightness + (lab[:, 0] - self.lightness) * contrast
        # Highlights and deep shade stay near their own lightness, so that form is not flattened.
        toned = np.clip(toned, 0.06, 0.985)
        relative = np.clip(chroma / 0.14, 0.55, 1.15) if self.hue is not None else np.ones_like(chroma)
        falloff = np.clip(1.25 - np.abs(toned - lightness) * 1.3, 0.25, 1.0)
        new_chroma = wanted * relative * falloff
        radians = np.radians(angle)
        new = np.stack([toned, new_chroma * np.cos(radians), new_chroma * np.sin(radians)], -1).astype(np.float32)
        mixed = lab + (new - lab) * share[:, None]
        return ImageFilter.Color3DLUT(LUT_SIDE, from_oklab(mixed).reshape(-1))

    def _share(self, lightness: Array, chroma: Array, hue: Array) -> Array:
        share: Array
        if self.everything:
            share = np.clip((lightness - 0.1) / 0.15, 0.2, 1)
        elif self.hue is None:
            share = np.clip((0.095 - chroma) / 0.03, 0, 1) * np.clip((lightness - 0.22) / 0.12, 0, 1)
        else:
            away = np.abs((hue - self.hue + 180) % 360 - 180)
            if self.second is not None:
                away = np.minimum(away, np.abs((hue - self.second + 180) % 360 - 180))
            share = np.clip((62 - away) / 22, 0, 1) * np.clip((chroma - 0.018) / 0.03, 0, 1)
        return share


def _second_hue(histogram: Array, window: Array, best: int) -> float | None:
    """The centre of another range of hues with at least 30 % of the first one's weight, in degrees."""
    bins = np.arange(36)
    elsewhere = np.where(np.abs((bins - best + 18) % 36 - 18) > 4, histogram, 0.0)
    around = elsewhere + np.roll(elsewhere, 1) + np.roll(elsewhere, -1)
    other = int(around.argmax())
    return other * 10 + 5.0 if around[other] > 0.3 * window[best] else None


def _centre(values: Array, weights: Array) -> float:
    return float((values * weights).sum() / max(float(weights.sum()), 1e-6))


def _spread(values: Array, weights: Array) -> float:
    mean = _centre(values, weights)
    return float(np.sqrt(((values - mean) ** 2 * weights).sum() / max(float(weights.sum()), 1e-6)))
