"""Under water: light falling from the surface, sand, corals, weed, bubbles."""

import numpy as np
from PIL import Image

from cloudflare_image_illustrator.colour import hexed, mix, named, oklch, shade
from cloudflare_image_illustrator.scenery import terrain
from cloudflare_image_illustrator.scenery.stage import Stage


def paint(stage: Stage) -> None:
    rng = stage.rng("undersea")
    hue = float(rng.uniform(205, 250))
    night = stage.palette.dark
    top = oklch(0.48 if night else 0.86, 0.11, hue - 12)
    deep = oklch(0.16 if night else 0.36, 0.10, hue + 14)
    if "underwater" in stage.tints:
        top, deep = (
            shade(named(stage.tints["underwater"]), 0.2),
            shade(named(stage.tints["underwater"]), -0.2),
        )
    h = max(stage.height // 4, 16)
    t = np.linspace(0, 1, h, dtype=np.float32)[:, None, None] ** 0.8
    column = np.array(top, np.float32) * (1 - t) + np.array(deep, np.float32) * t
    image = Image.fromarray((np.broadcast_to(column, (h, 16, 3)) * 255).astype(np.uint8))
    stage.canvas = image.resize((stage.width, stage.height), Image.Resampling.BICUBIC)
    stage.horizon, stage.floating = stage.height * 0.74, True
    stage.sun = (stage.width * float(rng.uniform(0.3, 0.7)), -stage.height * 0.2)
    _rays(stage, rng, top)
    _rocks(stage, rng, deep, top)
    sand = mix(oklch(0.80, 0.06, 85), deep, 0.45)
    for row in range(2):
        line = terrain.rolling(stage, rng, stage.height * (0.80 + 0.07 * row), stage.height * 0.03)
        terrain.band(stage, line, stage.height, mix(sand, deep, 0.30), mix(shade(sand, 0.05), deep, 0.25 - 0.2 * row))
    _weed(stage, rng, deep)
    _corals(stage, rng, deep)
    _bubbles(stage, rng)
    stage.floor_far, stage.floor_near = stage.height * 0.84, stage.height * 0.93


def _rays(stage: Stage, rng: np.random.Generator, colour: tuple[float, float, float]) -> None:
    for _ in range(7):
        x = float(rng.uniform(-0.1, 1.1)) * stage.width
        w = stage.width * float(rng.uniform(0.02, 0.07))
        paint = stage.gradient([(0, mix(colour, (1, 1, 1), 0.6), 0.40), (1, colour, 0)], 0, stage.height * 0.8)
        sx, sy = stage.sun
        ox = sx + (x - sx) * 0.35
        stage.back.append(
            f'<path d="M{ox - w * 0.3:.1f} {sy:.1f}H{ox + w * 0.3:.1f}L{x + w * 1.5:.1f} {stage.height * 0.8:.1f}H{x - w * 1.5:.1f}z" fill="{paint}"/>'
        )


def _rocks(
    stage: Stage, rng: np.random.Generator, deep: tuple[float, float, float], top: tuple[float, float, float]
) -> None:
    for row in range(2):
        colour = mix(deep, top, 0.22 - 0.14 * row)
        line = terrain.rolling(stage, rng, stage.height * (0.66 + 0.09 * row), stage.height * 0.09, 2.6)
        terrain.band(stage, line, stage.height, colour, mix(colour, top, 0.12))


def _weed(stage: Stage, rng: np.random.Generator, deep: tuple[float, float, float]) -> None:
    for _ in range(16):
        x = float(rng.choice([rng.uniform(0, 0.32), rng.uniform(0.68, 1.0)])) * stage.width
        y = stage.height * float(rng.uniform(0.86, 1.0))
        tall = stage.height * float(rng.uniform(0.12, 0.34))
        colour = mix(oklch(0.52, 0.12, float(rng.uniform(130, 170))), deep, 0.25)
        sway = stage.unit * float(rng.uniform(14, 34))
        w = stage.unit * 9
        stage.back.append(
            f'<path d="M{x:.1f} {y:.1f}c{sway:.1f} {-tall * 0.3:.1f} {-sway:.1f} {-tall * 0.6:.1f} {sway * 0.3:.1f} {-tall:.1f}c{-sway * 0.5 + w:.1f} {tall * 0.4:.1f} {sway + w:.1f} {tall * 0.7:.1f} {w:.1f} {tall:.1f}z" fill="{hexed(colour)}"/>'
        )


def _corals(stage: Stage, rng: np.random.Generator, deep: tuple[float, float, float]) -> None:
    for _ in range(7):
        x = float(rng.choice([rng.uniform(0.0, 0.28), rng.uniform(0.72, 1.0)])) * stage.width
        y, size = stage.height * float(rng.uniform(0.86, 0.98)), stage.unit * float(rng.uniform(50, 110))
        colour = mix(oklch(0.70, 0.17, float(rng.choice([20, 50, 345, 310, 80]))), deep, 0.22)
        if rng.random() < 0.5:
            branches = "".join(_branch(x, y, size, angle) for angle in (-38, -16, 4, 24, 44))
            stage.back.append(
                f'<path d="{branches}" fill="none" stroke="{hexed(colour)}" stroke-width="{size * 0.13:.1f}" stroke-linecap="round"/>'
            )
        else:
            stage.back.append(
                f'<path d="M{x - size * 0.5:.1f} {y:.1f}a{size * 0.5:.1f} {size * 0.46:.1f} 0 0 1 {size:.1f} 0z" fill="{hexed(colour)}"/>'
                f'<path d="M{x - size * 0.32:.1f} {y - size * 0.1:.1f}a{size * 0.3:.1f} {size * 0.28:.1f} 0 0 1 {size * 0.4:.1f} {-size * 0.2:.1f}" fill="none" stroke="{hexed(shade(colour, 0.1))}" stroke-width="{size * 0.05:.1f}" stroke-linecap="round"/>'
            )


def _branch(x: float, y: float, size: float, angle: float) -> str:
    a = np.radians(angle)
    ex, ey = x + np.sin(a) * size, y - np.cos(a) * size
    fx, fy = x + np.sin(a) * size * 0.55, y - np.cos(a) * size * 0.55
    gx, gy = fx + np.sin(a + 0.7) * size * 0.35, fy - np.cos(a + 0.7) * size * 0.35
    return f"M{x:.1f} {y:.1f}Q{x:.1f} {fy:.1f} {ex:.1f} {ey:.1f}M{fx:.1f} {fy:.1f}L{gx:.1f} {gy:.1f}"


def _bubbles(stage: Stage, rng: np.random.Generator) -> None:
    for _ in range(26):
        x, y = float(rng.uniform(0, 1)) * stage.width, float(rng.uniform(0.05, 0.9)) * stage.height
        r = stage.unit * float(rng.uniform(2, 12))
        stage.back.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{r:.1f}" fill="#fff" fill-opacity=".12" stroke="#fff" stroke-opacity=".5" stroke-width="{stage.unit * 1.2:.1f}"/>'
            f'<circle cx="{x - r * 0.35:.1f}" cy="{y - r * 0.35:.1f}" r="{r * 0.22:.1f}" fill="#fff" fill-opacity=".8"/>'
        )
