"""Colours: OKLab and OKLCH (Björn Ottosson, https://bottosson.github.io/posts/oklab/), names, mixing."""

import math

import numpy as np

from cloudflare_image_illustrator.pixels import Array

Rgb = tuple[float, float, float]

# Lightness, chroma, hue (degrees) that each colour word stands for.
NAMED: dict[str, tuple[float, float, float]] = {
    "red": (0.58, 0.22, 27),
    "orange": (0.73, 0.18, 55),
    "yellow": (0.87, 0.17, 98),
    "lime": (0.84, 0.21, 128),
    "green": (0.62, 0.18, 145),
    "teal": (0.60, 0.11, 190),
    "cyan": (0.82, 0.13, 205),
    "blue": (0.53, 0.21, 260),
    "navy": (0.33, 0.13, 264),
    "purple": (0.52, 0.22, 300),
    "magenta": (0.64, 0.26, 335),
    "pink": (0.76, 0.14, 355),
    "brown": (0.44, 0.08, 55),
    "beige": (0.88, 0.04, 85),
    "gold": (0.80, 0.15, 88),
    "silver": (0.80, 0.01, 250),
    "black": (0.24, 0.0, 0),
    "gray": (0.60, 0.0, 0),
    "white": (0.97, 0.0, 0),
}

_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ],
    np.float32,
)
_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ],
    np.float32,
)
_LMS_BACK = np.linalg.inv(_LAB.astype(np.float64)).astype(np.float32)
_RGB_BACK = np.linalg.inv(_LMS.astype(np.float64)).astype(np.float32)


def to_oklab(rgb: Array) -> Array:
    """sRGB 0..1, any shape x 3, to OKLab."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((np.maximum(rgb, 0) + 0.055) / 1.055) ** 2.4).astype(np.float32)
    lab: Array = (np.cbrt(linear @ _LMS.T) @ _LAB.T).astype(np.float32)
    return lab


def from_oklab(lab: Array) -> Array:
    """OKLab to sRGB, clipped to 0..1."""
    linear = np.clip(((lab @ _LMS_BACK.T) ** 3) @ _RGB_BACK.T, 0, 1)
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055).astype(np.float32)


def oklch(lightness: float, chroma: float, hue: float) -> Rgb:
    """One colour as sRGB 0..1; chroma is lowered until the colour exists."""
    for _ in range(24):
        a, b = chroma * math.cos(math.radians(hue)), chroma * math.sin(math.radians(hue))
        linear = ((np.array([lightness, a, b]) @ _LMS_BACK.T.astype(float)) ** 3) @ _RGB_BACK.T.astype(float)
        if linear.min() > -0.003 and linear.max() < 1.003:
            break
        chroma *= 0.9
    red, green, blue = from_oklab(np.array([lightness, a, b], np.float32)).tolist()
    return red, green, blue


def lch(rgb: Rgb) -> tuple[float, float, float]:
    """sRGB 0..1 as lightness, chroma, hue in degrees."""
    lightness, a, b = to_oklab(np.array(rgb, np.float32)).tolist()
    return lightness, math.hypot(a, b), math.degrees(math.atan2(b, a)) % 360


def parse(text: str) -> Rgb:
    """ "#rrggbb" as sRGB 0..1."""
    return tuple(int(text[i : i + 2], 16) / 255 for i in (1, 3, 5))  # type: ignore[return-value] # three by construction


def hexed(rgb: Rgb) -> str:
    """sRGB 0..1 as "#rrggbb"."""
    return "#" + "".join(f"{round(255 * min(max(c, 0.0), 1.0)):02x}" for c in rgb)


def mix(one: Rgb, other: Rgb, share: float) -> Rgb:
    """The colour a share of the way from one to the other."""
    a, b, c = (x + (y - x) * share for x, y in zip(one, other, strict=True))
    return a, b, c


def shade(rgb: Rgb, lightness: float = 0.0, chroma: float = 1.0, hue: float = 0.0) -> Rgb:
    """A colour made lighter (added), more colourful (multiplied) and turned (degrees)."""
    own = lch(rgb)
    return oklch(min(max(own[0] + lightness, 0.02), 0.99), own[1] * chroma, own[2] + hue)


def named(name: str) -> Rgb:
    """The colour that a word stands for."""
    return oklch(*NAMED[name])
