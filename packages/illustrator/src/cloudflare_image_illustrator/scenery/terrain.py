"""Land: mountains, hills, dunes, and the ground that figures stand on. Everything here is SVG on the back layer."""

import numpy as np
from numpy.typing import NDArray

from cloudflare_image_illustrator.colour import Rgb, hexed, mix, shade
from cloudflare_image_illustrator.scenery.stage import Stage, path

Points = NDArray[np.float64]


def jagged(
    rng: np.random.Generator,
    start: tuple[float, float],
    end: tuple[float, float],
    rough: float,
    depth: int = 4,
) -> Points:
    """A line from start to end broken by midpoint displacement."""
    points = np.array([start, end], float)
    for level in range(depth):
        middle = (points[:-1] + points[1:]) / 2
        length = np.linalg.norm(points[1:] - points[:-1], axis=1)
        middle += rng.normal(0, rough, middle.shape) * length[:, None] * (0.9**level)
        woven = np.empty((len(points) + len(middle), 2))
        woven[::2], woven[1::2] = points, middle
        points = woven
    return points


def mountains(stage: Stage, base: float, rows: int = 2) -> None:
    """Rows of peaks with a lit and a shaded face and snow on the high ones, the far row first."""
    rng = stage.rng("mountains")
    character = float(rng.uniform(0.6, 1.0))
    for row in range(rows):
        depth = 0.82 - 0.36 * row / max(rows - 1, 1)
        height = stage.horizon * (0.46 + 0.22 * character) * (1.0 - 0.30 * row)
        count = max(2, round(stage.width / height * (1.25 + 0.35 * row)))
        order = np.argsort(rng.random(count))
        for i in order.tolist():
            x = (i + 0.5 + float(rng.uniform(-0.35, 0.35))) / count * stage.width
            tall = height * float(rng.uniform(0.55, 1.0))
            if stage.time in {"dawn", "sunset"} and abs(x - stage.sun[0]) < stage.width * 0.17:
                tall *= 0.55  # a pass between the peaks, so that the low sun is seen
            wide = tall * float(rng.uniform(0.85, 1.2))
            _peak(stage, rng, x, base, tall, wide, depth)
    mist = stage.gradient(
        [(0, stage.palette.haze, 0), (1, stage.palette.haze, 0.75)], base - stage.horizon * 0.22, base
    )
    stage.back.append(
        f'<rect x="0" y="{base - stage.horizon * 0.22:.1f}" width="{stage.width}" height="{stage.horizon * 0.22 + 2:.1f}" fill="{mist}"/>'
    )


def _peak(
    stage: Stage, rng: np.random.Generator, x: float, base: float, tall: float, wide: float, depth: float
) -> None:
    palette = stage.palette
    top = (x, base - tall)
    left = jagged(rng, (x - wide, base), top, 0.07)
    right = jagged(rng, top, (x + wide, base), 0.07)
    ridge = jagged(rng, top, (x + float(rng.uniform(-0.25, 0.25)) * wide, base), 0.10)
    sunny = palette.at(shade(palette.rock, 0.16), depth)
    shady = palette.at(shade(palette.rock, -0.04), depth)
    light_left = stage.sun[0] < x
    faces = ((left, True), (right, False))
    for edge, is_left in faces:
        lit = is_left == light_left
        colour = sunny if lit else shady
        outline = np.concatenate([edge, ridge[::-1]] if is_left else [ridge[::-1], edge])
        paint = stage.gradient([(0, colour, 1), (1, mix(colour, palette.haze, 0.55), 1)], base - tall, base)
        stage.back.append(f'<path d="{path(outline)}" fill="{paint}"/>')
    if tall > stage.horizon * 0.26 and stage.season != "summer_bare":
        _snow_cap(stage, rng, left, right, ridge, tall, base, depth, light_left)


def _snow_cap(
    stage: Stage,
    rng: np.random.Generator,
    left: Points,
    right: Points,
    ridge: Points,
    tall: float,
    base: float,
    depth: float,
    light_left: bool,
) -> None:
    line = base - tall * float(rng.uniform(0.58, 0.70))
    for edge, is_left in ((left[::-1], True), (right, False)):
        upper = edge[edge[:, 1] < line]
        spine = ridge[ridge[:, 1] < line]
        if len(upper) < 2 or len(spine) < 2:
            continue
        start, end = upper[-1], spine[-1]
        teeth = 5
        zigzag = np.linspace(start, end, teeth + 2)[1:-1]
        zigzag[:, 1] += np.where(np.arange(teeth) % 2, -1, 1) * tall * rng.uniform(0.02, 0.07, teeth)
        white = stage.palette.at(
            stage.palette.snow if is_left == light_left else shade(stage.palette.snow, -0.16, 2.5),
            depth * 0.75,
        )
        outline = np.concatenate([upper, zigzag, spine[::-1]])
        stage.back.append(f'<path d="{path(outline)}" fill="{hexed(white)}"/>')


def rolling(stage: Stage, rng: np.random.Generator, y: float, swing: float, waves: float = 1.6) -> Points:
    """A smooth skyline across the picture: x, y points from left to right."""
    x = np.linspace(-10, stage.width + 10, 49)
    t = x / stage.width * 2 * np.pi
    phases = rng.uniform(0, 2 * np.pi, 3)
    line = y + swing * (
        0.6 * np.sin(t * waves * 0.5 + phases[0])
        + 0.28 * np.sin(t * waves + phases[1])
        + 0.12 * np.sin(t * waves * 2.3 + phases[2])
    )
    return np.stack([x, line], 1)


def band(stage: Stage, line: Points, bottom: float, near: Rgb, far: Rgb) -> None:
    """Fills from a skyline down to a level: far at the crest, near below."""
    crest = float(line[:, 1].min())
    paint = stage.gradient([(0, far, 1), (0.55, mix(far, near, 0.65), 1), (1, near, 1)], crest, max(bottom, crest + 1))
    outline = np.concatenate([line, [[stage.width + 10, bottom], [-10, bottom]]])
    stage.back.append(f'<path d="{path(outline)}" fill="{paint}"/>')


def hills(stage: Stage, colour: Rgb, rows: int = 3) -> None:
    """Rows of hills from the horizon to the near ground, each fading with distance."""
    rng = stage.rng("hills")
    span = stage.height - stage.horizon
    waves = float(rng.uniform(1.2, 2.6))
    for row in range(rows):
        share = row / max(rows - 1, 1)
        depth = 0.72 * (1 - share) ** 1.2
        y = stage.horizon + span * (0.02 + 0.22 * share)
        line = rolling(stage, rng, y, span * (0.13 - 0.05 * share), waves)
        hue_turn = float(rng.uniform(-8, 8))
        near = stage.palette.at(shade(colour, -0.05 * share, 1.0, hue_turn), depth)
        far = stage.palette.at(shade(colour, 0.07, 1.0, hue_turn), min(depth + 0.1, 1))
        bottom = stage.height if row == rows - 1 else y + span * 0.45
        band(stage, line, bottom, near, far)
        if row == rows - 1:
            stage.floor_far = float(line[:, 1].max()) + span * 0.05
    stage.floor_near = stage.height - span * 0.12


def road(stage: Stage) -> None:
    """A road that winds from the near edge to the far ground, with a broken line in its middle."""
    rng = stage.rng("road")
    top, bottom = stage.floor_far - stage.unit * 4, stage.height + stage.unit * 10
    down = np.linspace(0, 1, 24)
    start, end = stage.width * float(rng.uniform(0.38, 0.62)), stage.width * float(rng.uniform(0.4, 0.6))
    middle = start + (end - start) * down**0.7 + np.sin(down * 3.1) * stage.width * 0.06
    y = top + (bottom - top) * down**1.6
    half = stage.width * (0.012 + 0.25 * down**1.6)
    outline = np.concatenate([np.stack([middle - half, y], 1), np.stack([middle + half, y], 1)[::-1]])
    near, far = stage.palette.lit((0.27, 0.27, 0.30)), stage.palette.lit((0.42, 0.42, 0.46))
    paint = stage.gradient([(0, far, 1), (1, near, 1)], top, bottom)
    stage.near.append(f'<path d="{path(outline)}" fill="{paint}"/>')
    line = hexed(stage.palette.lit((0.95, 0.85, 0.45)))
    for index in range(1, 22, 3):
        left, right = middle - half * 0.03, middle + half * 0.03
        piece = np.array([
            [left[index], y[index]], [right[index], y[index]], [right[index + 1], y[index + 1]], [left[index + 1], y[index + 1]],
        ])  # fmt: skip
        stage.near.append(f'<path d="{path(piece)}" fill="{line}"/>')
