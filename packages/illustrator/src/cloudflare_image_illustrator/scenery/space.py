"""Space: nebulae, stars and planets; and the ground of airless worlds."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from cloudflare_image_illustrator.colour import hexed, lch, mix, named, oklch, shade
from cloudflare_image_illustrator.raster import noise, smooth
from cloudflare_image_illustrator.scenery import terrain
from cloudflare_image_illustrator.scenery.stage import Stage


def paint(stage: Stage) -> None:
    """A starry deep with nebula clouds and, mostly, a planet; nothing stands."""
    rng = stage.rng("space")
    _deep(stage, rng)
    stage.floating, stage.horizon = True, stage.height * 0.8
    stage.sun = (stage.width * float(rng.choice([0.1, 0.9])), stage.height * 0.1)
    corner = (float(rng.choice([0.14, 0.86])), float(rng.choice([0.18, 0.84])))
    planet(
        stage,
        rng,
        corner[0] * stage.width,
        corner[1] * stage.height,
        stage.unit * float(rng.uniform(110, 210)),
    )
    if rng.random() < 0.6:
        planet(
            stage,
            rng,
            (1 - corner[0]) * stage.width,
            (0.12 + 0.2 * float(rng.random())) * stage.height,
            stage.unit * float(rng.uniform(26, 50)),
        )
    stage.floor_far, stage.floor_near = stage.height * 0.5, stage.height * 0.9


def ground(stage: Stage) -> None:
    """The surface of an airless world under a black sky, a large planet above it."""
    rng = stage.rng("moon ground")
    _deep(stage, rng)
    stage.horizon = stage.height * float(rng.uniform(0.56, 0.66))
    stage.sun = (stage.width * float(rng.choice([0.08, 0.92])), stage.height * 0.1)
    planet(
        stage,
        rng,
        stage.width * float(rng.choice([0.25, 0.75])),
        stage.horizon * 0.38,
        stage.unit * float(rng.uniform(90, 150)),
        blue=True,
    )
    soil = (
        named(stage.tints["moon"])
        if "moon" in stage.tints
        else oklch(0.66, 0.012, 90)
        if rng.random() < 0.6
        else oklch(0.58, 0.10, 42)
    )
    span = stage.height - stage.horizon
    for row in range(3):
        line = terrain.rolling(stage, rng, stage.horizon + span * 0.16 * row, span * 0.07, 2.0)
        terrain.band(stage, line, stage.height, shade(soil, -0.10 + 0.03 * row), shade(soil, -0.2 + 0.11 * row))
    for x, t in rng.random((9, 2)).tolist():
        y, r = stage.horizon + span * (0.3 + 0.62 * t), stage.unit * (16 + 60 * t)
        stage.back.append(
            f'<ellipse cx="{x * stage.width:.1f}" cy="{y:.1f}" rx="{r:.1f}" ry="{r * 0.26:.1f}" fill="{hexed(shade(soil, -0.2))}"/>'
            f'<ellipse cx="{x * stage.width:.1f}" cy="{y + r * 0.06:.1f}" rx="{r * 0.95:.1f}" ry="{r * 0.21:.1f}" fill="{hexed(shade(soil, -0.13))}"/>'
        )
    stage.floor_far, stage.floor_near = stage.horizon + span * 0.45, stage.height - span * 0.12


def _deep(stage: Stage, rng: np.random.Generator) -> None:
    w, h = max(stage.width // 4, 16), max(stage.height // 4, 16)
    hue = float(rng.uniform(220, 340))
    if "space" in stage.tints:
        hue = lch(named(stage.tints["space"]))[2]
    colour = np.broadcast_to(np.array(oklch(0.13, 0.04, hue), np.float32), (h, w, 3)).copy()
    for turn, strength in ((0, 0.55), (float(rng.choice([50, -60, 110])), 0.5)):
        cloud = smooth(0.36, 0.86, noise(rng, w, h, (3, 3), 4)) * smooth(0.25, 0.7, noise(rng, w, h, (2, 2), 3))
        tone = np.array(oklch(0.52, 0.17, hue + turn), np.float32)
        colour += (tone - colour) * (cloud * strength)[..., None]
        core = smooth(0.66, 0.95, cloud) * 0.5
        colour += (np.array(oklch(0.86, 0.09, hue + turn + 20), np.float32) - colour) * core[..., None]
    canvas = (
        Image.fromarray((np.clip(colour, 0, 1) * 255).astype(np.uint8))
        .filter(ImageFilter.GaussianBlur(1.0))
        .resize((stage.width, stage.height), Image.Resampling.BICUBIC)
    )
    double = Image.new("RGB", (stage.width * 2, stage.height * 2))
    pen = ImageDraw.Draw(double)
    for x, y, size, warm in rng.random((int(260 * stage.width * stage.height / (stage.unit * 1000) ** 2), 4)).tolist():
        r = stage.unit * (0.7 + 2.6 * size**7) * 2
        light = int(80 + 175 * size)
        fill = (
            (light, int(light * 0.94), int(light * 0.82))
            if warm > 0.8
            else (int(light * 0.88), int(light * 0.94), light)
        )
        pen.ellipse(
            (x * double.width - r, y * double.height - r, x * double.width + r, y * double.height + r),
            fill=fill,
        )
    stars = np.asarray(double.resize(canvas.size, Image.Resampling.BOX), np.uint16)
    base = np.asarray(canvas, np.uint16)
    stage.canvas = Image.fromarray((base + stars * (255 - base) // 255).astype(np.uint8))


def planet(stage: Stage, rng: np.random.Generator, x: float, y: float, r: float, blue: bool = False) -> None:
    """A shaded ball with bands, sometimes with a ring, and a rim of air."""
    hue = 235.0 if blue else float(rng.uniform(0, 360))
    base = oklch(0.66, 0.12, hue)
    light = (x - r * 0.4 if stage.sun[0] < x else x + r * 0.4, y - r * 0.4)
    paint = stage.glow(
        [
            (0, shade(base, 0.16), 1),
            (0.5, base, 1),
            (0.85, shade(base, -0.28), 1),
            (1, shade(base, -0.42), 1),
        ],
        light[0],
        light[1],
        r * 1.5,
    )
    air = stage.glow([(0.80, base, 0.0), (0.84, shade(base, 0.15), 0.45), (1, base, 0)], x, y, r * 1.22)
    ring = not blue and rng.random() < 0.45
    tilt = float(rng.uniform(-24, 24))
    ring_colour = hexed(shade(base, 0.12, 0.6, 30))
    stage.names += 1
    clip = f"c{stage.names}"
    bands = ""
    for _ in range(5):
        cy, h = y + r * float(rng.uniform(-0.9, 0.9)), r * float(rng.uniform(0.05, 0.2))
        bands += f'<ellipse cx="{x:.1f}" cy="{cy:.1f}" rx="{r * 1.1:.1f}" ry="{h:.1f}" fill="{hexed(shade(base, float(rng.uniform(-0.15, 0.15)), 1, 25))}" opacity=".35"/>'
    stage.back.append(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{r * 1.22:.1f}" fill="{air}"/><circle cx="{x:.1f}" cy="{y:.1f}" r="{r:.1f}" fill="{paint}"/>'
    )
    stage.back.append(
        f'<clipPath id="{clip}"><circle cx="{x:.1f}" cy="{y:.1f}" r="{r:.1f}"/></clipPath><g clip-path="url(#{clip})"><g transform="rotate({tilt:.1f} {x:.1f} {y:.1f})">{bands}</g>'
        f'<circle cx="{x + (x - light[0]) * 0.9:.1f}" cy="{y + r * 0.34:.1f}" r="{r * 1.05:.1f}" fill="#05030f" opacity=".28"/></g>'
    )
    if ring:
        half = f"a{r * 1.75:.1f} {r * 0.42:.1f} 0 0 0 {r * 3.5:.1f} 0"
        stage.back.append(
            f'<g transform="rotate({tilt:.1f} {x:.1f} {y:.1f})" fill="none"><path d="M{x - r * 1.75:.1f} {y:.1f}{half}" stroke="{ring_colour}" stroke-width="{r * 0.16:.1f}" opacity=".85"/>'
            f'<path d="M{x - r * 1.75:.1f} {y:.1f}{half}" stroke="{hexed(mix(base, (1, 1, 1), 0.5))}" stroke-width="{r * 0.04:.1f}" opacity=".8"/></g>'
        )
