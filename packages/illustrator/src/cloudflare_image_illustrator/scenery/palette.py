"""The colours of a picture: sky, haze, light and ground by time of day, weather, season and seed."""

from dataclasses import dataclass, replace

import numpy as np

from cloudflare_image_illustrator.colour import Rgb, lch, mix, named, oklch, shade

Lch = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Palette:
    """Sky from the zenith to the horizon, haze that far things fade to, the light's tint, and the ground's hues."""

    top: Rgb
    middle: Rgb
    low: Rgb
    haze: Rgb
    sun: Rgb
    tint: Rgb
    dark: bool
    grass: Rgb
    foliage: Rgb
    rock: Rgb
    sand: Rgb
    snow: Rgb
    water: Rgb
    accent: Rgb
    thickness: float = 0.75

    def lit(self, rgb: Rgb) -> Rgb:
        """A surface's own colour under this light."""
        red, green, blue = (min(c * t, 1.0) for c, t in zip(rgb, self.tint, strict=True))
        return red, green, blue

    def at(self, rgb: Rgb, depth: float) -> Rgb:
        """A lit surface seen at a depth of 0 (near) to 1 (horizon): aerial perspective."""
        return mix(self.lit(rgb), self.haze, min(max(depth, 0.0), 1.0) * self.thickness)


# Top, middle, low, sun: variants the seed chooses from.
SKIES: dict[str, tuple[tuple[Lch, Lch, Lch, Lch], ...]] = {
    "day": (
        ((0.60, 0.135, 245), (0.78, 0.095, 232), (0.94, 0.035, 210), (0.98, 0.05, 95)),
        ((0.66, 0.115, 235), (0.84, 0.07, 215), (0.96, 0.035, 95), (0.98, 0.06, 95)),
        ((0.70, 0.10, 215), (0.86, 0.06, 200), (0.96, 0.03, 170), (0.99, 0.04, 100)),
        ((0.55, 0.15, 255), (0.72, 0.12, 245), (0.90, 0.05, 225), (0.98, 0.05, 90)),
    ),
    "sunset": (
        ((0.42, 0.12, 285), (0.68, 0.16, 22), (0.87, 0.14, 72), (0.96, 0.11, 88)),
        ((0.50, 0.11, 260), (0.74, 0.13, 45), (0.90, 0.13, 82), (0.97, 0.10, 92)),
        ((0.36, 0.13, 300), (0.60, 0.19, 350), (0.82, 0.15, 50), (0.96, 0.12, 75)),
        ((0.44, 0.12, 320), (0.66, 0.18, 30), (0.84, 0.16, 62), (0.97, 0.12, 85)),
    ),
    "dawn": (
        ((0.68, 0.09, 262), (0.82, 0.08, 345), (0.94, 0.07, 75), (0.98, 0.08, 90)),
        ((0.66, 0.08, 235), (0.84, 0.06, 30), (0.95, 0.07, 85), (0.98, 0.08, 95)),
        ((0.62, 0.10, 285), (0.80, 0.10, 5), (0.92, 0.08, 60), (0.98, 0.08, 85)),
    ),
    "night": (
        ((0.17, 0.06, 272), (0.26, 0.09, 270), (0.40, 0.09, 258), (0.97, 0.03, 95)),
        ((0.15, 0.05, 255), (0.25, 0.07, 235), (0.40, 0.08, 210), (0.97, 0.02, 200)),
        ((0.17, 0.07, 295), (0.28, 0.11, 292), (0.42, 0.11, 310), (0.96, 0.04, 80)),
    ),
}  # fmt: skip
TINTS: dict[str, Rgb] = {
    "day": (1.0, 1.0, 1.0),
    "sunset": (1.03, 0.86, 0.76),
    "dawn": (1.0, 0.94, 0.93),
    "night": (0.47, 0.53, 0.80),
}
GRASS: dict[str, Lch] = {
    "spring": (0.74, 0.16, 128), "summer": (0.66, 0.15, 134), "autumn": (0.66, 0.12, 88), "winter": (0.95, 0.015, 240),
}  # fmt: skip
FOLIAGE: dict[str, Lch] = {
    "spring": (0.66, 0.15, 138), "summer": (0.52, 0.13, 146), "autumn": (0.64, 0.16, 52), "winter": (0.52, 0.06, 190),
}  # fmt: skip
TINTED: dict[str, str] = {
    "meadow": "grass", "hills": "grass", "forest": "foliage", "mountains": "rock",
    "ocean": "water", "lake": "water", "desert": "sand", "beach": "sand",
}  # fmt: skip
"""Scenery whose colour a prompt can name -> the palette's field for it."""


def palette_for(
    time: str,
    weather: tuple[str, ...],
    season: str | None,
    mood: str | None,
    tints: dict[str, str],
    rng: np.random.Generator,
) -> Palette:
    """The colours of one picture. tints: scenery word -> colour word ("purple sky")."""
    top, middle, low, sun = (list(c) for c in SKIES[time][int(rng.integers(len(SKIES[time])))])
    turn = float(rng.uniform(-10, 10))
    sky = [oklch(c[0], c[1], c[2] + turn) for c in (top, middle, low)]
    tint = TINTS[time]
    thickness = 0.72
    if set(weather) & {"rain", "storm", "cloudy", "fog"}:
        darker = 0.16 if "storm" in weather else 0.08 if "rain" in weather else 0.0
        greyer = 0.45 if time in {"day", "dawn"} else 0.65
        sky = [shade(c, -darker if time != "night" else -0.03, greyer) for c in sky]
        tint = mix(tint, (0.80, 0.85, 0.92) if time != "night" else (0.45, 0.5, 0.7), 0.5)
    if "fog" in weather:
        thickness = 0.93
        sky = [mix(c, shade(sky[2], 0.0, 0.4), 0.55) for c in sky]
    if "sky" in tints:
        base = lch(named(tints["sky"]))
        sky = [
            oklch(lightness, min(base[1], 0.16) * c, base[2])
            for lightness, c in zip((lch(s)[0] for s in sky), (1, 0.9, 0.5), strict=True)
        ]
    season_key = season or "summer"
    palette = Palette(
        top=sky[0], middle=sky[1], low=sky[2], haze=mix(sky[2], sky[1], 0.25), sun=oklch(*sun), tint=tint, dark=time == "night",
        grass=oklch(*_jitter(GRASS[season_key], rng)), foliage=oklch(*_jitter(FOLIAGE[season_key], rng)),
        rock=oklch(0.50, 0.045, float(rng.choice([255, 280, 45, 200]))), sand=oklch(*_jitter((0.84, 0.075, 82), rng)),
        snow=oklch(0.965, 0.012, 235), water=oklch(*_jitter((0.56, 0.11, 225), rng)),
        accent=oklch(0.68, 0.17, float(rng.uniform(0, 360))), thickness=thickness,
    )  # fmt: skip
    if mood in {"dark", "spooky"}:
        palette = replace(palette, top=shade(palette.top, -0.12, 0.7), middle=shade(palette.middle, -0.12, 0.7), low=shade(palette.low, -0.10, 0.8),
                          tint=mix(palette.tint, (0.55, 0.5, 0.62), 0.45))  # fmt: skip
    for scenery, field in TINTED.items():
        if scenery in tints:
            palette = replace(palette, **{field: named(tints[scenery])})  # type: ignore[arg-type] # the table's fields are colours
    return palette


def _jitter(value: Lch, rng: np.random.Generator) -> Lch:
    return (
        value[0] + float(rng.uniform(-0.03, 0.03)),
        value[1] * float(rng.uniform(0.85, 1.15)),
        value[2] + float(rng.uniform(-9, 9)),
    )
