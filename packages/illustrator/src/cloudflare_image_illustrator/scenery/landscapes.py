"""Open-air settings: each function builds one kind of land under a painted sky and says where feet may stand."""

import numpy as np

from cloudflare_image_illustrator.colour import Rgb, hexed, mix, oklch, shade
from cloudflare_image_illustrator.scenery import plants, terrain
from cloudflare_image_illustrator.scenery.stage import Stage, path

# Words for the props: one that the prompt draws itself, or refuses, is not added again.
TREES = frozenset({"tree", "trees", "deciduous tree", "evergreen tree", "palm tree", "palm", "christmas tree"})
FLOWERS = frozenset({"flower", "flowers", "sunflower", "tulip", "rose", "blossom", "hibiscus", "bouquet"})


def _trunk(stage: Stage, depth: float) -> Rgb:
    return stage.palette.at(oklch(0.42, 0.06, 55), depth)


def _foliage(stage: Stage, rng: np.random.Generator, depth: float) -> tuple[Rgb, Rgb]:
    """A tree's lit and shaded colours at a depth."""
    base = shade(stage.palette.foliage, float(rng.uniform(-0.03, 0.03)), 1.0, float(rng.uniform(-14, 14)))
    return stage.palette.at(shade(base, 0.09), depth), stage.palette.at(shade(base, -0.09), depth)


def tree_line(
    stage: Stage,
    y: float,
    h: float,
    depth: float,
    kind: str,
    name: str,
    gap: tuple[float, float] | None = None,
) -> None:
    """A row of trees along a level; gap (left, right) in widths is kept open."""
    rng = stage.rng("treeline", name)
    snowy = (
        stage.palette.at(stage.palette.snow, depth * 0.6) if stage.season == "winter" and kind == "conifer" else None
    )
    x = -h * 0.2
    left = stage.sun[0] < stage.width / 2
    while x < stage.width + h * 0.2:
        tall = h * float(rng.uniform(0.72, 1.15))
        if gap is None or not gap[0] < x / stage.width < gap[1]:
            lit, dim = _foliage(stage, rng, depth)
            foot = y + float(rng.uniform(-0.03, 0.05)) * h
            if kind == "conifer":
                stage.back.append(plants.conifer(x, foot, tall, lit, dim, left, snowy))
            else:
                stage.back.append(
                    plants.broadleaf(rng, x, foot, tall * 0.9, lit, dim, _trunk(stage, depth), -1 if left else 1)
                )
        x += tall * float(rng.uniform(0.26, 0.5) if kind == "conifer" else rng.uniform(0.42, 0.75))


def meadow(stage: Stage) -> None:
    """Hills with scattered trees, grass and, outside winter, flowers."""
    palette, rng = stage.palette, stage.rng("meadow")
    wintry = stage.season == "winter"
    terrain.hills(stage, palette.grass)
    span = stage.height - stage.horizon
    kind = str(rng.choice(["conifer", "broadleaf", "mixed"]))
    left = stage.sun[0] < stage.width / 2
    for i in range(0 if stage.banished & TREES else int(rng.integers(3, 8))):
        x = float(rng.choice([rng.uniform(-0.02, 0.26), rng.uniform(0.74, 1.02)])) * stage.width
        far = float(rng.uniform(0, 1))
        y = stage.horizon + span * (0.08 + 0.16 * far)
        h = span * (0.22 + 0.32 * far)
        lit, dim = _foliage(stage, rng, 0.5 - 0.35 * far)
        if kind == "conifer" or (kind == "mixed" and i % 2):
            stage.back.append(plants.conifer(x, y, h, lit, dim, left, palette.lit(palette.snow) if wintry else None))
        elif not wintry:
            stage.back.append(plants.broadleaf(rng, x, y, h, lit, dim, _trunk(stage, 0.3), -1 if left else 1))
    if not wintry:
        stage.back.append(
            plants.tufts(stage, palette.lit(shade(palette.grass, -0.08)), 60, stage.floor_far, stage.height)
        )
        if stage.season != "autumn" and not stage.banished & FLOWERS:
            stage.back.append(plants.flowers(stage, int(rng.integers(18, 70)), stage.floor_far, stage.height))


def hills(stage: Stage) -> None:
    terrain.hills(stage, stage.palette.grass, 4)
    stage.back.append(
        plants.tufts(stage, stage.palette.lit(shade(stage.palette.grass, -0.08)), 50, stage.floor_far, stage.height)
    )


def snowfield(stage: Stage) -> None:
    """Snow hills, firs with snow on their tiers, soft blue hollows."""
    palette, rng = stage.palette, stage.rng("snowfield")
    terrain.hills(stage, palette.snow)
    span = stage.height - stage.horizon
    left = stage.sun[0] < stage.width / 2
    fir = oklch(0.45, 0.07, 190)
    for _ in range(0 if stage.banished & TREES else int(rng.integers(5, 11))):
        x = float(rng.choice([rng.uniform(-0.02, 0.3), rng.uniform(0.7, 1.02)])) * stage.width
        far = float(rng.uniform(0, 1))
        y, h = stage.horizon + span * (0.06 + 0.17 * far), span * (0.26 + 0.40 * far)
        depth = 0.55 - 0.4 * far
        stage.back.append(
            plants.conifer(
                x,
                y,
                h,
                palette.at(shade(fir, 0.07), depth),
                palette.at(shade(fir, -0.05), depth),
                left,
                palette.at(palette.snow, depth * 0.5),
            )
        )
    blue = palette.lit(oklch(0.86, 0.035, 245))
    for x, t in rng.random((7, 2)).tolist():
        y = stage.floor_far + (stage.height - stage.floor_far) * t
        stage.back.append(
            f'<ellipse cx="{x * stage.width:.1f}" cy="{y:.1f}" rx="{stage.unit * (60 + 150 * t):.1f}" ry="{stage.unit * (5 + 13 * t):.1f}" fill="{hexed(blue)}" opacity=".5"/>'
        )


def forest(stage: Stage) -> None:
    """Rows of trees fading into haze, a clearing in front, trunks that frame it."""
    palette, rng = stage.palette, stage.rng("forest")
    kind = "conifer" if stage.season == "winter" else str(rng.choice(["conifer", "broadleaf", "broadleaf"]))
    span = stage.height - stage.horizon
    tall = stage.height * 0.50
    behind = palette.at(shade(palette.foliage, 0.04), 0.72)
    terrain.band(
        stage,
        terrain.rolling(stage, rng, stage.horizon - tall * 0.16, tall * 0.05, 2.0),
        stage.horizon + span * 0.3,
        behind,
        palette.at(palette.foliage, 0.9),
    )
    for row in range(4):
        depth = 0.86 - 0.24 * row
        opening = (0.34 + 0.02 * row, 0.66 - 0.02 * row) if row >= 2 else None
        y = stage.horizon + span * (0.02 + 0.07 * row)
        tree_line(stage, y, tall * (0.62 + 0.20 * row), depth, kind, f"forest{row}", opening)
        mist = stage.gradient([(0, palette.haze, 0), (1, palette.haze, 0.42 - 0.08 * row)], y - tall * 0.4, y)
        stage.back.append(
            f'<rect x="0" y="{y - tall * 0.4:.1f}" width="{stage.width}" height="{tall * 0.4:.1f}" fill="{mist}"/>'
        )
    floor = shade(mix(palette.grass, palette.foliage, 0.5), -0.04)
    if stage.season == "winter":
        floor = palette.snow
    line = terrain.rolling(stage, rng, stage.horizon + span * 0.24, span * 0.04)
    terrain.band(stage, line, stage.height, palette.lit(shade(floor, -0.10)), palette.at(shade(floor, 0.05), 0.3))
    stage.floor_far, stage.floor_near = stage.horizon + span * 0.36, stage.height - span * 0.10
    _sunbeams(stage)
    if stage.season != "winter":
        stage.back.append(plants.tufts(stage, palette.lit(shade(floor, -0.07)), 70, stage.floor_far, stage.height))
    _framing_trees(stage, rng, kind)


def _framing_trees(stage: Stage, rng: np.random.Generator, kind: str) -> None:
    """A near tree at either edge of the picture."""
    for x in (-0.01, 1.01):
        lit, dim = _foliage(stage, rng, 0.0)
        if kind == "broadleaf":
            stage.back.append(
                plants.broadleaf(
                    rng,
                    x * stage.width,
                    stage.height * 0.93,
                    stage.height * 0.95,
                    shade(lit, -0.08),
                    shade(dim, -0.1),
                    _trunk(stage, 0.0),
                    1 if x < 0.5 else -1,
                )
            )
        else:
            stage.back.append(
                plants.conifer(
                    x * stage.width,
                    stage.height * 0.93,
                    stage.height * 0.98,
                    shade(lit, -0.08),
                    shade(dim, -0.1),
                    x > 0.5,
                )
            )


def _sunbeams(stage: Stage) -> None:
    if stage.palette.dark or stage.weather:
        return
    rng = stage.rng("beams")
    sx, sy = stage.sun[0], -stage.height * 0.1
    for _ in range(5):
        x = float(rng.uniform(0.1, 0.9)) * stage.width
        half = stage.width * float(rng.uniform(0.02, 0.05))
        paint = stage.gradient([(0, stage.palette.sun, 0.30), (1, stage.palette.sun, 0)], 0, stage.height * 0.86)
        stage.back.append(
            f'<path d="M{sx - half * 0.3:.1f} {sy:.1f}L{x - half:.1f} {stage.height * 0.86:.1f}H{x + half * 1.6:.1f}L{sx + half * 0.3:.1f} {sy:.1f}z" fill="{paint}"/>'
        )


def desert(stage: Stage) -> None:
    """Mesas at the horizon, dunes with a lit and a shaded side, cacti."""
    palette, rng = stage.palette, stage.rng("desert")
    span = stage.height - stage.horizon
    rock = oklch(0.60, 0.11, 45)
    if rng.random() < 0.6:
        for _ in range(3):
            x, w, h = (
                float(rng.uniform(0, 1)) * stage.width,
                stage.width * float(rng.uniform(0.08, 0.2)),
                stage.horizon * float(rng.uniform(0.10, 0.26)),
            )
            y = stage.horizon + span * 0.06
            lit, dim = palette.at(shade(rock, 0.06), 0.6), palette.at(shade(rock, -0.08), 0.6)
            stage.back.append(
                f'<path d="M{x - w * 0.62:.1f} {y:.1f}L{x - w * 0.5:.1f} {y - h:.1f}H{x + w * 0.5:.1f}L{x + w * 0.62:.1f} {y:.1f}z" fill="{hexed(lit)}"/>'
                f'<path d="M{x + w * 0.15:.1f} {y:.1f}L{x + w * 0.2:.1f} {y - h:.1f}H{x + w * 0.5:.1f}L{x + w * 0.62:.1f} {y:.1f}z" fill="{hexed(dim)}"/>'
            )
    for row in range(4):
        share = row / 3
        depth = 0.62 * (1 - share)
        y = stage.horizon + span * (0.04 + 0.26 * share)
        line = terrain.rolling(stage, rng, y, span * 0.12, float(rng.uniform(1.0, 2.4)))
        lit = palette.at(shade(palette.sand, 0.03 - 0.03 * share), depth)
        terrain.band(stage, line, stage.height, palette.at(shade(palette.sand, -0.07), depth), lit)
        _dune_shade(stage, line, depth, y, span)
    stage.floor_far, stage.floor_near = stage.horizon + span * 0.42, stage.height - span * 0.12
    green = oklch(0.56, 0.10, 150)
    for x in () if "cactus" in stage.banished else (float(rng.uniform(0.04, 0.2)), float(rng.uniform(0.8, 0.96))):
        far = float(rng.uniform(0, 1))
        h = stage.height * (0.13 + 0.12 * far)
        depth = 0.35 - 0.25 * far
        stage.back.append(
            plants.cactus(
                x * stage.width,
                stage.horizon + span * (0.26 + 0.16 * far),
                h,
                palette.at(shade(green, 0.08), depth),
                palette.at(shade(green, -0.04), depth),
            )
        )


def _dune_shade(stage: Stage, line: np.ndarray, depth: float, y: float, span: float) -> None:
    """The lee side of the highest crest of a dune row."""
    crest = int(line[:, 1].argmin())
    away = 1 if stage.sun[0] < line[crest, 0] else -1
    stop = int(np.clip(crest + away * 12, 0, len(line) - 1))
    ridge = line[min(crest, stop) : max(crest, stop) + 1]
    if len(ridge) < 3:
        return
    low = np.array([[line[crest, 0] + away * stage.width * 0.04, y + span * 0.34]])
    outline = np.concatenate([ridge, low])
    colour = stage.palette.at(shade(stage.palette.sand, -0.12), depth)
    paint = stage.gradient([(0, colour, 0.75), (1, colour, 0)], float(ridge[:, 1].min()), y + span * 0.34)
    stage.back.append(f'<path d="{path(outline)}" fill="{paint}"/>')


def clouds(stage: Stage) -> None:
    """High in the air: banks of cloud below, nothing to stand on."""
    rng = stage.rng("cloudscape")
    white = stage.palette.lit((1.0, 1.0, 1.0))
    for row in range(3):
        y = stage.height * (0.66 + 0.13 * row)
        depth = 0.7 - 0.35 * row
        colour = stage.palette.at(white, depth * 0.7)
        low = mix(colour, stage.palette.middle, 0.42)
        fill = stage.gradient([(0, low, 1), (1, mix(low, colour, 0.5), 1)], y, y + stage.height * 0.2)
        stage.back.append(
            f'<rect x="0" y="{y + stage.unit * 30:.1f}" width="{stage.width}" height="{stage.height:.1f}" fill="{fill}"/>'
        )
        for x in np.linspace(-0.05, 1.05, 8):
            r = stage.unit * (85 + 40 * row) * float(rng.uniform(0.7, 1.3))
            cx, cy = (
                x * stage.width + float(rng.uniform(-30, 30)) * stage.unit,
                y + float(rng.uniform(-25, 25)) * stage.unit,
            )
            paint = stage.glow(
                [(0, colour, 1), (0.75, mix(colour, low, 0.45), 1), (1, low, 1)], cx, cy - r * 0.5, r * 1.6
            )
            stage.back.append(f'<circle cx="{cx:.1f}" cy="{cy:.1f}" r="{r:.1f}" fill="{paint}"/>')
    stage.floating = True


def cave(stage: Stage) -> None:
    """A rock hall open to the light at its far end: rings of rock, each nearer one darker."""
    rng = stage.rng("cave")
    warm = float(rng.choice([55, 40, 270, 210]))
    light = stage.glow(
        [(0, stage.palette.low, 0.9), (0.5, stage.palette.low, 0.35), (1, stage.palette.low, 0)],
        stage.width * 0.5,
        stage.height * 0.46,
        stage.width * 0.5,
    )
    floor_far, floor_near = oklch(0.52, 0.05, warm), oklch(0.30, 0.045, warm)
    for row in range(4):
        colour = shade(oklch(0.56, 0.05, warm), -0.095 * row)
        inset = 0.10 + 0.115 * row
        angles = np.linspace(0, 2 * np.pi, 40)[:-1]
        wobble = rng.uniform(0.90, 1.10, len(angles))
        points = np.stack(
            [
                stage.width * (0.5 + np.cos(angles) * (0.08 + inset) * wobble),
                stage.height * (0.46 + np.sin(angles) * (0.12 + inset) * wobble),
            ],
            1,
        )
        paint = stage.glow(
            [(0, shade(colour, 0.08), 1), (1, shade(colour, -0.08), 1)],
            stage.width / 2,
            stage.height * 0.46,
            stage.width * 0.75,
        )
        stage.back.append(
            f'<path fill-rule="evenodd" d="M-9 -9H{stage.width + 9}V{stage.height + 9}H-9z{path(points)}" fill="{paint}"/>'
        )
    floor = stage.gradient([(0, floor_far, 1), (1, floor_near, 1)], stage.height * 0.68, stage.height)
    line = terrain.rolling(stage, rng, stage.height * 0.70, stage.height * 0.02)
    stage.back.append(
        f'<path d="{path(np.concatenate([line, [[stage.width + 10, stage.height], [-10, stage.height]]]))}" fill="{floor}"/>'
    )
    stage.back.append(f'<rect width="{stage.width}" height="{stage.height}" fill="{light}" opacity=".5"/>')
    stage.floor_far, stage.floor_near = stage.height * 0.76, stage.height * 0.92
