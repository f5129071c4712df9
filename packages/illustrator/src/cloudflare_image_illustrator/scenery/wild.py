"""Wild places of a particular kind: waterfall, jungle, iceberg, mud, a pier in the sea."""

import numpy as np

from cloudflare_image_illustrator.colour import Rgb, hexed, mix, oklch, shade
from cloudflare_image_illustrator.scenery import landscapes, plants, terrain, water
from cloudflare_image_illustrator.scenery.shapes import ellipse, polygon, rect, strokes
from cloudflare_image_illustrator.scenery.stage import Stage, path


def waterfall(stage: Stage) -> None:
    """Water falling over a rock face into a pool, with a bank in front."""
    palette, rng = stage.palette, stage.rng("waterfall")
    w, h = stage.width, stage.height
    span = h - stage.horizon
    shore, crest = stage.horizon + span * 0.16, h * 0.16
    rock = palette.at(oklch(0.50, 0.035, float(rng.choice([60, 90, 260]))), 0.15)
    x, half = w * float(rng.uniform(0.40, 0.60)), w * 0.11
    _cliff(stage, rng, rock, x, half, crest, shore)
    white = palette.lit((0.97, 0.99, 1.0))
    _falling_water(stage, rng, white, x, half, crest + h * 0.035, shore)
    _bushes_beside(stage, rng, x, half, crest, shore)
    water.surface(stage, shore, stage.horizon + span * 0.80)
    bank = terrain.rolling(stage, rng, stage.horizon + span * 0.66, span * 0.05)
    green = palette.lit(shade(palette.grass, -0.02))
    stage.front_bank = (bank, shade(green, -0.06), shade(green, 0.04))
    for i in range(11):
        t = (i - 5) / 5
        stage.near.append(
            ellipse(
                x + half * 1.5 * t, shore + span * 0.012, half * 0.34, span * 0.045 * (1.2 - abs(t) * 0.5), white, 0.85
            )
        )
    mist = stage.glow([(0, white, 0.65), (1, white, 0)], x, shore, half * 2.4)
    stage.near.append(ellipse(x, shore, half * 2.4, half * 1.5, mist))
    if stage.kinds.get("forest") == "jungle":
        _fronds(stage, rng)
    stage.floor_far, stage.floor_near = stage.horizon + span * 0.76, h - span * 0.06
    if stage.boats:
        stage.floor_far, stage.floor_near = shore + span * 0.22, stage.horizon + span * 0.60
        stage.afloat = True


def _cliff(
    stage: Stage, rng: np.random.Generator, rock: Rgb, x: float, half: float, crest: float, shore: float
) -> None:
    """Two layers of rock with cracks beside the water, which falls at ``x`` and is twice ``half`` wide."""
    w, h, u = stage.width, stage.height, stage.unit
    for layer, (lift, tone) in enumerate(((0.0, 0.05), (0.10, -0.03))):
        edge = terrain.jagged(rng, (-w * 0.02, crest + h * (0.06 + lift)), (x, crest + h * lift * 0.3), 0.07, 4)
        back = terrain.jagged(rng, (x, crest + h * lift * 0.3), (w * 1.02, crest + h * (0.05 + lift)), 0.07, 4)
        outline = np.concatenate([edge, back, [[w * 1.02, shore + 4], [-w * 0.02, shore + 4]]])
        lit = shade(rock, tone + 0.04)
        fill = stage.gradient([(0, lit, 1), (1, shade(lit, -0.12), 1)], crest, shore)
        stage.back.append(f'<path d="{path(outline)}" fill="{fill}"/>')
        for _ in range(16):
            cx, cy = float(rng.uniform(0, 1)) * w, crest + (shore - crest) * float(rng.uniform(0.25, 0.9))
            crack = terrain.jagged(rng, (cx, cy), (cx + w * float(rng.uniform(-0.03, 0.03)), cy + h * 0.09), 0.18, 3)
            if layer and abs(cx - x) > half * 1.2:
                stage.back.append(strokes(path(crack, close=False), shade(rock, -0.13), u * 5, 0.6))


def _falling_water(
    stage: Stage, rng: np.random.Generator, white: Rgb, x: float, half: float, top: float, shore: float
) -> None:
    """The water from ``top`` to ``shore``, with streaks."""
    h, u = stage.height, stage.unit
    blue = stage.palette.lit(oklch(0.80, 0.065, 225))
    fall = stage.gradient([(0, mix(blue, white, 0.5), 1), (0.5, white, 1), (1, white, 1)], top, shore)
    stage.back.append(
        f'<path d="M{x - half * 0.8:.1f} {top:.1f}Q{x:.1f} {top - h * 0.015:.1f} {x + half * 0.8:.1f} {top:.1f}L{x + half * 1.15:.1f} {shore:.1f}H{x - half * 1.15:.1f}z" fill="{fall}"/>'
    )
    streaks = "".join(
        f"M{x + half * t:.1f} {top + h * float(rng.uniform(0.02, 0.2)):.1f}L{x + half * t * 1.3:.1f} {shore - h * float(rng.uniform(0.02, 0.16)):.1f}"
        for t in np.linspace(-0.72, 0.72, 13).tolist()
    )
    stage.back.append(strokes(streaks, blue, u * 7, 0.75))


def _bushes_beside(stage: Stage, rng: np.random.Generator, x: float, half: float, crest: float, shore: float) -> None:
    """Bushes on the rock, none in the water."""
    palette, w, h = stage.palette, stage.width, stage.height
    lush = shade(palette.foliage, 0.02, 1.1)
    for _ in range(26):
        cx = float(rng.uniform(0, 1)) * w
        if abs(cx - x) < half * 1.5:
            continue
        cy = crest + h * float(rng.choice([rng.uniform(0.03, 0.13), rng.uniform(0.28, 0.5)]))
        depth = 0.25 * float(rng.random())
        stage.back.append(
            plants.bush(
                rng,
                cx,
                min(cy, shore),
                h * float(rng.uniform(0.03, 0.06)),
                palette.at(shade(lush, 0.08), depth),
                palette.at(shade(lush, -0.07), depth),
            )
        )


def _fronds(stage: Stage, rng: np.random.Generator) -> None:
    """Palms at both sides, large leaves in the lower corners and creepers from above, before the scenery."""
    palette, w, h, u = stage.palette, stage.width, stage.height, stage.unit
    green = oklch(0.55, 0.13, 148)
    for x, lean, tall in ((0.05, 0.7, 0.66), (0.95, -0.7, 0.72), (0.20, -0.4, 0.46)):
        tone = float(rng.uniform(-0.02, 0.03))
        stage.near.append(
            plants.palm(
                x * w,
                h * 0.88,
                h * tall,
                palette.lit(shade(green, 0.07 + tone)),
                palette.lit(shade(green, -0.07 + tone)),
                palette.lit(oklch(0.44, 0.06, 60)),
                lean,
            )
        )
    for x in (0.02, 0.13, 0.30, 0.70, 0.86, 0.97):
        long = h * float(rng.uniform(0.10, 0.42))
        swing = w * float(rng.uniform(-0.03, 0.03))
        stage.near.append(
            strokes(
                f"M{x * w:.1f} 0q{swing:.1f} {long * 0.6:.1f} {-swing * 0.4:.1f} {long:.1f}",
                palette.lit(shade(green, -0.12)),
                u * 7,
            )
        )
        for t in np.arange(0.2, 1.0, 0.16).tolist():
            stage.near.append(
                ellipse(x * w + swing * t * 0.6 + u * 9, long * t, u * 14, u * 8, palette.lit(shade(green, -0.02)))
            )
    for x in (-0.02, 1.02):
        inward = 1 if x < 0.5 else -1
        for i, angle in enumerate((8, 30, 52, 74)):
            a = np.radians(angle)
            long = h * float(rng.uniform(0.24, 0.34))
            ex, ey = x * w + inward * np.cos(a) * long, h * 1.0 - np.sin(a) * long
            bend = long * 0.20
            leaf = palette.lit(shade(green, -0.10 + 0.035 * i))
            nx, ny = np.sin(a) * bend * inward, np.cos(a) * bend
            mx, my = (x * w + ex) / 2, (h + ey) / 2
            stage.near.append(
                f'<path d="M{x * w:.1f} {h:.1f}Q{mx + nx:.1f} {my + ny:.1f} {ex:.1f} {ey:.1f}Q{mx - nx:.1f} {my - ny:.1f} {x * w:.1f} {h:.1f}z" fill="{hexed(leaf)}"/>'
            )
            stage.near.append(strokes(f"M{x * w:.1f} {h:.1f}L{ex:.1f} {ey:.1f}", shade(leaf, 0.08), u * 4))


def jungle(stage: Stage) -> None:
    """A rainforest: dense broad crowns in the haze, palms, creepers, large leaves."""
    landscapes.forest(stage)
    _fronds(stage, stage.rng("jungle"))


def iceberg(stage: Stage) -> None:
    """The polar sea with icebergs; in front one with an even top, on which things stand."""
    palette, rng = stage.palette, stage.rng("iceberg")
    w, h = stage.width, stage.height
    span = h - stage.horizon
    ice, blue = palette.lit(oklch(0.96, 0.018, 220)), palette.lit(oklch(0.76, 0.075, 225))
    _distant_icebergs(stage, rng, ice, blue)
    water.surface(stage, stage.horizon, h)
    far, near = stage.horizon + span * 0.30, stage.horizon + span * 0.66
    left, right = w * 0.06, w * 0.94
    surface = terrain.jagged(rng, (left + w * 0.08, far), (right - w * 0.07, far), 0.02, 4)
    lip = terrain.jagged(rng, (right, near - span * 0.06), (left, near), 0.03, 4)
    foot = [(right - w * 0.05, h * 0.93), (w * 0.62, h * 0.99), (w * 0.36, h * 0.965), (left + w * 0.05, h * 0.95)]
    side = stage.gradient([(0, mix(ice, blue, 0.45), 1), (1, blue, 1)], near, h)
    stage.near.append(ellipse(w * 0.5, h * 0.955, w * 0.47, span * 0.085, palette.lit(oklch(0.86, 0.06, 210)), 0.55))
    stage.near.append(f'<path d="{path(np.concatenate([lip[::-1], np.array(foot)]))}" fill="{side}"/>')
    for t in (0.2, 0.42, 0.67, 0.85):
        x = left + (right - left) * t
        stage.near.append(
            polygon(
                [(x, near), (x + w * 0.07, near - span * 0.01), (x + w * 0.05, h * 0.95), (x + w * 0.015, h * 0.95)],
                shade(blue, 0.06),
                0.7,
            )
        )
    cover = stage.gradient([(0, mix(ice, blue, 0.12), 1), (1, ice, 1)], far, near)
    stage.near.append(f'<path d="{path(np.concatenate([surface, lip]))}" fill="{cover}"/>')
    stage.floor_far, stage.floor_near = far + (near - far) * 0.30, near - (near - far) * 0.12
    stage.ledge = (0.18, 0.82)


def _distant_icebergs(stage: Stage, rng: np.random.Generator, ice: Rgb, blue: Rgb) -> None:
    """Three icebergs at the horizon, each with a shaded side."""
    palette, w, h = stage.palette, stage.width, stage.height
    base = stage.horizon + (h - stage.horizon) * 0.03
    for x, tall in ((0.12, 0.20), (0.84, 0.26), (0.52, 0.10)):
        cx, top = w * (x + float(rng.uniform(-0.05, 0.05))), h * tall * float(rng.uniform(0.8, 1.1))
        peak = cx + w * float(rng.uniform(-0.03, 0.03))
        pale = mix(ice, palette.haze, 0.35)
        stage.back.append(
            polygon(
                [
                    (cx - top * 0.75, base),
                    (cx - top * 0.3, base - top * 0.7),
                    (peak, base - top),
                    (cx + top * 0.35, base - top * 0.55),
                    (cx + top * 0.8, base),
                ],
                pale,
            )
        )
        stage.back.append(
            polygon(
                [
                    (peak, base - top),
                    (cx + top * 0.35, base - top * 0.55),
                    (cx + top * 0.8, base),
                    (cx + top * 0.1, base),
                ],
                mix(blue, palette.haze, 0.35),
            )
        )


def mud(stage: Stage) -> None:
    """A farmyard of wet mud with puddles."""
    palette, rng = stage.palette, stage.rng("mud")
    terrain.hills(stage, palette.grass, 3)
    w, h = stage.width, stage.height
    span = h - stage.horizon
    soil = palette.lit(oklch(0.46, 0.06, 55))
    line = terrain.rolling(stage, rng, stage.horizon + span * 0.26, span * 0.03)
    terrain.band(stage, line, h, shade(soil, -0.07), shade(soil, 0.05))
    for x, t in rng.random((12, 2)).tolist():
        y = stage.horizon + span * (0.36 + 0.60 * t)
        stage.back.append(
            ellipse(x * w, y, stage.unit * (40 + 90 * t), stage.unit * (7 + 16 * t), shade(soil, -0.09), 0.8)
        )
        if x > 0.4:
            stage.back.append(
                ellipse(
                    x * w,
                    y,
                    stage.unit * (28 + 70 * t),
                    stage.unit * (4 + 10 * t),
                    mix(soil, palette.middle, 0.45),
                    0.85,
                )
            )
    for x in rng.random(16).tolist():
        y = stage.horizon + span * float(rng.uniform(0.3, 0.98))
        stage.back.append(ellipse(x * w, y, stage.unit * 14, stage.unit * 8, shade(soil, 0.05)))
    stage.floor_far, stage.floor_near = stage.horizon + span * 0.42, h - span * 0.12


def pier(stage: Stage) -> None:
    """Open water, and a wooden pier on posts on which things stand."""
    palette, rng = stage.palette, stage.rng("pier")
    w, h, u = stage.width, stage.height, stage.unit
    span = h - stage.horizon
    water.surface(stage, stage.horizon, h)
    far, near = stage.horizon + span * 0.34, stage.horizon + span * 0.84
    wood = palette.lit(oklch(0.60, 0.075, 62))
    for x in (0.16, 0.38, 0.62, 0.84):
        post = rect(w * x - u * 22, far + u * 10, u * 44, h - far, shade(wood, -0.20), u * 10)
        stage.near.append(post + rect(w * x - u * 22, far + u * 10, u * 14, h - far, shade(wood, -0.12), u * 6))
    deck = stage.gradient([(0, shade(wood, 0.02), 1), (1, shade(wood, 0.07), 1)], far, near)
    stage.near.append(polygon([(w * 0.10, far), (w * 0.90, far), (w * 1.04, near), (-w * 0.04, near)], deck))
    seams = "".join(
        f"M{w * (0.10 + 0.80 * t):.1f} {far:.1f}L{w * (-0.04 + 1.08 * t):.1f} {near:.1f}"
        for t in np.linspace(0.07, 0.93, 13).tolist()
    )
    stage.near.append(strokes(seams, shade(wood, -0.12), u * 3))
    stage.near.append(rect(-w * 0.04, near, w * 1.08, span * 0.055, shade(wood, -0.13), u * 3))
    for x in (0.07, 0.93):
        y = (far + near) / 2
        stage.near.append(rect(w * x - u * 18, y - span * 0.16, u * 36, span * 0.20, shade(wood, -0.16), u * 12))
        stage.near.append(ellipse(w * x, y - span * 0.155, u * 18, u * 7, shade(wood, 0.02)))
    for _ in range(5):
        x, t = float(rng.uniform(0.1, 0.9)), float(rng.uniform(0.2, 0.9))
        stage.near.append(ellipse(w * x, far + (near - far) * t, u * 7, u * 3, shade(wood, -0.15)))
    stage.floor_far, stage.floor_near = far + (near - far) * 0.30, near - (near - far) * 0.14
    if stage.boats:
        stage.floor_far, stage.floor_near = stage.horizon + span * 0.14, stage.horizon + span * 0.30
        stage.afloat = True


WILD = {"pier": pier, "waterfall": waterfall, "jungle": jungle, "iceberg": iceberg, "mud": mud}
