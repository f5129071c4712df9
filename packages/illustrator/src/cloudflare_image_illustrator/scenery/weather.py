"""Falling and drifting things in front of the scene: rain, snow, leaves, fog, lightning."""

import numpy as np
from PIL import Image, ImageDraw

from cloudflare_image_illustrator.colour import hexed, mix, oklch
from cloudflare_image_illustrator.raster import blurred, noise, paste, rasterise
from cloudflare_image_illustrator.scenery.stage import Stage


def lightning(stage: Stage) -> None:
    """A forked bolt in the sky, behind everything; the sky round it lights up."""
    rng = stage.rng("lightning")
    x, y = stage.width * float(rng.choice([0.22, 0.78])), 0.0
    points = [(x, y)]
    while y < stage.horizon * 0.96:
        x += stage.unit * float(rng.uniform(-52, 52))
        y += stage.unit * float(rng.uniform(26, 62))
        points.append((x, y))
    layer = Image.new("L", stage.canvas.size)
    pen = ImageDraw.Draw(layer)
    pen.line(points, fill=255, width=max(1, round(stage.unit * 6)), joint="curve")
    fork = points[len(points) // 2]
    branch = [fork]
    for _ in range(4):
        branch.append(
            (
                branch[-1][0] + stage.unit * float(rng.uniform(10, 60)),
                branch[-1][1] + stage.unit * float(rng.uniform(24, 48)),
            )
        )
    pen.line(branch, fill=220, width=max(1, round(stage.unit * 3)))
    stage.canvas.paste((190, 196, 255), (0, 0), blurred(layer, stage.unit * 45).point(lambda v: min(255, v * 3)))
    stage.canvas.paste((250, 248, 255), (0, 0), layer)


def before_figures(stage: Stage) -> None:
    if "storm" in stage.weather and not stage.indoors and not stage.floating:
        lightning(stage)


def over_figures(stage: Stage) -> None:
    """What falls or drifts between the viewer and the scene."""
    if stage.indoors:
        return
    if set(stage.weather) & {"rain", "storm"}:
        _rain(stage)
    if "snowfall" in stage.weather:
        _snow(stage)
    if "fog" in stage.weather:
        _fog(stage)
    if "windy" in stage.weather or (stage.season == "autumn" and not stage.floating):
        _leaves(stage)
    if stage.season == "spring" and not stage.floating:
        _leaves(stage, petals=True)


def _rain(stage: Stage) -> None:
    rng = stage.rng("rain")
    w, h = stage.width, stage.height
    slant = float(rng.uniform(-0.28, 0.28))
    lines = {1: [], 2: []}  # type: dict[int, list[str]]
    for x, y, size in rng.random((int(420 * w * h / (stage.unit * 1000) ** 2), 3)).tolist():
        length = stage.unit * (22 + 52 * size)
        lines[1 if size < 0.6 else 2].append(
            f"M{x * w * 1.2 - w * 0.1:.0f} {y * h:.0f}l{slant * length:.1f} {length:.1f}"
        )
    colour = hexed(mix(stage.palette.low, (1, 1, 1), 0.6))
    body = "".join(
        f'<path d="{"".join(parts)}" stroke="{colour}" stroke-width="{stage.unit * (1.0 + 0.8 * near):.2f}" opacity="{0.22 + 0.13 * near:.2f}" stroke-linecap="round"/>'
        for near, parts in lines.items()
    )
    ground = stage.floor_far - (stage.height - stage.floor_far) * 0.2
    for x, t in rng.random((46, 2)).tolist():
        y = ground + (h - ground) * t
        r = stage.unit * (5 + 13 * t)
        body += f'<ellipse cx="{x * w:.1f}" cy="{y:.1f}" rx="{r:.1f}" ry="{r * 0.3:.1f}" fill="none" stroke="{colour}" stroke-width="{stage.unit * 1.2:.1f}" opacity=".4"/>'
    paste(stage.canvas, rasterise(body, w, h), 0, 0)


def _snow(stage: Stage) -> None:
    rng = stage.rng("snowfall")
    layer = Image.new("L", (stage.width, stage.height))
    pen = ImageDraw.Draw(layer)
    for x, y, size in rng.random((int(330 * stage.width * stage.height / (stage.unit * 1000) ** 2), 3)).tolist():
        r = stage.unit * (1.2 + 7.5 * size**4)
        pen.ellipse(
            (x * stage.width - r, y * stage.height - r, x * stage.width + r, y * stage.height + r),
            fill=int(255 - 90 * size),
        )
    stage.canvas.paste((252, 253, 255), (0, 0), blurred(layer, stage.unit * 0.8))


def _fog(stage: Stage) -> None:
    rng = stage.rng("fog")
    w, h = max(stage.width // 8, 8), max(stage.height // 8, 8)
    veil = noise(rng, w, h, (2, 5), 3)
    low = np.exp(
        -(((np.linspace(0, 1, h, dtype=np.float32)[:, None] - stage.horizon / stage.height - 0.08) / 0.22) ** 2)
    )
    alpha = np.clip(veil * 0.75 * low + 0.10, 0, 0.7)
    mask = Image.fromarray((alpha * 255).astype(np.uint8)).resize((stage.width, stage.height), Image.Resampling.BICUBIC)
    stage.canvas.paste(tuple(int(255 * c) for c in mix(stage.palette.haze, (1, 1, 1), 0.15)), (0, 0), mask)


def _leaves(stage: Stage, petals: bool = False) -> None:
    rng = stage.rng("leaves")
    body = []
    for x, y, size, turn, pick in rng.random((26, 5)).tolist():
        s = stage.unit * (8 + 15 * size)
        colour = oklch(0.86, 0.08, 355 + 15 * pick) if petals else oklch(0.62 + 0.1 * pick, 0.16, 30 + 55 * pick)
        body.append(
            f'<path transform="translate({x * stage.width:.1f} {y * stage.height:.1f}) rotate({turn * 360:.0f})" d="M{-s:.1f} 0Q0 {-s * 0.75:.1f} {s:.1f} 0Q0 {s * 0.6:.1f} {-s:.1f} 0z" fill="{hexed(stage.palette.lit(colour))}" opacity=".92"/>'
        )
    paste(stage.canvas, rasterise("".join(body), stage.width, stage.height), 0, 0)
