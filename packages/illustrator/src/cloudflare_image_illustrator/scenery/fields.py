"""Fields of flowers or grain in rows that run to the horizon."""

import numpy as np

from cloudflare_image_illustrator.colour import Rgb, hexed, mix, named, oklch, shade
from cloudflare_image_illustrator.scenery import terrain
from cloudflare_image_illustrator.scenery.shapes import ellipse, polygon, rect, strokes
from cloudflare_image_illustrator.scenery.stage import Stage

# Petals of a field of flowers: hues, and the shape of the heads.
FLOWERS: dict[str, tuple[tuple[str, ...], str]] = {
    "tulip": (("red", "yellow", "pink", "orange", "purple"), "cup"),
    "rose": (("red", "pink"), "disc"),
    "sunflower": (("yellow",), "sun"),
    "hyacinth": (("purple",), "spike"),
    "wheat": (("gold",), "ear"),
}
STRIPS = 15
"""Rows of one colour each, from the bottom to the horizon."""
ANY_FLOWER = (("pink", "white", "yellow", "purple", "red"), "disc")


def flower_field(stage: Stage) -> None:
    """Rows of flowers, or of grain, that run to the horizon."""
    palette, rng = stage.palette, stage.rng("flower field")
    w, h = stage.width, stage.height
    terrain.hills(stage, palette.grass, 2)
    colours, shape = FLOWERS.get(stage.kinds["meadow"].split()[0], ANY_FLOWER)
    asked = stage.tints.get("meadow")
    petals = [palette.lit(shade(named(c), 0.04)) for c in ((asked,) if asked else colours)]
    top = stage.horizon + (h - stage.horizon) * 0.14
    stage.back.append(
        rect(
            0, top, w, h - top, palette.lit(shade(petals[0], -0.06) if shape == "ear" else shade(palette.foliage, 0.02))
        )
    )
    vanish = w * float(rng.uniform(0.42, 0.58))
    for i in range(STRIPS):
        colour = petals[i % len(petals)]
        x0, x1 = ((i + d) / STRIPS - 0.5 for d in (0.0, 0.66))
        corners = [
            (vanish + w * 1.1 * x0, top),
            (vanish + w * 1.1 * x1, top),
            (vanish + w * 4.2 * x1, h),
            (vanish + w * 4.2 * x0, h),
        ]
        stage.back.append(
            polygon(
                corners,
                stage.gradient(
                    [(0, mix(colour, palette.haze, 0.35), 0.9), (0.4, colour, 0.55), (1, shade(colour, -0.06), 0.25)],
                    top,
                    h,
                ),
            )
        )
    _blooms(stage, rng, petals, shape, vanish, top)
    stage.floor_far, stage.floor_near = top + (h - top) * 0.34, h - (h - top) * 0.12


def _blooms(stage: Stage, rng: np.random.Generator, petals: list[Rgb], shape: str, vanish: float, top: float) -> None:
    """The flowers of all strips, larger towards the bottom; the strips meet at ``vanish``, ``top``."""
    palette, w, h = stage.palette, stage.width, stage.height
    for row in range(15):
        t = ((row + 1) / 15) ** 1.7
        y, size = top + (h - top) * t, stage.unit * (5 + 44 * t)
        for i in range(STRIPS):
            colour = petals[i % len(petals)]
            for d in (0.10, 0.34, 0.58) if t > 0.12 else (0.33,):
                x = vanish + w * (1.1 + 3.1 * t) * ((i + d) / STRIPS - 0.5)
                if -size < x < w + size:
                    lift = float(rng.uniform(-0.4, 0.4)) * size
                    stage.back.append(
                        _flower(
                            x + lift * 0.5,
                            y + lift * 0.6,
                            size,
                            shade(colour, float(rng.uniform(-0.03, 0.04))),
                            shape,
                            palette.lit(shade(palette.foliage, -0.03)),
                        )
                    )


def _flower(x: float, y: float, size: float, colour: Rgb, shape: str, green: Rgb) -> str:
    """A flower on its stalk, with its head at x, y."""
    stalk = strokes(f"M{x:.1f} {y:.1f}v{size * 0.75:.1f}", green, size * 0.12)
    if shape == "cup":
        r = size * 0.34
        return stalk + (
            f'<path d="M{x - r:.1f} {y - r:.1f}l{r * 0.5:.1f} {r * 0.5:.1f}L{x:.1f} {y - r * 1.15:.1f}l{r * 0.5:.1f} {r * 0.65:.1f}L{x + r:.1f} {y - r:.1f}Q{x + r * 1.15:.1f} {y + r:.1f} {x:.1f} {y + r:.1f}Q{x - r * 1.15:.1f} {y + r:.1f} {x - r:.1f} {y - r:.1f}z" fill="{hexed(colour)}"/>'
        )
    if shape == "ear":
        straw = shade(colour, -0.10)
        grains = "".join(
            ellipse(x + side * size * 0.07, y - size * 0.15 * i, size * 0.07, size * 0.12, colour)
            for i in range(4)
            for side in (-1, 1)
        )
        return strokes(f"M{x:.1f} {y - size * 0.6:.1f}v{size * 1.5:.1f}", straw, size * 0.07) + grains
    if shape == "spike":
        return stalk + "".join(
            ellipse(x, y - size * 0.16 * i, size * (0.15 - 0.02 * i), size * 0.12, shade(colour, 0.02 * i))
            for i in range(5)
        )
    disc = ellipse(x, y, size * 0.34, size * 0.32, colour)
    heart = oklch(0.40, 0.07, 55) if shape == "sun" else shade(colour, 0.12)
    return (
        stalk
        + disc
        + ellipse(x, y, size * (0.17 if shape == "sun" else 0.12), size * (0.16 if shape == "sun" else 0.11), heart)
    )


FIELDS = {f"{flower} field": flower_field for flower in (*FLOWERS, "flower")}
