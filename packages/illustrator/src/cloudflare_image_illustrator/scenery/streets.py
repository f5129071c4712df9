"""Streets of a particular kind: a boulevard in Paris, a pavement along a brick wall."""

import numpy as np

from cloudflare_image_illustrator.colour import Rgb, hexed, mix, named, oklch, shade
from cloudflare_image_illustrator.scenery import city, plants
from cloudflare_image_illustrator.scenery.shapes import polygon, rect, strokes
from cloudflare_image_illustrator.scenery.stage import Stage


def brick_wall(stage: Stage) -> None:
    """A wall of bricks along a pavement; it hides the horizon."""
    palette, rng = stage.palette, stage.rng("brick wall")
    w, h, u = stage.width, stage.height, stage.unit
    base, top = h * 0.70, h * 0.05
    asked = stage.tints.get("city")
    brick = named(asked) if asked else oklch(0.55, 0.105, float(rng.uniform(32, 46)))
    stage.back.append(rect(0, top, w, base - top, palette.lit(oklch(0.76, 0.02, 70))))
    tall, wide = u * 46, u * 104
    rows = int((base - top) / tall) + 1
    for row in range(rows):
        y = base - (row + 1) * tall
        if y < top - 1:
            break
        for x in np.arange(-wide * (0.5 if row % 2 else 0.0), w, wide).tolist():
            tone = shade(
                brick, float(rng.uniform(-0.05, 0.05)), float(rng.uniform(0.85, 1.1)), float(rng.uniform(-6, 6))
            )
            stage.back.append(rect(x + u * 3, y + u * 3, wide - u * 6, tall - u * 6, palette.lit(tone), u * 4))
    coping = palette.lit(oklch(0.72, 0.015, 80))
    stage.back.append(
        rect(-9, top - u * 22, w + 18, u * 34, coping, u * 6) + rect(0, top + u * 12, w, u * 8, "#000", opacity=0.16)
    )
    shadow = stage.gradient([(0, (0, 0, 0), 0), (1, (0, 0, 0), 0.22)], base - h * 0.10, base)
    stage.back.append(rect(0, base - h * 0.10, w, h * 0.10, shadow))
    pave = palette.lit(oklch(0.68, 0.012, 80))
    ground = stage.gradient([(0, shade(pave, -0.05), 1), (1, shade(pave, 0.03), 1)], base, h)
    seams = "".join(
        f"M{w / 2 + (i - 6) * w * 0.11:.1f} {base:.1f}L{w / 2 + (i - 6) * w * 0.20:.1f} {h}" for i in range(13)
    )
    seams += "".join(f"M0 {base + (h - base) * t:.1f}H{w}" for t in (0.22, 0.55))
    stage.back.append(rect(0, base, w, h - base, ground) + strokes(seams, shade(pave, -0.10), u * 3))
    for x in rng.random(9).tolist():
        size = u * float(rng.uniform(10, 24))
        blades = "".join(f"M{x * w:.1f} {base + u * 4:.1f}l{d * size * 0.5:.1f} {-size:.1f}" for d in (-1, 0, 1))
        stage.back.append(strokes(blades, palette.lit(palette.grass), u * 4))
    stage.floor_far, stage.floor_near = base + (h - base) * 0.16, h - (h - base) * 0.24


def paris(stage: Stage) -> None:
    """A boulevard of cream houses with slate roofs, trees, and the Eiffel Tower at its end."""
    palette, rng = stage.palette, stage.rng("paris")
    w, h = stage.width, stage.height
    base = stage.horizon + (h - stage.horizon) * 0.10
    tower = base * 0.80
    _eiffel_tower(stage, w * 0.5, base, tower, palette.at(oklch(0.48, 0.035, 60), 0.45))
    for side in (-1, 1):
        for i in range(3):
            near = 1 - i / 2.6
            x = w * 0.5 + side * w * (0.13 + 0.145 * (2 - i))
            _town_house(
                stage,
                rng,
                x - w * 0.085,
                base + h * 0.02 * near,
                w * 0.17,
                base * (0.44 + 0.20 * near),
                0.34 * (1 - near),
                side,
            )
    _boulevard(stage, base)
    crown = palette.foliage
    for x, far in ((0.30, 0.0), (0.70, 0.0), (0.16, 0.5), (0.84, 0.5), (0.0, 1.0), (1.0, 1.0)):
        depth = 0.3 * (1 - far)
        stage.back.append(
            plants.broadleaf(
                rng,
                w * x,
                base + (h - base) * (0.06 + 0.22 * far),
                h * (0.20 + 0.26 * far),
                palette.at(shade(crown, 0.07), depth),
                palette.at(shade(crown, -0.08), depth),
                palette.at(oklch(0.40, 0.05, 55), depth),
                -1 if x < 0.5 else 1,
            )
        )
    city.lamps(stage, base, h - base)
    stage.floor_far, stage.floor_near = base + (h - base) * 0.40, h - (h - base) * 0.14


def _boulevard(stage: Stage, base: float) -> None:
    """A cobbled road between pavements, from the bottom to ``base``."""
    palette = stage.palette
    w, h, u = stage.width, stage.height, stage.unit
    pave, road = palette.lit(oklch(0.74, 0.015, 80)), palette.lit(oklch(0.55, 0.012, 270))
    stage.back.append(rect(0, base, w, h - base, stage.gradient([(0, shade(pave, -0.04), 1), (1, pave, 1)], base, h)))
    stage.back.append(
        polygon(
            [(w * 0.44, base), (w * 0.56, base), (w * 0.95, h), (w * 0.05, h)],
            stage.gradient([(0, mix(road, palette.haze, 0.4), 1), (1, road, 1)], base, h),
        )
    )
    for t in np.linspace(0.08, 0.98, 16).tolist():
        y = base + (h - base) * t**1.6
        half = w * (0.06 + 0.39 * t**1.6)
        stage.back.append(
            strokes(
                f"M{w / 2 - half:.1f} {y:.1f}Q{w / 2:.1f} {y + u * 16 * t:.1f} {w / 2 + half:.1f} {y:.1f}",
                shade(road, -0.07),
                u * (1 + 3 * t),
                0.7,
            )
        )


def _eiffel_tower(stage: Stage, x: float, base: float, tall: float, iron: Rgb) -> None:
    """The tower's outline: four legs, two platforms, a spire."""
    u = stage.unit
    for sign in (-1, 1):
        outer = [(0.235, 0.0), (0.150, 0.26), (0.080, 0.52), (0.030, 0.80), (0.012, 0.95)]
        inner = [(0.012, 0.95), (0.010, 0.62), (0.045, 0.44), (0.075, 0.28), (0.120, 0.12), (0.150, 0.0)]
        stage.back.append(polygon([(x + sign * tall * dx, base - tall * up) for dx, up in (*outer, *inner)], iron))
        legs = "".join(
            f"M{x + sign * tall * dx:.1f} {base - tall * up:.1f}L{x + sign * tall * (dx - 0.05):.1f} {base - tall * (up + 0.10):.1f}"
            for dx, up in ((0.19, 0.04), (0.15, 0.14), (0.11, 0.30))
        )
        stage.back.append(strokes(legs, shade(iron, 0.10), u * 3))
    stage.back.append(
        f'<path d="M{x - tall * 0.15:.1f} {base - tall * 0.06:.1f}Q{x:.1f} {base - tall * 0.30:.1f} {x + tall * 0.15:.1f} {base - tall * 0.06:.1f}" fill="none" stroke="{hexed(iron)}" stroke-width="{u * 9:.1f}"/>'
    )
    stage.back.append(
        polygon(
            [
                (x - tall * 0.030, base - tall * 0.62),
                (x + tall * 0.030, base - tall * 0.62),
                (x + tall * 0.008, base - tall),
                (x - tall * 0.008, base - tall),
            ],
            iron,
        )
    )
    for up, half in ((0.26, 0.165), (0.52, 0.092), (0.86, 0.034)):
        stage.back.append(
            rect(x - tall * half, base - tall * up - u * 9, tall * half * 2, u * 16, shade(iron, -0.04), u * 3)
        )


def _town_house(
    stage: Stage, rng: np.random.Generator, x: float, base: float, wide: float, tall: float, depth: float, side: int
) -> None:
    """Five storeys of stone with shutters and balconies under a mansard roof; side: -1 left of the street, 1 right."""
    palette, u = stage.palette, stage.unit
    stone = palette.at(oklch(float(rng.uniform(0.84, 0.90)), 0.04, float(rng.uniform(70, 90))), depth)
    eaves = base - tall
    roof = tall * 0.20
    stage.back.append(rect(x, eaves, wide, tall + u * 20, stone))
    _mansard(stage, x, eaves, wide, roof, depth)
    stage.back.append(rect(x if side > 0 else x + wide * 0.92, eaves, wide * 0.08, tall + u * 20, shade(stone, -0.08)))
    glass = shade(palette.at(oklch(0.52, 0.03, 240), depth), -0.02)
    _shuttered_windows(stage, rng, x, eaves, wide, tall, stone, glass, depth)
    for column in range(3):
        cx = x + wide * (0.2 + 0.3 * column)
        stage.back.append(
            rect(
                cx - wide * 0.045,
                eaves - roof * 0.72,
                wide * 0.09,
                roof * 0.55,
                glass if not palette.dark else oklch(0.85, 0.11, 85),
                u * 3,
            )
        )
    awning = palette.at(oklch(0.50, 0.13, float(rng.choice([25, 150, 250, 350]))), depth)
    stage.back.append(
        polygon(
            [
                (x, base - tall * 0.07),
                (x + wide, base - tall * 0.07),
                (x + wide + u * 8, base - tall * 0.02),
                (x - u * 8, base - tall * 0.02),
            ],
            awning,
        )
    )


def _mansard(stage: Stage, x: float, eaves: float, wide: float, roof: float, depth: float) -> None:
    """A slate roof with two chimneys; ``roof`` is its height."""
    palette, u = stage.palette, stage.unit
    slate = palette.at(oklch(0.50, 0.035, 255), depth)
    stage.back.append(
        polygon(
            [
                (x - u * 4, eaves),
                (x + wide * 0.10, eaves - roof),
                (x + wide * 0.90, eaves - roof),
                (x + wide + u * 4, eaves),
            ],
            slate,
        )
    )
    for t in (0.2, 0.72):
        stage.back.append(
            rect(x + wide * t, eaves - roof * 1.36, wide * 0.10, roof * 0.5, palette.at(oklch(0.60, 0.09, 40), depth))
        )


def _shuttered_windows(
    stage: Stage,
    rng: np.random.Generator,
    x: float,
    eaves: float,
    wide: float,
    tall: float,
    stone: Rgb,
    glass: Rgb,
    depth: float,
) -> None:
    """Five rows of three windows with shutters, two of the rows on balconies."""
    palette, u = stage.palette, stage.unit
    for row in range(5):
        for column in range(3):
            lit = palette.dark and rng.random() < 0.5
            pane = oklch(0.88, 0.12, 85) if lit else glass
            cx, cy = x + wide * (0.2 + 0.3 * column), eaves + tall * (0.04 + 0.19 * row)
            stage.back.append(rect(cx - wide * 0.055, cy, wide * 0.11, tall * 0.12, pane, u * 2))
            for sign in (-1, 1):
                stage.back.append(
                    rect(cx + sign * wide * 0.078 - wide * 0.02, cy, wide * 0.04, tall * 0.12, shade(stone, 0.05))
                )
        if row in {1, 3}:
            stage.back.append(
                rect(
                    x + wide * 0.06,
                    eaves + tall * (0.155 + 0.19 * row),
                    wide * 0.88,
                    u * 7,
                    palette.at((0.25, 0.25, 0.28), depth),
                )
            )


STREETS = {"paris": paris, "brick wall": brick_wall}
