"""Great rooms: a ballroom with a chandelier, and the stone hall of a castle."""

import numpy as np

from cloudflare_image_illustrator.colour import Rgb, mix, named, oklch, shade
from cloudflare_image_illustrator.scenery.rooms import dim, flat
from cloudflare_image_illustrator.scenery.shapes import ellipse, polygon, rect, strokes
from cloudflare_image_illustrator.scenery.stage import Stage


def _hall(stage: Stage, horizon: float) -> None:
    h = stage.height
    stage.horizon = h * horizon
    stage.sun = (stage.width * 0.5, 0.0)
    stage.floor_far = stage.horizon + (h - stage.horizon) * 0.40
    stage.floor_near = h - (h - stage.horizon) * 0.14


def _arch(x: float, top: float, wide: float, bottom: float, fill: str) -> str:
    """A tall opening with a round head; x is its middle."""
    r = wide / 2
    return f'<path d="M{x - r:.1f} {bottom:.1f}V{top + r:.1f}a{r:.1f} {r:.1f} 0 0 1 {wide:.1f} 0V{bottom:.1f}z" fill="{fill}"/>'


def ballroom(stage: Stage) -> None:
    """Arched windows between golden columns, a chandelier, a polished floor."""
    rng = stage.rng("ballroom")
    w, u = stage.width, stage.unit
    asked = stage.tints.get("interior")
    wall = dim(stage, shade(named(asked), 0.0, 0.7) if asked else oklch(0.87, 0.045, float(rng.choice([85, 20, 320]))))
    flat(stage, wall)
    _hall(stage, 0.64)
    top = stage.horizon
    gold, cloth = dim(stage, oklch(0.80, 0.12, 85)), dim(stage, oklch(0.48, 0.16, float(rng.choice([22, 350, 300]))))
    palette = stage.palette
    sky = stage.gradient([(0, palette.top, 1), (0.6, palette.middle, 1), (1, palette.low, 1)], top * 0.2, top)
    for x in (0.20, 0.5, 0.80):
        stage.back.append(
            _arch(w * x, top * 0.20, w * 0.19, top * 0.94, "#fff8e8")
            + _arch(w * x, top * 0.23, w * 0.16, top * 0.94, sky)
        )
        bars = f"M{w * x:.1f} {top * 0.23:.1f}V{top * 0.94:.1f}" + "".join(
            f"M{w * (x - 0.08):.1f} {top * y:.1f}h{w * 0.16:.1f}" for y in (0.45, 0.62, 0.79)
        )
        stage.back.append(strokes(bars, "#fff8e8", u * 7))
        for sign in (-1, 1):
            edge = w * (x + sign * 0.105)
            stage.back.append(
                polygon(
                    [
                        (edge, top * 0.26),
                        (edge - sign * w * 0.05, top * 0.26),
                        (edge - sign * w * 0.02, top * 0.60),
                        (edge - sign * w * 0.045, top * 0.96),
                        (edge, top * 0.96),
                    ],
                    cloth,
                )
            )
    _columns(stage, wall, gold)
    stage.back.append(rect(0, 0, w, top * 0.10, shade(wall, -0.05)) + rect(0, top * 0.09, w, u * 12, gold))
    _polished(stage, dim(stage, oklch(0.88, 0.04, 80)), dim(stage, oklch(0.60, 0.08, 55)))
    _chandelier(stage, w * 0.5, top * 0.20, w * 0.17)


def _columns(stage: Stage, wall: Rgb, gold: Rgb) -> None:
    """Four columns with golden capitals and bases."""
    w, u, top = stage.width, stage.unit, stage.horizon
    for x in (0.035, 0.35, 0.65, 0.965):
        shaft = stage.gradient(
            [(0, shade(wall, 0.07), 1), (0.4, (1, 0.99, 0.95), 1), (1, shade(wall, -0.16), 1)],
            0,
            0,
            w * (x - 0.03),
            w * (x + 0.03),
        )
        stage.back.append(rect(w * (x - 0.028), top * 0.10, w * 0.056, top * 0.90, shaft))
        stage.back.append(
            rect(w * (x - 0.038), top * 0.10, w * 0.076, top * 0.05, gold, u * 4)
            + rect(w * (x - 0.036), top * 0.95, w * 0.072, top * 0.05, gold, u * 4)
        )


def _polished(stage: Stage, light: tuple[float, float, float], dark: tuple[float, float, float]) -> None:
    """A floor of lozenges in perspective that shines."""
    w, h, top = stage.width, stage.height, stage.horizon
    stage.back.append(rect(0, top, w, h - top, light))
    levels = top + (h - top) * (np.arange(10) / 9) ** 1.5
    for row in range(8):
        far, middle, near = (float(levels[row + i]) for i in range(3))
        for i in range(-16, 17):
            if (i + row) % 2:
                continue

            def at(x: float, y: float) -> tuple[float, float]:
                return w / 2 + x * w * (0.055 + 0.09 * (y - top) / (h - top)), y

            stage.back.append(
                polygon([at(i, far), at(i + 0.92, middle), at(i, near), at(i - 0.92, middle)], dark, 0.75)
            )
    shine = stage.glow([(0, (1, 0.98, 0.9), 0.5), (1, (1, 0.98, 0.9), 0)], w / 2, top + (h - top) * 0.4, w * 0.45)
    stage.back.append(rect(0, top, w, h - top, shine) + rect(0, top, w, stage.unit * 8, "#000", opacity=0.14))


def _chandelier(stage: Stage, x: float, y: float, r: float) -> None:
    """Two rings of candles on a chain; y is the level of the lower ring."""
    u, gold = stage.unit, oklch(0.80, 0.13, 85)
    glow = stage.glow([(0, (1, 0.93, 0.7), 0.8), (1, (1, 0.9, 0.6), 0)], x, y, r * 2.4)
    stage.back.append(ellipse(x, y, r * 2.4, r * 2.4, glow) + strokes(f"M{x:.1f} 0V{y:.1f}", shade(gold, -0.15), u * 7))
    for level, wide in ((-0.42, 0.6), (0.0, 1.0)):
        cy, rx = y + r * level, r * wide
        stage.back.append(
            f'<ellipse cx="{x:.1f}" cy="{cy:.1f}" rx="{rx:.1f}" ry="{rx * 0.22:.1f}" fill="none" stroke="#d9a93c" stroke-width="{u * 8:.1f}"/>'
        )
        for i in range(7):
            cx = x + rx * (i - 3) / 3
            dip = cy + rx * 0.22 * (1 - ((i - 3) / 3) ** 2) ** 0.5
            stage.back.append(
                rect(cx - u * 5, dip - u * 34, u * 10, u * 30, (1.0, 0.99, 0.94), u * 3)
                + ellipse(cx, dip - u * 42, u * 6, u * 11, (1.0, 0.80, 0.30))
            )
            stage.back.append(ellipse(cx, dip + u * 14, u * 6, u * 9, (0.88, 0.95, 1.0), 0.9))
    stage.back.append(ellipse(x, y + r * 0.30, r * 0.13, r * 0.16, (0.88, 0.95, 1.0), 0.9))


def castle_hall(stage: Stage) -> None:
    """Walls of stone blocks, banners, torches, an arched window, a carpet to the front."""
    rng = stage.rng("castle hall")
    w, h, u = stage.width, stage.height, stage.unit
    stone = dim(stage, oklch(0.58, 0.018, float(rng.choice([70, 260, 300]))))
    flat(stage, shade(stone, -0.07))
    _hall(stage, 0.66)
    top = stage.horizon
    _stone_blocks(stage, rng, stone)
    palette = stage.palette
    sky = stage.gradient([(0, palette.top, 1), (0.6, palette.middle, 1), (1, palette.low, 1)], top * 0.1, top * 0.7)
    stage.back.append(
        _arch(w * 0.5, top * 0.08, w * 0.25, top * 0.70, "#4a4550")
        + _arch(w * 0.5, top * 0.11, w * 0.20, top * 0.70, sky)
    )
    if palette.dark:
        stage.back.append(ellipse(w * 0.54, top * 0.26, w * 0.035, w * 0.035, (0.96, 0.94, 0.82)))
    stage.back.append(
        strokes(
            f"M{w * 0.5:.1f} {top * 0.11:.1f}V{top * 0.70:.1f}M{w * 0.40:.1f} {top * 0.42:.1f}h{w * 0.20:.1f}",
            "#4a4550",
            u * 9,
        )
    )
    cloth = dim(stage, oklch(0.45, 0.16, float(rng.choice([22, 260, 310]))))
    for x in (0.17, 0.83):
        left = w * x - w * 0.06
        stage.back.append(
            polygon(
                [
                    (left, top * 0.06),
                    (left + w * 0.12, top * 0.06),
                    (left + w * 0.12, top * 0.50),
                    (left + w * 0.06, top * 0.60),
                    (left, top * 0.50),
                ],
                cloth,
            )
        )
        stage.back.append(ellipse(w * x, top * 0.28, w * 0.03, w * 0.03, dim(stage, oklch(0.80, 0.13, 85))))
    floor = stage.gradient([(0, shade(stone, -0.20), 1), (1, shade(stone, -0.06), 1)], top, h)
    stage.back.append(rect(0, top, w, h - top, floor) + rect(0, top, w, u * 8, "#000", opacity=0.2))
    stage.back.append(
        polygon([(w * 0.42, top), (w * 0.58, top), (w * 0.80, h), (w * 0.20, h)], mix(cloth, (0.6, 0.1, 0.15), 0.3))
    )
    for x in (0.33, 0.67):
        _torch(stage, w * x, top * 0.46)


def _stone_blocks(stage: Stage, rng: np.random.Generator, stone: Rgb) -> None:
    """Nine rows of blocks on the back wall."""
    w, u, tall = stage.width, stage.unit, stage.horizon / 9
    for row in range(9):
        x = -w * 0.1 * (row % 2) - w * 0.02
        while x < w:
            wide = w * float(rng.uniform(0.11, 0.18))
            stage.back.append(
                rect(x, row * tall, wide - u * 5, tall - u * 5, shade(stone, float(rng.uniform(-0.035, 0.035))), u * 5)
            )
            x += wide


def _torch(stage: Stage, cx: float, cy: float) -> None:
    """A burning torch on the wall, with its glow."""
    w, u, top = stage.width, stage.unit, stage.horizon
    glow = stage.glow([(0, (1, 0.75, 0.35), 0.75), (1, (1, 0.6, 0.2), 0)], cx, cy, w * 0.20)
    stage.back.append(
        ellipse(cx, cy, w * 0.20, w * 0.20, glow) + rect(cx - u * 8, cy, u * 16, top * 0.13, "#5a3a28", u * 4)
    )
    stage.back.append(
        f'<path d="M{cx:.1f} {cy - u * 62:.1f}q{u * 34:.1f} {u * 36:.1f} {u * 20:.1f} {u * 64:.1f}h{-u * 40:.1f}q{-u * 14:.1f} {-u * 28:.1f} {u * 20:.1f} {-u * 64:.1f}z" fill="#ff9a2e"/>'
    )
    stage.back.append(ellipse(cx, cy - u * 10, u * 10, u * 18, (1.0, 0.90, 0.45)))


HALLS = {"ballroom": ballroom, "castle hall": castle_hall}
