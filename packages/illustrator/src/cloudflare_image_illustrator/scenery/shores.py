"""Where land meets water: open sea, lake, beach, a cliff above the sea. Each says where feet may stand."""

import numpy as np

from cloudflare_image_illustrator.colour import hexed, oklch, shade
from cloudflare_image_illustrator.scenery import plants, terrain, water
from cloudflare_image_illustrator.scenery.landscapes import TREES, tree_line
from cloudflare_image_illustrator.scenery.stage import Stage, path


def ocean(stage: Stage) -> None:
    """Open water to the horizon; boats float, everything else floats too."""
    water.surface(stage, stage.horizon, stage.height)
    span = stage.height - stage.horizon
    stage.floor_far, stage.floor_near = stage.horizon + span * 0.22, stage.horizon + span * 0.62
    stage.afloat = True


def lake(stage: Stage) -> None:
    """A far shore with trees, still water, a grassy bank in front."""
    palette, rng = stage.palette, stage.rng("lake")
    span = stage.height - stage.horizon
    shore = stage.horizon + span * 0.10
    line = terrain.rolling(stage, rng, stage.horizon + span * 0.02, span * 0.06)
    terrain.band(stage, line, shore + 2, palette.at(palette.grass, 0.5), palette.at(shade(palette.grass, 0.05), 0.65))
    tree_line(
        stage,
        shore,
        stage.horizon * float(rng.uniform(0.16, 0.26)),
        0.5,
        str(rng.choice(["conifer", "broadleaf"])),
        "lake",
        (0.40, 0.58),
    )
    water.surface(stage, shore, stage.horizon + span * 0.78)
    bank = terrain.rolling(stage, rng, stage.horizon + span * 0.62, span * 0.07)
    stage.front_bank = (
        bank,
        palette.lit(shade(palette.grass, -0.06)),
        palette.lit(shade(palette.grass, 0.05)),
    )
    stage.floor_far, stage.floor_near = stage.horizon + span * 0.74, stage.height - span * 0.06
    if stage.boats:
        stage.floor_far, stage.floor_near = shore + span * 0.22, stage.horizon + span * 0.60
        stage.afloat = True


def beach(stage: Stage) -> None:
    """Sea, foam, sand, a palm at the side."""
    palette, rng = stage.palette, stage.rng("beach")
    span = stage.height - stage.horizon
    edge = stage.horizon + span * float(rng.uniform(0.30, 0.40))
    water.surface(stage, stage.horizon, edge + span * 0.06)
    sand = terrain.rolling(stage, rng, edge, span * 0.05, 1.0)
    stage.front_bank = (sand, palette.lit(shade(palette.sand, -0.08)), palette.lit(shade(palette.sand, 0.05)))
    stage.foam = True
    stage.floor_far, stage.floor_near = edge + span * 0.12, stage.height - span * 0.08
    if stage.banished & TREES:
        return
    side = 0.07 if rng.random() < 0.5 else 0.93
    h = stage.height * float(rng.uniform(0.5, 0.68))
    green = oklch(0.56, 0.13, 145)
    lean = 1.0 if side < 0.5 else -1.0
    stage.near.append(
        plants.palm(
            side * stage.width,
            edge + span * 0.3,
            h,
            palette.lit(shade(green, 0.07)),
            palette.lit(shade(green, -0.06)),
            palette.lit(oklch(0.50, 0.06, 60)),
            lean * float(rng.uniform(0.2, 0.9)),
        )
    )


def cliff(stage: Stage) -> None:
    """A headland with grass on its top, its rock falling to the sea on one side."""
    palette, rng = stage.palette, stage.rng("cliff")
    w, h = stage.width, stage.height
    water.surface(stage, stage.horizon, h)
    mirrored = rng.random() < 0.5
    top = stage.horizon + (h - stage.horizon) * 0.10
    edge = terrain.jagged(rng, (w * 0.80, top + h * 0.02), (w * 0.92, h * 1.02), 0.10, 5)
    edge[:, 0] = edge[:, 0].clip(w * 0.70, w * 1.02)
    surface = terrain.jagged(rng, (-w * 0.02, top + h * 0.015), (w * 0.80, top + h * 0.02), 0.012, 4)
    rock = oklch(0.58, 0.04, float(rng.choice([40, 70, 280])))
    lit, dim = palette.lit(shade(rock, 0.08)), palette.lit(shade(rock, -0.13))
    face = stage.gradient([(0, lit, 1), (1, dim, 1)], top, h)
    layers = []
    outline = [*surface.tolist(), *edge.tolist(), [-w * 0.02, h * 1.02]]
    layers.append(f'<path d="{_flipped(outline, w, mirrored)}" fill="{face}"/>')
    for _ in range(9):  # cracks and ledges
        x, y = float(rng.uniform(0.05, 0.78)) * w, float(rng.uniform(0.30, 0.95)) * (h - top) + top
        crack = terrain.jagged(rng, (x, y), (x + w * float(rng.uniform(-0.02, 0.10)), y + h * 0.10), 0.16, 3)
        shape = [*crack.tolist(), *np.add(crack[::-1], [w * 0.02, h * 0.004]).tolist()]
        layers.append(f'<path d="{_flipped(shape, w, mirrored)}" fill="{hexed(dim)}" opacity=".5"/>')
    thick = (h - top) * 0.42
    rim = terrain.jagged(rng, (w * 0.83, top + h * 0.03), (-w * 0.02, top + thick), 0.035, 5)
    green = stage.gradient(
        [(0, palette.lit(shade(palette.grass, 0.04)), 1), (1, palette.lit(shade(palette.grass, -0.07)), 1)],
        top,
        top + thick,
    )
    layers.append(f'<path d="{_flipped([*surface.tolist(), *rim.tolist()], w, mirrored)}" fill="{green}"/>')
    stage.near.extend(layers)
    stage.floor_far, stage.floor_near = top + thick * 0.16, top + thick * 0.46
    stage.ledge = (1 - 0.66, 0.98) if mirrored else (0.02, 0.66)


def _flipped(points: list[list[float]], width: float, mirrored: bool) -> str:
    """Points as SVG path data, mirrored left to right where asked."""
    line = np.array(points, float)
    if mirrored:
        line[:, 0] = width - line[:, 0]
    return path(line)
