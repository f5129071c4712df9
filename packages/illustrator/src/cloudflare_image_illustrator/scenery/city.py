"""A city: rows of buildings fading into haze, windows lit by night, a street in perspective."""

import numpy as np

from cloudflare_image_illustrator.colour import Rgb, hexed, mix, oklch, shade
from cloudflare_image_illustrator.scenery.stage import Stage


def skyline(stage: Stage, base: float, rows: int = 3, lift: float = 1.0) -> None:
    """Rows of buildings standing on a level, the far row first."""
    rng = stage.rng("skyline")
    hue = float(rng.choice([255, 30, 290, 200]))
    for row in range(rows):
        depth = 0.84 - 0.34 * row
        x = -stage.width * 0.04
        tall = stage.horizon * (0.62 - 0.10 * row) * lift
        while x < stage.width * 1.02:
            w = stage.unit * float(rng.uniform(62, 120)) * (1 + 0.28 * row)
            middle = abs((x + w / 2) / stage.width - 0.5) * 2
            h = tall * float(rng.uniform(0.45, 1.0)) * (0.62 + 0.5 * middle if row == rows - 1 else 1.0)
            _building(stage, rng, x, base, w, h, depth, hue, row)
            x += w * float(rng.uniform(1.0, 1.08))
        haze = stage.gradient(
            [(0, stage.palette.haze, 0), (1, stage.palette.haze, 0.5 if row < rows - 1 else 0.18)],
            base - tall * 0.5,
            base,
        )
        stage.back.append(
            f'<rect x="0" y="{base - tall * 0.5:.1f}" width="{stage.width}" height="{tall * 0.5:.1f}" fill="{haze}"/>'
        )


def _building(
    stage: Stage,
    rng: np.random.Generator,
    x: float,
    base: float,
    w: float,
    h: float,
    depth: float,
    hue: float,
    row: int,
) -> None:
    palette, night = stage.palette, stage.palette.dark
    tone = float(rng.uniform(-0.07, 0.09))
    wall = oklch(0.52 + tone, 0.05, hue + float(rng.uniform(-35, 35))) if not night else oklch(0.42 + tone, 0.05, hue)
    if rng.random() < 0.25 and row > 0:
        wall = oklch(0.60 + tone, 0.085, float(rng.choice([40, 60, 25, 80])))
    colour = palette.at(wall, depth * 0.9)
    side = palette.at(shade(wall, -0.09), depth * 0.9)
    y = base - h
    left_lit = stage.sun[0] < x
    edge = w * 0.24
    roof = ""
    style = int(rng.integers(4))
    if style == 1:
        roof = f'<rect x="{x + w * 0.2:.1f}" y="{y - h * 0.06:.1f}" width="{w * 0.6:.1f}" height="{h * 0.07:.1f}" fill="{hexed(colour)}"/>'
    elif style == 2:
        roof = f'<path d="M{x + w * 0.46:.1f} {y:.1f}l{w * 0.03:.1f} {-h * 0.14:.1f}l{w * 0.03:.1f} {h * 0.14:.1f}z" fill="{hexed(side)}"/>'
    shadow_x = x + w - edge if left_lit else x
    stage.back.append(
        f'{roof}<rect x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h + 2:.1f}" fill="{hexed(colour)}"/>'
        f'<rect x="{shadow_x:.1f}" y="{y:.1f}" width="{edge:.1f}" height="{h + 2:.1f}" fill="{hexed(side)}"/>'
    )
    if row == 0:
        return
    columns, rows = max(3, int(w / (stage.unit * 21))), max(4, int(h / (stage.unit * 30)))
    pane_w, pane_h = w / (columns * 1.6 + 0.6), h / (rows * 1.7 + 0.7)
    on = rng.random((columns, rows)) < (0.48 if night else 0.10)
    shapes = {True: [], False: []}  # type: dict[bool, list[str]]
    for i in range(columns):
        for j in range(rows):
            px, py = x + pane_w * (0.6 + 1.6 * i), y + pane_h * (0.7 + 1.7 * j)
            shapes[bool(on[i, j])].append(f"M{px:.1f} {py:.1f}h{pane_w:.1f}v{pane_h:.1f}h{-pane_w:.1f}z")
    warm = oklch(0.88, 0.12, float(rng.choice([85, 78, 95, 200 if night else 85])))
    glass = palette.at(mix(wall, palette.middle, 0.45), depth * 0.7) if not night else shade(colour, -0.07)
    bright: Rgb = mix(warm, palette.haze, depth * 0.5) if night else mix(glass, (1, 1, 1), 0.45)
    stage.back.append(
        f'<path d="{"".join(shapes[False])}" fill="{hexed(glass)}"/><path d="{"".join(shapes[True])}" fill="{hexed(bright)}"/>'
    )


def street(stage: Stage) -> None:
    """The street in front: pavements, lanes in perspective, lamps."""
    palette, rng = stage.palette, stage.rng("street")
    base = stage.horizon + (stage.height - stage.horizon) * 0.08
    skyline(stage, base)
    w, h = stage.width, stage.height
    asphalt = palette.lit(oklch(0.42, 0.012, 270))
    kerb = palette.lit(oklch(0.70, 0.015, 80))
    vx = w * float(rng.uniform(0.40, 0.60))
    span = h - base
    paint = stage.gradient(
        [(0, mix(asphalt, palette.haze, 0.45), 1), (0.4, asphalt, 1), (1, shade(asphalt, -0.06), 1)], base, h
    )
    stage.back.append(f'<rect x="0" y="{base:.1f}" width="{w}" height="{span:.1f}" fill="{paint}"/>')
    if rng.random() < 0.55:
        pave = stage.gradient([(0, mix(kerb, palette.haze, 0.5), 1), (1, kerb, 1)], base, h)
        for edge in (-0.75 * w, 1.75 * w):
            outer = -w if edge < 0 else 2 * w
            near = vx - w * 0.05 if edge < 0 else vx + w * 0.05
            stage.back.append(
                f'<path d="M{near:.1f} {base:.1f}L{edge + (0.55 * w if edge < 0 else -0.55 * w):.1f} {h}H{outer:.1f}V{base:.1f}z" fill="{pave}"/>'
            )
        dash = hexed(mix(palette.lit((0.95, 0.93, 0.85)), asphalt, 0.15))
        for i in range(6):
            t0, t1 = (i / 6) ** 1.8, ((i + 0.5) / 6) ** 1.8
            y0, y1 = base + span * t0, base + span * t1
            stage.back.append(
                f'<path d="M{vx - w * 0.014 * t0:.1f} {y0:.1f}h{w * 0.028 * t0:.1f}L{vx + w * 0.014 * t1:.1f} {y1:.1f}h{-w * 0.028 * t1:.1f}z" fill="{dash}"/>'
            )
    else:
        top = base + span * 0.16
        pave = stage.gradient([(0, mix(kerb, palette.haze, 0.35), 1), (1, kerb, 1)], base, top)
        stage.back.append(
            f'<rect x="0" y="{base:.1f}" width="{w}" height="{top - base:.1f}" fill="{pave}"/><rect x="0" y="{top:.1f}" width="{w}" height="{span * 0.025:.1f}" fill="{hexed(shade(kerb, -0.14))}"/>'
        )
        dash = hexed(mix(palette.lit((0.95, 0.93, 0.85)), asphalt, 0.2))
        y = base + span * 0.80
        for x in np.arange(-0.05, 1.1, 0.2) * w:
            stage.back.append(
                f'<path d="M{x:.1f} {y:.1f}h{w * 0.1:.1f}l{-w * 0.012:.1f} {span * 0.035:.1f}h{-w * 0.1:.1f}z" fill="{dash}"/>'
            )
    lamps(stage, base, span)
    stage.floor_far, stage.floor_near = base + span * 0.40, h - span * 0.14


def lamps(stage: Stage, base: float, span: float) -> None:
    """Street lamps at both sides; base is the far edge of the ground, span its height."""
    pole = hexed(stage.palette.lit(oklch(0.30, 0.015, 260)))
    for x, scale in ((0.06, 1.0), (0.94, 1.0), (0.24, 0.55), (0.76, 0.55)):
        foot = base + span * (0.22 if scale == 1.0 else 0.08)
        tall = stage.height * 0.36 * scale
        cx, w = x * stage.width, stage.unit * 6 * scale
        arm = (1 if x < 0.5 else -1) * tall * 0.18
        top = foot - tall
        stage.back.append(
            f'<path d="M{cx:.1f} {foot:.1f}V{top + tall * 0.06:.1f}q0 {-tall * 0.06:.1f} {arm * 0.4:.1f} {-tall * 0.06:.1f}h{arm * 0.6:.1f}" fill="none" stroke="{pole}" stroke-width="{w:.1f}" stroke-linecap="round"/>'
            f'<rect x="{cx + arm - tall * 0.05:.1f}" y="{top - w * 0.2:.1f}" width="{tall * 0.1:.1f}" height="{w * 1.2:.1f}" rx="{w * 0.5:.1f}" fill="{pole}"/>'
        )
        if stage.palette.dark:
            glow = stage.glow(
                [(0, (1.0, 0.88, 0.6), 0.85), (0.12, (1.0, 0.85, 0.55), 0.38), (1, (1.0, 0.8, 0.5), 0)],
                cx + arm,
                top + w,
                tall * 0.62,
            )
            stage.back.append(f'<circle cx="{cx + arm:.1f}" cy="{top + w:.1f}" r="{tall * 0.62:.1f}" fill="{glow}"/>')
