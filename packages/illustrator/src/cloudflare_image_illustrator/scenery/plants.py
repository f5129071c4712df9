"""Plants of the scenery, as SVG: conifers, broadleaved trees, palms, cacti, bushes, grass, flowers."""

import numpy as np

from cloudflare_image_illustrator.colour import Rgb, hexed, mix, oklch, shade
from cloudflare_image_illustrator.scenery.stage import Stage


def conifer(x: float, y: float, h: float, lit: Rgb, dim: Rgb, light_left: bool, snow: Rgb | None = None) -> str:
    """A fir of height h with its foot at x, y: tiers with a lit and a shaded half."""
    parts = [
        f'<rect x="{x - h * 0.025:.1f}" y="{y - h * 0.14:.1f}" width="{h * 0.05:.1f}" height="{h * 0.15:.1f}" fill="{hexed(shade(dim, -0.10))}"/>'
    ]
    one, other = (lit, dim) if light_left else (dim, lit)
    for tier in range(4):
        top = y - h + tier * h * 0.19
        bottom = top + h * (0.30 + 0.045 * tier)
        half = h * (0.10 + 0.055 * tier)
        parts.append(
            f'<path d="M{x:.1f} {top:.1f}L{x - half:.1f} {bottom:.1f}Q{x - half * 0.4:.1f} {bottom + h * 0.02:.1f} {x:.1f} {bottom - h * 0.02:.1f}z" fill="{hexed(one)}"/>'
            f'<path d="M{x:.1f} {top:.1f}L{x + half:.1f} {bottom:.1f}Q{x + half * 0.4:.1f} {bottom + h * 0.02:.1f} {x:.1f} {bottom - h * 0.02:.1f}z" fill="{hexed(other)}"/>'
        )
        if snow is not None:
            parts.append(
                f'<path d="M{x:.1f} {top:.1f}L{x - half * 0.62:.1f} {top + (bottom - top) * 0.62:.1f}L{x - half * 0.2:.1f} {top + (bottom - top) * 0.5:.1f}L{x + half * 0.1:.1f} {top + (bottom - top) * 0.66:.1f}L{x + half * 0.62:.1f} {top + (bottom - top) * 0.62:.1f}z" fill="{hexed(snow)}"/>'
            )
    return "".join(parts)


def broadleaf(
    rng: np.random.Generator, x: float, y: float, h: float, lit: Rgb, dim: Rgb, trunk: Rgb, toward: float
) -> str:
    """A round-crowned tree: a crown of overlapping discs, lit ones set toward the light (-1 left, 1 right)."""
    r = h * 0.30
    top = y - h * 0.62
    parts = [
        f'<path d="M{x - h * 0.035:.1f} {y:.1f}Q{x - h * 0.01:.1f} {y - h * 0.2:.1f} {x - h * 0.02:.1f} {top:.1f}h{h * 0.05:.1f}Q{x + h * 0.03:.1f} {y - h * 0.2:.1f} {x + h * 0.05:.1f} {y:.1f}z" fill="{hexed(trunk)}"/>'
    ]
    puffs = [
        (0.0, 0.0, 1.0),
        (-0.62, 0.22, 0.66),
        (0.62, 0.20, 0.68),
        (-0.36, -0.42, 0.66),
        (0.38, -0.40, 0.66),
        (0.0, -0.62, 0.55),
        (0.05, 0.42, 0.6),
    ]
    swing = rng.uniform(-0.10, 0.10, (len(puffs), 2)).tolist()
    middle = mix(lit, dim, 0.5)
    for scale, colour, shift in ((1.0, dim, 0.0), (0.80, middle, 0.16), (0.52, lit, 0.34)):
        for (dx, dy, size), (jx, jy) in zip(puffs, swing, strict=True):
            cx, cy = x + (dx + jx + toward * shift * size * 0.8) * r, top + (dy + jy - shift * size) * r
            parts.append(f'<circle cx="{cx:.1f}" cy="{cy:.1f}" r="{r * size * scale:.1f}" fill="{hexed(colour)}"/>')
    return "".join(parts)


def palm(x: float, y: float, h: float, lit: Rgb, dim: Rgb, trunk: Rgb, lean: float) -> str:
    """A palm whose trunk leans (-1 left to 1 right)."""
    tx, ty = x + lean * h * 0.25, y - h * 0.78
    parts = [
        f'<path d="M{x - h * 0.035:.1f} {y:.1f}Q{x + lean * h * 0.02:.1f} {y - h * 0.45:.1f} {tx - h * 0.015:.1f} {ty:.1f}h{h * 0.035:.1f}Q{x + lean * h * 0.06 + h * 0.04:.1f} {y - h * 0.4:.1f} {x + h * 0.04:.1f} {y:.1f}z" fill="{hexed(trunk)}"/>'
    ]
    for i, (dx, dy) in enumerate(
        (
            (-0.40, 0.10),
            (0.40, 0.10),
            (-0.34, -0.10),
            (0.34, -0.10),
            (-0.18, -0.22),
            (0.18, -0.22),
            (-0.22, 0.26),
            (0.24, 0.26),
        )
    ):
        ex, ey = tx + dx * h, ty + dy * h
        mx, my = tx + dx * h * 0.55, ty + dy * h * 0.3 - h * 0.16
        colour = dim if i % 2 else lit
        parts.append(
            f'<path d="M{tx:.1f} {ty:.1f}Q{mx:.1f} {my:.1f} {ex:.1f} {ey:.1f}Q{mx:.1f} {my + h * 0.10:.1f} {tx:.1f} {ty + h * 0.02:.1f}z" fill="{hexed(colour)}"/>'
        )
    return "".join(parts)


def cactus(x: float, y: float, h: float, lit: Rgb, dim: Rgb) -> str:
    """A saguaro with two arms."""
    w = h * 0.15

    def arm(points: str, width: float, colour: Rgb) -> str:
        return f'<path d="{points}" fill="none" stroke="{hexed(colour)}" stroke-width="{width:.1f}" stroke-linecap="round" stroke-linejoin="round"/>'

    left = f"M{x:.1f} {y - h * 0.40:.1f}H{x - h * 0.22:.1f}V{y - h * 0.66:.1f}"
    right = f"M{x:.1f} {y - h * 0.28:.1f}H{x + h * 0.22:.1f}V{y - h * 0.56:.1f}"
    stem = f"M{x:.1f} {y:.1f}V{y - h * 0.92:.1f}"
    lines = arm(left, w * 0.8, dim) + arm(right, w * 0.8, dim) + arm(stem, w, dim)
    stem_lit = f"M{x - w * 0.18:.1f} {y:.1f}V{y - h * 0.92:.1f}"
    return lines + arm(stem_lit, w * 0.42, lit) + arm(left, w * 0.3, lit) + arm(right, w * 0.3, lit)


def bush(rng: np.random.Generator, x: float, y: float, h: float, lit: Rgb, dim: Rgb) -> str:
    """A low round bush standing on y."""
    parts = []
    for colour, lift in ((dim, 0.0), (lit, 0.22)):
        for dx, size in ((-0.7, 0.55), (0.7, 0.6), (0.0, 0.8)):
            r = h * size * (0.9 - lift)
            parts.append(
                f'<circle cx="{x + dx * h + float(rng.uniform(-0.1, 0.1)) * h:.1f}" cy="{y - r * 0.6 - lift * h * 0.5:.1f}" r="{r:.1f}" fill="{hexed(colour)}"/>'
            )
    return "".join(parts)


def tufts(stage: Stage, colour: Rgb, count: int, top: float, bottom: float) -> str:
    """Blades of grass scattered between two levels, larger nearer."""
    rng = stage.rng("tufts")
    parts = []
    for x, t, lean, tone in rng.random((count, 4)).tolist():
        y = top + (bottom - top) * t
        size = stage.unit * (8 + 26 * t)
        cx = x * stage.width
        blades = "".join(
            f"M{cx + d * size * 0.2:.1f} {y:.1f}q{d * size * 0.16 + (lean - 0.5) * size * 0.3:.1f} {-size * 0.6:.1f} {d * size * 0.5 + (lean - 0.5) * size * 0.5:.1f} {-size * (1 - abs(d) * 0.3):.1f}q{-d * size * 0.1:.1f} {size * 0.5:.1f} {size * 0.16 - d * size * 0.4:.1f} {size:.1f}z"
            for d in (-1, 0, 1)
        )
        parts.append(f'<path d="{blades}" fill="{hexed(shade(colour, 0.10 * tone - 0.07))}"/>')
    return "".join(parts)


def flowers(stage: Stage, count: int, top: float, bottom: float) -> str:
    """Small flowers in two or three colours of one seeded family."""
    rng = stage.rng("flowers")
    hue = float(rng.uniform(0, 360))
    colours = [stage.palette.lit(oklch(0.80, 0.14, hue + turn)) for turn in (0, 40, 180)] + [
        stage.palette.lit((1.0, 1.0, 0.96))
    ]
    heart = stage.palette.lit(oklch(0.86, 0.16, 92))
    parts = []
    for x, t, pick in rng.random((count, 3)).tolist():
        y, cx = top + (bottom - top) * t, x * stage.width
        r = stage.unit * (2.2 + 6.5 * t)
        colour = hexed(colours[int(pick * len(colours))])
        petals = "".join(
            f'<circle cx="{cx + r * np.cos(a):.1f}" cy="{y + r * 0.8 * np.sin(a):.1f}" r="{r * 0.72:.1f}"/>'
            for a in np.arange(5) * 1.2566
        )
        parts.append(
            f'<g fill="{colour}">{petals}</g><circle cx="{cx:.1f}" cy="{y:.1f}" r="{r * 0.6:.1f}" fill="{hexed(heart)}"/>'
        )
    return "".join(parts)
