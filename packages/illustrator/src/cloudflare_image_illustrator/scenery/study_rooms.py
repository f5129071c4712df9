"""Rooms for work and study: classroom, library, office."""

import numpy as np

from cloudflare_image_illustrator.colour import Rgb, mix, oklch, shade
from cloudflare_image_illustrator.scenery.furnished import light, room
from cloudflare_image_illustrator.scenery.rooms import boards, dim, rug
from cloudflare_image_illustrator.scenery.shapes import ellipse, polygon, rect, strokes
from cloudflare_image_illustrator.scenery.stage import Stage


def classroom(stage: Stage) -> None:
    """A blackboard with writing, a clock, a globe, and rows of desks."""
    rng, wall = room(stage, "classroom", oklch(0.92, 0.035, 90), 0.64)
    w, top, u = stage.width, stage.horizon, stage.unit
    _blackboard(stage, rng)
    for i, x in enumerate((0.075, 0.925)):
        paper = dim(stage, oklch(0.88, 0.07, float(rng.uniform(0, 360))))
        for row in range(2):
            stage.back.append(rect(w * x - w * 0.055, top * (0.12 + 0.32 * row), w * 0.11, top * 0.26, paper, u * 3))
            stage.back.append(
                ellipse(
                    w * x,
                    top * (0.22 + 0.32 * row),
                    w * 0.032,
                    w * 0.032,
                    dim(stage, oklch(0.70, 0.13, 90.0 * (i * 2 + row) + 20)),
                )
            )
    boards(stage, rng, wall)
    desk, leg = dim(stage, oklch(0.74, 0.09, 70)), dim(stage, (0.42, 0.44, 0.50))
    for x in (0.02, 0.36, 0.70):
        cx, cy, dw = w * x, top + (stage.height - top) * 0.10, w * 0.28
        _desk(stage, rng, cx, cy, dw, desk, leg)


def _blackboard(stage: Stage, rng: np.random.Generator) -> None:
    """A blackboard on the back wall with three lines of writing and a triangle."""
    w, top, u = stage.width, stage.horizon, stage.unit
    left, wide, tall = w * 0.20, w * 0.60, top * 0.56
    y = top * 0.10
    wood, chalk = dim(stage, oklch(0.58, 0.09, 60)), dim(stage, (0.95, 0.96, 0.93))
    green = dim(stage, oklch(0.40, 0.055, 165))
    stage.back.append(rect(left - u * 18, y - u * 18, wide + u * 36, tall + u * 36, wood, u * 8))
    stage.back.append(rect(left, y, wide, tall, green) + rect(left, y, wide, u * 8, "#000", opacity=0.18))
    stage.back.append(rect(left - u * 10, y + tall + u * 14, wide + u * 20, u * 14, shade(wood, -0.08), u * 4))
    writing = ""
    for line in range(3):
        x, level = left + wide * 0.06, y + tall * (0.20 + 0.22 * line)
        for _ in range(int(rng.integers(3, 5))):
            length = wide * float(rng.uniform(0.05, 0.11))
            waves = "".join(f"q{length / 8:.1f} {-u * 22:.1f} {length / 4:.1f} 0t{length / 4:.1f} 0" for _ in range(2))
            writing += f"M{x:.1f} {level:.1f}{waves}"
            x += length + wide * 0.03
    writing += f"M{left + wide * 0.70:.1f} {y + tall * 0.72:.1f}h{wide * 0.2:.1f}l{-wide * 0.1:.1f} {-tall * 0.46:.1f}z"
    stage.back.append(strokes(writing, chalk, u * 5, 0.9))


def _desk(stage: Stage, rng: np.random.Generator, cx: float, cy: float, dw: float, desk: Rgb, leg: Rgb) -> None:
    """A desk with a book; ``cx``, ``cy`` is the front left corner of its top, ``dw`` its width."""
    u = stage.unit
    stage.back.append(
        strokes(
            f"M{cx + dw * 0.1:.1f} {cy:.1f}v{dw * 0.42:.1f}M{cx + dw * 0.9:.1f} {cy:.1f}v{dw * 0.42:.1f}",
            leg,
            u * 10,
        )
    )
    stage.back.append(
        polygon(
            [(cx + dw * 0.06, cy - dw * 0.10), (cx + dw * 0.94, cy - dw * 0.10), (cx + dw, cy), (cx, cy)],
            shade(desk, 0.06),
        )
    )
    stage.back.append(rect(cx, cy, dw, dw * 0.14, shade(desk, -0.04), u * 3))
    book = dim(stage, oklch(0.62, 0.14, float(rng.uniform(0, 360))))
    stage.back.append(
        polygon(
            [
                (cx + dw * 0.3, cy - dw * 0.085),
                (cx + dw * 0.52, cy - dw * 0.085),
                (cx + dw * 0.54, cy - dw * 0.02),
                (cx + dw * 0.28, cy - dw * 0.02),
            ],
            book,
        )
    )


def library(stage: Stage) -> None:
    """Walls of shelves full of books, a ladder, a rug."""
    rng, _ = room(stage, "library", oklch(0.62, 0.06, 60), 0.68)
    w, top, u = stage.width, stage.horizon, stage.unit
    wood = dim(stage, oklch(0.46, 0.075, 52))
    stage.back.append(rect(0, 0, w, top, shade(wood, -0.14)))
    bays, shelves = 4, 5
    bay, shelf = w / bays, top / shelves
    for column in range(bays):
        for row in range(shelves):
            x, base = column * bay + u * 20, (row + 1) * shelf - u * 10
            end = (column + 1) * bay - u * 16
            while x < end - u * 16:
                wide = min(u * float(rng.uniform(16, 40)), end - x)
                tall = shelf * float(rng.uniform(0.56, 0.84))
                cover = dim(
                    stage,
                    oklch(
                        float(rng.uniform(0.42, 0.72)),
                        float(rng.uniform(0.06, 0.13)),
                        float(rng.choice([25, 45, 80, 150, 200, 250, 300, 350])),
                    ),
                )
                if rng.random() < 0.05:
                    x += wide  # a gap
                    continue
                stage.back.append(rect(x, base - tall, wide, tall, cover, u * 2))
                stage.back.append(rect(x + wide * 0.2, base - tall * 0.82, wide * 0.6, tall * 0.07, shade(cover, 0.18)))
                x += wide + u
            stage.back.append(rect(column * bay, base, bay, u * 12, wood))
        stage.back.append(rect(column * bay - u * 10, 0, u * 24, top, shade(wood, 0.05)))
    stage.back.append(rect(0, 0, w, u * 20, shade(wood, 0.05)))
    light(stage, w * 0.5, top * 0.35, 0.22)
    boards(stage, rng, shade(wood, 0.02))
    rug(stage, rng)
    x = w * (0.16 if rng.random() < 0.5 else 0.74)
    pale = dim(stage, oklch(0.72, 0.09, 70))
    rails = f"M{x:.1f} {top * 1.10:.1f}L{x + w * 0.05:.1f} {top * 0.12:.1f}M{x + w * 0.10:.1f} {top * 1.10:.1f}L{x + w * 0.12:.1f} {top * 0.12:.1f}"
    rungs = "".join(
        f"M{x + w * 0.05 * t:.1f} {top * (1.10 - 0.98 * t):.1f}H{x + w * (0.10 + 0.02 * t):.1f}"
        for t in np.linspace(0.1, 0.94, 8).tolist()
    )
    stage.back.append(strokes(rails, pale, u * 12) + strokes(rungs, shade(pale, -0.08), u * 9))


def office(stage: Stage) -> None:
    """Desks with screens before large windows onto a skyline, files on shelves."""
    rng, _ = room(stage, "office", oklch(0.91, 0.012, 240), 0.64)
    w, h, top, u = stage.width, stage.height, stage.horizon, stage.unit
    palette = stage.palette
    left, wide, tall = w * 0.26, w * 0.70, top * 0.60
    sky = stage.gradient([(0, palette.top, 1), (0.6, palette.middle, 1), (1, palette.low, 1)], top * 0.08, top * 0.68)
    stage.back.append(
        rect(left - u * 12, top * 0.08 - u * 12, wide + u * 24, tall + u * 24, dim(stage, (0.96, 0.96, 0.97)))
    )
    stage.back.append(rect(left, top * 0.08, wide, tall, sky))
    x = left
    while x < left + wide - u * 30:
        block = min(u * float(rng.uniform(46, 90)), left + wide - x)
        high = tall * float(rng.uniform(0.25, 0.66))
        tone = palette.at(oklch(0.55, 0.035, 255), float(rng.uniform(0.35, 0.6)))
        stage.back.append(rect(x, top * 0.08 + tall - high, block, high, tone))
        panes = "".join(
            f"M{px:.1f} {py:.1f}h{u * 8:.1f}" for px in np.arange(x + u * 12, x + block - u * 14, u * 18) for py in np.arange(top * 0.08 + tall - high + u * 16, top * 0.08 + tall - u * 8, u * 24)
        )  # fmt: skip
        stage.back.append(strokes(panes, (1.0, 0.9, 0.6) if palette.dark else mix(tone, (1, 1, 1), 0.5), u * 8))
        x += block
    bars = "".join(f"M{left + wide * i / 4:.1f} {top * 0.08:.1f}v{tall:.1f}" for i in range(1, 4))
    stage.back.append(strokes(bars, dim(stage, (0.96, 0.96, 0.97)), u * 14))
    grey = dim(stage, (0.70, 0.72, 0.76))
    for row in range(4):
        y = top * (0.14 + 0.17 * row)
        for i in range(6):
            folder = dim(stage, oklch(0.62, 0.12, float(rng.choice([25, 90, 150, 240, 290]))))
            stage.back.append(rect(w * (0.03 + 0.03 * i), y - top * 0.12, w * 0.025, top * 0.12, folder, u * 2))
        stage.back.append(rect(w * 0.02, y, w * 0.20, u * 10, grey))
    carpet = dim(stage, oklch(0.56, 0.03, float(rng.choice([250, 200, 160]))))
    paint = stage.gradient([(0, shade(carpet, -0.05), 1), (1, shade(carpet, 0.04), 1)], top, h)
    stage.back.append(rect(0, top, w, h - top, paint) + rect(0, top, w, u * 8, "#000", opacity=0.12))
    for x0 in (0.02, 0.355, 0.69):
        _workplace(stage, w * x0, top + (h - top) * 0.12, w * 0.29)


def _workplace(stage: Stage, x: float, y: float, wide: float) -> None:
    """A desk with a screen, papers and a chair's back; y is the top of the desk."""
    u = stage.unit
    desk, dark = dim(stage, oklch(0.80, 0.05, 75)), dim(stage, (0.22, 0.23, 0.28))
    stage.back.append(
        rect(x + wide * 0.04, y, wide * 0.05, wide * 0.40, dark)
        + rect(x + wide * 0.91, y, wide * 0.05, wide * 0.40, dark)
    )
    stage.back.append(
        rect(x, y, wide, wide * 0.07, shade(desk, -0.06), u * 3)
        + rect(x + wide * 0.66, y + wide * 0.07, wide * 0.24, wide * 0.28, shade(desk, -0.10))
    )
    stage.back.append(
        rect(x + wide * 0.26, y - wide * 0.08, wide * 0.10, wide * 0.08, dark)
        + rect(x + wide * 0.08, y - wide * 0.36, wide * 0.46, wide * 0.29, dark, u * 6)
    )
    stage.back.append(
        rect(x + wide * 0.10, y - wide * 0.34, wide * 0.42, wide * 0.25, dim(stage, oklch(0.80, 0.09, 230)))
    )
    stage.back.append(
        rect(x + wide * 0.14, y - wide * 0.29, wide * 0.20, wide * 0.03, "#fff", opacity=0.7)
        + rect(x + wide * 0.14, y - wide * 0.23, wide * 0.30, wide * 0.03, "#fff", opacity=0.5)
    )
    stage.back.append(rect(x + wide * 0.66, y - wide * 0.05, wide * 0.22, wide * 0.05, dim(stage, (0.97, 0.97, 0.95))))


STUDY_ROOMS = {"classroom": classroom, "library": library, "office": office}
