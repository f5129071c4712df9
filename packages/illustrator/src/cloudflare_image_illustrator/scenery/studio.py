"""A backdrop for a single thing: a seamless wall and floor with soft light, and a few graphic variants."""

import numpy as np
from PIL import Image

from cloudflare_image_illustrator.colour import Rgb, from_oklab, hexed, lch, mix, named, oklch, to_oklab
from cloudflare_image_illustrator.raster import smooth, to_image
from cloudflare_image_illustrator.scenery.stage import Stage

VARIANTS = ("sweep", "disc", "arch", "podium", "rays", "shapes")


def paint(
    stage: Stage, subject: Rgb | None, tint: str | None, plain: bool = False, crowd: bool = False, even: bool = False
) -> None:
    """Paints the backdrop in a colour that sets the subject off: a seeded step round the colour wheel from it.

    plain: nothing on it. even: without light and shade, for an emblem. crowd: no podium, which holds one thing.
    """
    rng = stage.rng("studio")
    if tint is not None:
        lightness, chroma, hue = lch(named(tint))
        wall = (
            named(tint)
            if tint in {"black", "white", "gray"}
            else oklch(min(max(lightness, 0.3), 0.9), chroma * 0.8, hue)
        )
    else:
        base = lch(subject)[2] if subject is not None else float(rng.uniform(0, 360))
        hue = base + float(rng.choice([180, 150, 210, 120, 240, 90, 40])) + float(rng.uniform(-15, 15))
        # Dull yellow-greens look dirty: there the wall is made lighter.
        lift = 0.05 if 70 < hue % 360 < 140 else 0.0
        wall = oklch(float(rng.uniform(0.80, 0.90)) + lift, float(rng.uniform(0.05, 0.095)), hue)
    if stage.palette.dark and tint is None:
        wall = oklch(0.30, 0.07, lch(wall)[2])
    width, height = stage.width, stage.height
    stage.horizon = height * float(rng.uniform(0.60, 0.68))
    w, h = max(width // 4, 16), max(height // 4, 16)
    x = np.linspace(0, 1, w, dtype=np.float32)[None, :]
    y = np.linspace(0, 1, h, dtype=np.float32)[:, None]
    side = float(rng.choice([0.3, 0.7]))
    light = np.exp(-(((x - side) / 0.55) ** 2) - (((y - 0.32) / 0.5) ** 2))
    floor = smooth(stage.horizon / height - 0.09, stage.horizon / height + 0.09, y)
    shape = 0.90 + 0.13 * light - 0.055 * floor + 0.05 * floor * smooth(0.7, 1.0, y)
    colour = np.array(wall, np.float32) * (np.ones_like(shape) if even else shape)[..., None]
    stage.canvas = Image.fromarray((np.clip(colour, 0, 1) * 255).astype(np.uint8)).resize(
        (width, height), Image.Resampling.BICUBIC
    )
    stage.sun = (width * side, height * 0.1)
    stage.floor_far, stage.floor_near = stage.horizon + height * 0.06, height * 0.86
    stage.indoors = True
    if tint is None and not plain:
        _decorate(stage, str(rng.choice([v for v in VARIANTS if not (crowd and v == "podium")])), wall, rng)


def _decorate(stage: Stage, variant: str, wall: Rgb, rng: np.random.Generator) -> None:
    width, height, side = stage.width, stage.height, min(stage.width, stage.height)
    lightness, chroma, hue = lch(wall)
    light = oklch(min(lightness + 0.07, 0.97), chroma * 0.6, hue)
    second = oklch(lightness - 0.04, min(chroma * 1.35, 0.14), hue + float(rng.choice([30, -30, 60])))
    cx, cy = width / 2, height * 0.46
    if variant == "disc":
        stage.back.append(
            f'<circle cx="{cx:.1f}" cy="{cy:.1f}" r="{side * 0.36:.1f}" fill="{hexed(second)}" opacity=".75"/>'
        )
    elif variant == "arch":
        w, top = side * 0.62, height * 0.46 - side * 0.36
        stage.back.append(
            f'<path d="M{cx - w / 2:.1f} {stage.horizon + height * 0.02:.1f}V{top + w / 2:.1f}a{w / 2:.1f} {w / 2:.1f} 0 0 1 {w:.1f} 0V{stage.horizon + height * 0.02:.1f}z" fill="{hexed(second)}" opacity=".8"/>'
        )
    elif variant == "podium":
        top, w, thick = height * 0.76, side * 0.36, side * 0.10
        body = stage.gradient(
            [(0, mix(light, wall, 0.4), 1), (0.5, wall, 1), (1, oklch(lightness - 0.12, chroma, hue), 1)],
            0,
            0,
            cx - w,
            cx + w,
        )
        stage.back.append(
            f'<ellipse cx="{cx:.1f}" cy="{top + thick * 1.35:.1f}" rx="{w * 1.06:.1f}" ry="{w * 0.22:.1f}" fill="#000" opacity=".10"/>'
            f'<path d="M{cx - w:.1f} {top:.1f}v{thick:.1f}a{w:.1f} {w * 0.2:.1f} 0 0 0 {2 * w:.1f} 0v{-thick:.1f}z" fill="{body}"/>'
            f'<ellipse cx="{cx:.1f}" cy="{top:.1f}" rx="{w:.1f}" ry="{w * 0.2:.1f}" fill="{hexed(light)}"/>'
        )
        stage.floor_far, stage.floor_near = top - w * 0.06, top + w * 0.10
    elif variant == "rays":
        rays = "".join(_ray(cx, cy, angle, max(width, height)) for angle in range(0, 360, 30))
        fade = stage.glow([(0, light, 0.75), (0.55, light, 0.35), (1, light, 0)], cx, cy, max(width, height) * 0.6)
        stage.back.append(f'<path d="{rays}" fill="{fade}"/>')
    elif variant == "shapes":
        _shapes(stage, second, light, rng)


def _ray(x: float, y: float, angle: float, length: float) -> str:
    points = [(x + length * np.cos(np.radians(a)), y + length * np.sin(np.radians(a))) for a in (angle, angle + 15)]
    return f"M{x:.1f} {y:.1f}L{points[0][0]:.1f} {points[0][1]:.1f}L{points[1][0]:.1f} {points[1][1]:.1f}z"


def _shapes(stage: Stage, colour: Rgb, light: Rgb, rng: np.random.Generator) -> None:
    """Large soft balls and hills of paper behind the subject."""
    side = min(stage.width, stage.height)
    for fill, x, radius in (
        (colour, float(rng.uniform(0.05, 0.25)), 0.30),
        (light, float(rng.uniform(0.75, 0.95)), 0.22),
    ):
        cx, r = stage.width * x, side * radius
        cy = stage.horizon + r * 0.12 - r
        ball = stage.glow(
            [
                (0, mix(fill, (1, 1, 1), 0.35), 1),
                (0.6, fill, 1),
                (1, oklch(lch(fill)[0] - 0.08, lch(fill)[1], lch(fill)[2]), 1),
            ],
            cx - r * 0.3,
            cy - r * 0.3,
            r * 1.4,
        )
        stage.back.append(
            f'<ellipse cx="{cx:.1f}" cy="{cy + r:.1f}" rx="{r * 0.9:.1f}" ry="{r * 0.13:.1f}" fill="#000" opacity=".13"/><circle cx="{cx:.1f}" cy="{cy:.1f}" r="{r:.1f}" fill="{ball}"/>'
        )


def gradient(stage: Stage) -> None:
    """Nothing but two colours that run into each other, along a direction that the seed chooses."""
    rng = stage.rng("gradient")
    start, end = stage.tints.get("gradient"), stage.tints.get("gradient end")
    hue = lch(named(start))[2] if start is not None else float(rng.uniform(0, 360))
    one = named(start) if start is not None else oklch(0.76, 0.13, hue)
    turn = float(rng.choice([-75, -50, 50, 75]))
    other = named(end) if end is not None else oklch(0.62 if lch(one)[0] > 0.5 else 0.8, 0.15, hue + turn)
    w, h = max(stage.width // 4, 16), max(stage.height // 4, 16)
    angle = float(rng.uniform(0, 2 * np.pi)) if rng.random() < 0.5 else np.pi / 4
    x = np.linspace(-1, 1, w, dtype=np.float32)[None, :] * np.float32(np.cos(angle))
    y = np.linspace(-1, 1, h, dtype=np.float32)[:, None] * np.float32(np.sin(angle))
    along = smooth(-1.35, 1.35, x + y)[..., None]
    ends = to_oklab(np.array([one, other], np.float32))
    stage.canvas = to_image(from_oklab(ends[0] + (ends[1] - ends[0]) * along)).resize(
        (stage.width, stage.height), Image.Resampling.BICUBIC
    )
    stage.indoors = True
    stage.sun = (stage.width * 0.3, 0.0)
    stage.horizon = stage.height * 0.64
    stage.floor_far, stage.floor_near = stage.height * 0.72, stage.height * 0.86
