"""Rooms by their kind: kitchen, hospital ward, a windowsill, and a room without furniture."""

import numpy as np

from cloudflare_image_illustrator.colour import Rgb, named, oklch, shade
from cloudflare_image_illustrator.scenery.rooms import boards, dim, flat, wall_colour, window
from cloudflare_image_illustrator.scenery.shapes import ellipse, polygon, rect, strokes
from cloudflare_image_illustrator.scenery.stage import Stage


def room(stage: Stage, name: str, wall: Rgb | None = None, horizon: float = 0.62) -> tuple[np.random.Generator, Rgb]:
    """An even wall down to the floor's edge. wall: its colour where the prompt names none."""
    rng = stage.rng(name)
    chosen = wall_colour(stage, rng)
    colour = dim(stage, wall) if wall is not None and "interior" not in stage.tints else chosen
    flat(stage, colour)
    w, h = stage.width, stage.height
    stage.horizon = h * horizon
    stage.sun = (w * 0.3, stage.horizon * 0.3)
    stage.floor_far = stage.horizon + (h - stage.horizon) * 0.42
    stage.floor_near = h - (h - stage.horizon) * 0.14
    return rng, colour


def light(stage: Stage, x: float, y: float, strength: float = 0.4) -> None:
    reach = max(stage.width, stage.height) * 0.6
    paint = stage.glow([(0, (1, 1, 0.95), strength), (1, (1, 1, 0.95), 0)], x, y, reach)
    stage.back.append(rect(0, 0, stage.width, stage.height, paint))


def tiles(stage: Stage, light: Rgb, dark: Rgb) -> None:
    """A floor of square tiles in perspective."""
    w, h, top = stage.width, stage.height, stage.horizon
    stage.back.append(rect(0, top, w, h - top, light))
    levels = top + (h - top) * (np.arange(7) / 6) ** 1.5
    for row in range(6):
        near, far = float(levels[row + 1]), float(levels[row])
        for i in range(-14, 14):
            if (i + row) % 2 == 0:
                continue
            corners = []
            for x, y in ((i, far), (i + 1, far), (i + 1, near), (i, near)):
                spread = 0.075 + 0.095 * (y - top) / (h - top)
                corners.append((w / 2 + x * w * spread, y))
            stage.back.append(polygon(corners, dark))
    stage.back.append(rect(0, top, w, stage.unit * 8, "#000", opacity=0.14))


def bare(stage: Stage) -> None:
    """An empty room: walls, boards, and the light of a window on the floor."""
    rng, wall = room(stage, "bare", horizon=0.60)
    w, h, top = stage.width, stage.height, stage.horizon
    inset = w * 0.13
    stage.back.append(polygon([(0, 0), (inset, 0), (inset, top), (0, h * 0.74)], shade(wall, -0.05)))
    stage.back.append(polygon([(w, 0), (w - inset, 0), (w - inset, top), (w, h * 0.74)], shade(wall, -0.08)))
    boards(stage, rng, wall)
    stage.back.append(
        polygon(
            [(0, top - stage.unit * 26), (inset, top - stage.unit * 26), (inset, top), (0, h * 0.74)],
            shade(wall, -0.05),
        )
    )
    stage.back.append(
        polygon(
            [(w, top - stage.unit * 26), (w - inset, top - stage.unit * 26), (w - inset, top), (w, h * 0.74)],
            shade(wall, -0.08),
        )
    )
    side = 1 if rng.random() < 0.5 else -1
    x = w / 2 + side * w * 0.06
    for pane in (-1, 1):
        left = x + pane * w * 0.09 - w * 0.07
        slant = -side * w * 0.16
        stage.back.append(
            polygon(
                [
                    (left, top + h * 0.05),
                    (left + w * 0.13, top + h * 0.05),
                    (left + w * 0.15 + slant, h * 0.93),
                    (left - w * 0.04 + slant, h * 0.93),
                ],
                (1.0, 0.97, 0.86),
                0.0 if stage.palette.dark else 0.28,
            )
        )
    light(stage, x, top * 0.5, 0.3)


def kitchen(stage: Stage) -> None:
    """Cupboards, tiles, a worktop with a stove and pots, a refrigerator."""
    rng, wall = room(stage, "kitchen", oklch(0.93, 0.03, 95), 0.70)
    w, top, u = stage.width, stage.horizon, stage.unit
    side = 1 if rng.random() < 0.5 else -1
    cupboard = dim(stage, oklch(0.72, 0.085, float(rng.choice([65, 150, 200, 230, 30]))))
    if "interior" in stage.tints:
        cupboard = dim(stage, shade(named(stage.tints["interior"]), 0.04, 0.8))
    edge, steel = shade(cupboard, -0.10), dim(stage, (0.80, 0.82, 0.86))
    counter = top * 0.70
    tile = w / 14
    lines = "".join(f"M0 {y:.1f}H{w}" for y in np.arange(top * 0.30, counter, tile * 0.6))
    lines += "".join(f"M{x:.1f} {top * 0.30:.1f}V{counter:.1f}" for x in np.arange(0, w, tile))
    stage.back.append(strokes(lines, shade(wall, -0.08), u * 2, 0.7))
    window(stage, w * (0.5 + 0.06 * side), counter * 0.53, min(w * 0.26, counter * 0.62), rng)
    light(stage, w * 0.5, counter * 0.5)

    def front(x: float, y: float, wide: float, tall: float, handle: float) -> None:
        stage.back.append(
            rect(x, y, wide, tall, cupboard, u * 6)
            + rect(x + u * 10, y + u * 12, wide - u * 20, tall - u * 24, edge, u * 4)
        )
        stage.back.append(rect(x + u * 14, y + u * 16, wide - u * 28, tall - u * 32, shade(cupboard, 0.03), u * 3))
        stage.back.append(rect(x + wide * handle - u * 4, y + tall * 0.44, u * 8, tall * 0.14, steel, u * 4))

    wide = w * 0.145
    for i in range(7):
        x = i * wide - w * 0.01
        if not 0.30 < (x + wide / 2) / w - 0.06 * side < 0.70:
            front(x, -u * 20, wide - u * 4, top * 0.38, 0.16 if i % 2 else 0.84)
        front(x, counter, wide - u * 4, top - counter + u * 40, 0.16 if i % 2 else 0.84)
    stage.back.append(rect(-9, counter - u * 16, w + 18, u * 30, dim(stage, oklch(0.50, 0.05, 60)), u * 4))
    _stove(stage, w * (0.5 - 0.27 * side), counter, w * 0.20, steel)
    cold = w * (0.985 if side > 0 else 0.015) - w * 0.10
    stage.back.append(
        rect(cold, top * 0.20, w * 0.20, top * 0.84, steel, u * 16)
        + rect(cold, top * 0.46, w * 0.20, u * 6, shade(steel, -0.2))
    )
    for y in (0.34, 0.54):
        stage.back.append(
            rect(cold + (w * 0.03 if side > 0 else w * 0.155), top * y, u * 10, top * 0.09, shade(steel, -0.28), u * 5)
        )
    tiles(stage, dim(stage, (0.93, 0.90, 0.84)), dim(stage, oklch(0.66, 0.05, float(rng.choice([60, 200, 30])))))


def _stove(stage: Stage, x: float, counter: float, wide: float, steel: Rgb) -> None:
    """An oven under a hob with two pots; x is its middle."""
    u, left = stage.unit, x - wide / 2
    dark = dim(stage, (0.24, 0.25, 0.29))
    stage.back.append(rect(left, counter - u * 16, wide, stage.horizon - counter + u * 20, shade(steel, -0.08), u * 6))
    stage.back.append(
        rect(left + wide * 0.12, counter + u * 62, wide * 0.76, (stage.horizon - counter) * 0.52, dark, u * 8)
    )
    stage.back.append(rect(left + wide * 0.12, counter + u * 40, wide * 0.76, u * 10, steel, u * 5))
    for i in range(4):
        stage.back.append(ellipse(left + wide * (0.2 + 0.2 * i), counter + u * 18, u * 9, u * 9, dark))
    for dx, colour in ((-0.24, oklch(0.60, 0.17, 28)), (0.24, oklch(0.62, 0.02, 250))):
        pot, y, r = dim(stage, colour), counter - u * 16, wide * 0.17
        stage.back.append(rect(x + dx * wide - r, y - r * 1.2, 2 * r, r * 1.2, pot, u * 10))
        stage.back.append(rect(x + dx * wide - r * 1.3, y - r * 0.9, 2.6 * r, r * 0.22, shade(pot, -0.1), u * 4))
        stage.back.append(
            ellipse(x + dx * wide, y - r * 1.2, r * 1.05, r * 0.22, shade(pot, 0.08))
            + ellipse(x + dx * wide, y - r * 1.46, r * 0.18, r * 0.14, dark)
        )


def ward(stage: Stage) -> None:
    """A hospital room: a bed with rails, a drip, a monitor, a red cross."""
    rng, wall = room(stage, "ward", oklch(0.94, 0.025, 190), 0.64)
    w, h, top, u = stage.width, stage.height, stage.horizon, stage.unit
    stage.back.append(
        rect(0, top * 0.62, w, top * 0.38, shade(wall, -0.07)) + rect(0, top * 0.61, w, u * 10, dim(stage, (1, 1, 1)))
    )
    side = 1 if rng.random() < 0.5 else -1
    window(stage, w * (0.5 + 0.30 * side), top * 0.36, min(w * 0.26, top * 0.46), rng)
    red, white, steel = (
        dim(stage, oklch(0.58, 0.20, 25)),
        dim(stage, (0.98, 0.98, 0.99)),
        dim(stage, (0.72, 0.75, 0.80)),
    )
    x, y, arm = w * (0.5 - 0.33 * side), top * 0.24, w * 0.045
    stage.back.append(
        ellipse(x, y, arm * 2, arm * 2, white)
        + rect(x - arm * 1.3, y - arm * 0.45, arm * 2.6, arm * 0.9, red, u * 3)
        + rect(x - arm * 0.45, y - arm * 1.3, arm * 0.9, arm * 2.6, red, u * 3)
    )
    screen = w * (0.5 - 0.04 * side)
    stage.back.append(rect(screen - w * 0.075, top * 0.14, w * 0.15, top * 0.20, dim(stage, (0.20, 0.24, 0.30)), u * 8))
    pulse = f"M{screen - w * 0.06:.1f} {top * 0.25:.1f}h{w * 0.035:.1f}l{w * 0.012:.1f} {-top * 0.06:.1f}l{w * 0.016:.1f} {top * 0.10:.1f}l{w * 0.012:.1f} {-top * 0.04:.1f}h{w * 0.04:.1f}"
    stage.back.append(strokes(pulse, dim(stage, (0.35, 0.95, 0.55)), u * 5))
    tiles(stage, dim(stage, (0.90, 0.93, 0.94)), dim(stage, (0.80, 0.86, 0.88)))
    left, level, wide = w * (0.52 if side > 0 else 0.02), top + (h - top) * 0.06, w * 0.46
    blanket = dim(stage, oklch(0.76, 0.09, 225))
    stage.back.append(
        strokes(
            f"M{left:.1f} {level - h * 0.13:.1f}V{level + h * 0.13:.1f}M{left + wide:.1f} {level - h * 0.06:.1f}V{level + h * 0.13:.1f}",
            steel,
            u * 14,
        )
    )
    stage.back.append(
        rect(left, level, wide, h * 0.06, white, u * 12)
        + rect(left + wide * 0.34, level - h * 0.025, wide * 0.66, h * 0.085, blanket, u * 14)
    )
    stage.back.append(
        rect(left + wide * 0.03, level - h * 0.05, wide * 0.24, h * 0.06, white, u * 18)
        + rect(left, level + h * 0.06, wide, u * 14, steel)
    )
    stand = left - w * 0.035 if side > 0 else left + wide + w * 0.04
    stage.back.append(strokes(f"M{stand:.1f} {level + h * 0.13:.1f}V{top * 0.40:.1f}h{w * 0.03:.1f}", steel, u * 8))
    stage.back.append(
        rect(stand + w * 0.012, top * 0.42, w * 0.036, top * 0.14, dim(stage, oklch(0.88, 0.06, 210)), u * 8)
    )


def windowsill(stage: Stage) -> None:
    """A broad sill before a large window with a view."""
    rng, wall = room(stage, "windowsill", horizon=0.74)
    w, h, top, u = stage.width, stage.height, stage.horizon, stage.unit
    palette = stage.palette
    left, wide, upper = w * 0.10, w * 0.80, -h * 0.02
    sky = stage.gradient([(0, palette.top, 1), (0.6, palette.middle, 1), (1, palette.low, 1)], 0, top)
    frame = dim(stage, (0.97, 0.96, 0.94))
    stage.back.append(
        rect(left - u * 26, upper, wide + u * 52, top - upper, shade(frame, -0.08))
        + rect(left, upper, wide, top - upper, sky)
    )
    stage.back.append(
        ellipse(w * 0.26, top * 1.02, w * 0.36, top * 0.28, palette.at(palette.grass, 0.5))
        + ellipse(w * 0.76, top * 1.06, w * 0.34, top * 0.36, palette.at(palette.grass, 0.3))
    )
    stage.back.append(rect(w * 0.90, 0, w * 0.1, top, wall) + rect(0, 0, left, top, wall))
    stage.back.append(rect(left - u * 26, 0, u * 26, top, frame) + rect(left + wide, 0, u * 26, top, frame))
    stage.back.append(
        rect(w * 0.5 - u * 13, upper, u * 26, top - upper, frame)
        + rect(left, top * 0.34, wide, u * 20, frame)
        + rect(left, top - u * 26, wide, u * 26, frame)
    )
    if palette.dark:
        stage.back.append(ellipse(w * 0.70, top * 0.16, w * 0.04, w * 0.04, (0.96, 0.94, 0.82)))
    sill = dim(stage, oklch(0.90, 0.03, 75))
    paint = stage.gradient([(0, shade(sill, 0.05), 1), (1, shade(sill, -0.04), 1)], top, h * 0.93)
    stage.back.append(
        rect(0, h * 0.93, w, h * 0.07, shade(wall, -0.10))
        + rect(0, top, w, h * 0.19, paint)
        + rect(0, h * 0.93, w, u * 12, "#000", opacity=0.16)
    )
    stage.floor_far, stage.floor_near = top + (h - top) * 0.22, h * 0.885
    cloth = dim(stage, oklch(0.80, 0.09, float(rng.uniform(0, 360))))
    for x in (-0.02, 0.90):
        stage.back.append(rect(w * x, 0, w * 0.12, top * 0.98, cloth))
        stage.back.append(
            "".join(rect(w * (x + 0.03 * i), 0, w * 0.012, top * 0.98, shade(cloth, -0.07)) for i in range(4))
        )


ROOMS = {"bare": bare, "kitchen": kitchen, "ward": ward, "windowsill": windowsill}
