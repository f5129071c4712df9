"""Indoors: a room with a window, a table top before a soft wall, a stage under spotlights."""

import numpy as np
from PIL import Image, ImageFilter

from cloudflare_image_illustrator.colour import Rgb, hexed, mix, named, oklch, shade
from cloudflare_image_illustrator.raster import paste, rasterise
from cloudflare_image_illustrator.scenery.stage import Stage


def flat(stage: Stage, colour: Rgb) -> None:
    stage.canvas = Image.new("RGB", (stage.width, stage.height), tuple(int(255 * c) for c in colour))
    stage.indoors = True


def dim(stage: Stage, colour: Rgb) -> Rgb:
    """A room's colour by the hour: lamps make evenings warm, not dark."""
    return {
        "night": mix(shade(colour, -0.20), (0.42, 0.26, 0.20), 0.25),
        "sunset": mix(colour, (0.95, 0.62, 0.42), 0.28),
        "dawn": mix(colour, (0.98, 0.82, 0.76), 0.2),
    }.get(stage.time, colour)


def wall_colour(stage: Stage, rng: np.random.Generator) -> Rgb:
    tint = stage.tints.get("interior") or stage.tints.get("table")
    if tint:
        return dim(stage, shade(named(tint), 0.0, 0.7))
    return dim(
        stage,
        oklch(
            float(rng.uniform(0.80, 0.90)),
            float(rng.uniform(0.03, 0.07)),
            float(rng.choice([85, 60, 150, 200, 20, 250, 110])),
        ),
    )


def interior(stage: Stage) -> None:
    """A furnished room: window, picture, lamp, plant, boards, rug."""
    rng = stage.rng("interior")
    w, h = stage.width, stage.height
    wall = wall_colour(stage, rng)
    flat(stage, wall)
    stage.horizon = h * float(rng.uniform(0.58, 0.66))
    side = 0.28 if rng.random() < 0.5 else 0.72
    stage.sun = (side * w, stage.horizon * 0.4)
    light = stage.glow([(0, (1, 1, 0.95), 0.42), (1, (1, 1, 0.95), 0)], side * w, stage.horizon * 0.5, max(w, h) * 0.6)
    stage.back.append(f'<rect width="{w}" height="{h}" fill="{light}"/>')
    if rng.random() < 0.5:
        stripe = hexed(shade(wall, -0.02))
        step = stage.unit * 70
        stage.back.append(
            "".join(
                f'<rect x="{x:.1f}" y="0" width="{step / 2:.1f}" height="{stage.horizon:.1f}" fill="{stripe}" opacity=".55"/>'
                for x in np.arange(0, w, step)
            )
        )
    window(stage, side * w, stage.horizon * 0.47, min(w * 0.36, stage.horizon * 0.62), rng)
    _pictures(stage, rng, (1 - side) * w, stage.horizon * 0.36)
    boards(stage, rng, wall)
    rug(stage, rng)
    _lamp(stage, rng, (0.93 if side < 0.5 else 0.07) * w)
    _plant(stage, rng, (0.06 if side < 0.5 else 0.94) * w)
    stage.floor_far, stage.floor_near = (
        stage.horizon + (h - stage.horizon) * 0.36,
        h - (h - stage.horizon) * 0.16,
    )


def window(stage: Stage, x: float, y: float, size: float, rng: np.random.Generator) -> None:
    """A window onto the hour's sky, with curtains."""
    palette = stage.palette
    left, top, w, h = x - size / 2, y - size * 0.55, size, size * 1.1
    sky = stage.gradient([(0, palette.top, 1), (0.6, palette.middle, 1), (1, palette.low, 1)], top, top + h)
    hill = hexed(palette.at(palette.grass, 0.45))
    frame = hexed(shade(dim(stage, (0.97, 0.96, 0.94)), 0.0))
    edge = hexed(dim(stage, (0.80, 0.78, 0.75)))
    stage.back.append(
        f'<rect x="{left - size * 0.05:.1f}" y="{top - size * 0.05:.1f}" width="{w + size * 0.1:.1f}" height="{h + size * 0.1:.1f}" rx="{size * 0.02:.1f}" fill="{frame}"/>'
        f'<rect x="{left:.1f}" y="{top:.1f}" width="{w:.1f}" height="{h:.1f}" fill="{sky}"/>'
        f'<path d="M{left:.1f} {top + h * 0.78:.1f}q{w * 0.3:.1f} {-h * 0.14:.1f} {w * 0.55:.1f} {-h * 0.02:.1f}t{w * 0.45:.1f} {-h * 0.02:.1f}V{top + h:.1f}H{left:.1f}z" fill="{hill}"/>'
        f'<path d="M{x:.1f} {top:.1f}v{h:.1f}M{left:.1f} {top + h * 0.45:.1f}h{w:.1f}" stroke="{frame}" stroke-width="{size * 0.035:.1f}"/>'
        f'<rect x="{left - size * 0.08:.1f}" y="{top + h + size * 0.04:.1f}" width="{w + size * 0.16:.1f}" height="{size * 0.05:.1f}" fill="{edge}"/>'
    )
    if stage.palette.dark:
        stage.back.append(
            f'<circle cx="{left + w * 0.74:.1f}" cy="{top + h * 0.2:.1f}" r="{size * 0.07:.1f}" fill="#f6efd2"/>'
        )
    if set(stage.weather) & {"rain", "storm"}:
        drops = stage.rng("drops on the pane").random((26, 3)).tolist()
        lines = "".join(
            f"M{left + w * x:.1f} {top + h * 0.86 * y:.1f}l{-size * 0.02:.1f} {size * (0.05 + 0.06 * t):.1f}"
            for x, y, t in drops
        )
        stage.back.append(
            f'<path d="{lines}" fill="none" stroke="#e8f1fa" stroke-width="{size * 0.012:.1f}" stroke-linecap="round" opacity=".8"/>'
        )
    cloth = dim(stage, oklch(0.74, 0.10, float(rng.uniform(0, 360))))
    for sign in (-1, 1):
        cx = x + sign * size * 0.60
        fold = stage.gradient(
            [
                (0, shade(cloth, 0.04), 1),
                (0.3, shade(cloth, -0.06), 1),
                (0.55, shade(cloth, 0.05), 1),
                (0.8, shade(cloth, -0.05), 1),
                (1, cloth, 1),
            ],
            0,
            0,
            cx - size * 0.14,
            cx + size * 0.14,
        )
        stage.back.append(
            f'<path d="M{cx - size * 0.14:.1f} {top - size * 0.1:.1f}h{size * 0.28:.1f}q{size * 0.03:.1f} {h * 0.6:.1f} {size * 0.02:.1f} {h * 1.22:.1f}h{-size * 0.32:.1f}q{size * 0.02:.1f} {-h * 0.6:.1f} {size * 0.02:.1f} {-h * 1.22:.1f}z" fill="{fold}"/>'
        )
    stage.back.append(
        f'<rect x="{x - size * 0.8:.1f}" y="{top - size * 0.13:.1f}" width="{size * 1.6:.1f}" height="{size * 0.035:.1f}" rx="{size * 0.017:.1f}" fill="{hexed(dim(stage, oklch(0.45, 0.06, 60)))}"/>'
    )


def _pictures(stage: Stage, rng: np.random.Generator, x: float, y: float) -> None:
    frame = hexed(dim(stage, oklch(0.42, 0.06, 60)))
    for dx, dy, size in ((-0.07, 0.0, 0.17), (0.09, 0.05, 0.12)):
        cx, cy, s = x + dx * stage.width, y + dy * stage.height, size * min(stage.width, stage.height)
        one, two = (
            dim(stage, oklch(0.78, 0.09, float(rng.uniform(0, 360)))),
            dim(stage, oklch(0.6, 0.10, float(rng.uniform(0, 360)))),
        )
        stage.back.append(
            f'<rect x="{cx - s * 0.5:.1f}" y="{cy - s * 0.6:.1f}" width="{s:.1f}" height="{s * 1.2:.1f}" fill="{frame}"/>'
            f'<rect x="{cx - s * 0.42:.1f}" y="{cy - s * 0.52:.1f}" width="{s * 0.84:.1f}" height="{s * 1.04:.1f}" fill="{hexed(one)}"/>'
            f'<circle cx="{cx + s * 0.12:.1f}" cy="{cy - s * 0.16:.1f}" r="{s * 0.16:.1f}" fill="{hexed(mix(one, (1, 1, 1), 0.55))}"/>'
            f'<path d="M{cx - s * 0.42:.1f} {cy + s * 0.52:.1f}V{cy + s * 0.14:.1f}q{s * 0.3:.1f} {-s * 0.26:.1f} {s * 0.84:.1f} {s * 0.06:.1f}V{cy + s * 0.52:.1f}z" fill="{hexed(two)}"/>'
        )


def boards(stage: Stage, rng: np.random.Generator, wall: Rgb) -> None:
    """A floor of wooden boards and the skirting above it."""
    w, h, top = stage.width, stage.height, stage.horizon
    wood = dim(stage, oklch(float(rng.uniform(0.52, 0.68)), 0.07, float(rng.uniform(52, 74))))
    paint = stage.gradient([(0, shade(wood, -0.07), 1), (1, shade(wood, 0.05), 1)], top, h)
    stage.back.append(f'<rect x="0" y="{top:.1f}" width="{w}" height="{h - top:.1f}" fill="{paint}"/>')
    line = hexed(shade(wood, -0.11))
    seams = "".join(
        f"M{w / 2 + (i - 9) * w * 0.075:.1f} {top:.1f}L{w / 2 + (i - 9) * w * 0.17:.1f} {h}" for i in range(19)
    )
    stage.back.append(f'<path d="{seams}" stroke="{line}" stroke-width="{stage.unit * 1.6:.1f}" opacity=".55"/>')
    skirting = hexed(shade(wall, 0.06, 0.5))
    stage.back.append(
        f'<rect x="0" y="{top - stage.unit * 26:.1f}" width="{w}" height="{stage.unit * 28:.1f}" fill="{skirting}"/><rect x="0" y="{top:.1f}" width="{w}" height="{stage.unit * 7:.1f}" fill="#000" opacity=".13"/>'
    )


def rug(stage: Stage, rng: np.random.Generator) -> None:
    """A round rug in the colour asked for, or in any."""
    w, h, top = stage.width, stage.height, stage.horizon
    asked = stage.tints.get("rug")
    hue = float(rng.uniform(0, 360))
    colour = dim(stage, named(asked) if asked else oklch(0.66, 0.10, hue))
    cy, rx = top + (h - top) * 0.58, w * 0.40
    ry = (h - top) * 0.33
    stage.back.append(
        f'<ellipse cx="{w / 2:.1f}" cy="{cy:.1f}" rx="{rx:.1f}" ry="{ry:.1f}" fill="{hexed(colour)}"/>'
        f'<ellipse cx="{w / 2:.1f}" cy="{cy:.1f}" rx="{rx * 0.88:.1f}" ry="{ry * 0.86:.1f}" fill="none" stroke="{hexed(shade(colour, 0.13, 0.6))}" stroke-width="{stage.unit * 9:.1f}"/>'
        f'<ellipse cx="{w / 2:.1f}" cy="{cy:.1f}" rx="{rx * 0.62:.1f}" ry="{ry * 0.58:.1f}" fill="{hexed(shade(colour, 0.06, 0.8, 25))}"/>'
    )


def _lamp(stage: Stage, rng: np.random.Generator, x: float) -> None:
    foot, tall = stage.horizon + (stage.height - stage.horizon) * 0.16, stage.height * 0.42
    top, r = foot - tall, stage.height * 0.075
    metal = hexed(dim(stage, oklch(0.38, 0.03, 70)))
    shade_colour = dim(stage, oklch(0.88, 0.08, float(rng.choice([85, 60, 30]))))
    if stage.palette.dark or stage.time == "sunset":
        glow = stage.glow([(0, (1.0, 0.9, 0.65), 0.75), (1, (1.0, 0.85, 0.6), 0)], x, top + r * 0.5, tall * 0.8)
        stage.back.append(f'<circle cx="{x:.1f}" cy="{top + r * 0.5:.1f}" r="{tall * 0.8:.1f}" fill="{glow}"/>')
        shade_colour = (1.0, 0.92, 0.70)
    stage.back.append(
        f'<path d="M{x:.1f} {foot:.1f}V{top:.1f}" stroke="{metal}" stroke-width="{stage.unit * 6:.1f}"/><ellipse cx="{x:.1f}" cy="{foot:.1f}" rx="{r * 0.7:.1f}" ry="{r * 0.18:.1f}" fill="{metal}"/>'
        f'<path d="M{x - r * 0.6:.1f} {top - r * 0.3:.1f}h{r * 1.2:.1f}l{r * 0.5:.1f} {r * 1.4:.1f}h{-r * 2.2:.1f}z" fill="{hexed(shade_colour)}"/>'
    )


def _plant(stage: Stage, rng: np.random.Generator, x: float) -> None:
    foot, size = stage.horizon + (stage.height - stage.horizon) * 0.20, stage.height * 0.11
    pot = dim(stage, oklch(0.62, 0.10, float(rng.choice([40, 55, 250, 20]))))
    for i, angle in enumerate((-62, -36, -12, 14, 38, 64)):
        a = np.radians(angle + float(rng.uniform(-6, 6)))
        length = size * float(rng.uniform(1.5, 2.1))
        base_y = foot - size * 0.7
        ex, ey = x + np.sin(a) * length, base_y - np.cos(a) * length
        bend = size * 0.42
        green = dim(stage, oklch(0.50 + 0.05 * (i % 3), 0.11, 148))
        stage.back.append(
            f'<path d="M{x:.1f} {base_y:.1f}Q{(x + ex) / 2 - bend * np.cos(a):.1f} {(base_y + ey) / 2 - bend * 0.4:.1f} {ex:.1f} {ey:.1f}Q{(x + ex) / 2 + bend * np.cos(a):.1f} {(base_y + ey) / 2 + bend * 0.4:.1f} {x:.1f} {base_y:.1f}z" fill="{hexed(green)}"/>'
        )
    stage.back.append(
        f'<path d="M{x - size * 0.5:.1f} {foot - size * 0.85:.1f}h{size:.1f}l{-size * 0.15:.1f} {size * 0.85:.1f}h{-size * 0.7:.1f}z" fill="{hexed(pot)}"/><rect x="{x - size * 0.56:.1f}" y="{foot - size * 0.95:.1f}" width="{size * 1.12:.1f}" height="{size * 0.2:.1f}" rx="{size * 0.04:.1f}" fill="{hexed(shade(pot, 0.06))}"/>'
    )


def table(stage: Stage) -> None:
    """A table top seen from a chair; the room behind it is out of focus."""
    rng = stage.rng("table")
    w, h = stage.width, stage.height
    wall = wall_colour(stage, rng)
    flat(stage, wall)
    stage.horizon = h * float(rng.uniform(0.58, 0.66))
    side = 0.24 if rng.random() < 0.5 else 0.76
    stage.sun = (side * w, h * 0.2)
    light = stage.glow([(0, (1, 1, 0.95), 0.5), (1, (1, 1, 0.95), 0)], side * w, stage.horizon * 0.4, max(w, h) * 0.6)
    stage.back.append(f'<rect width="{w}" height="{h}" fill="{light}"/>')
    window(stage, side * w, stage.horizon * 0.42, min(w * 0.34, stage.horizon * 0.6), rng)
    _pictures(stage, rng, (1 - side) * w, stage.horizon * 0.36)
    paste(
        stage.canvas,
        rasterise(stage.body(stage.back), w // 4, h // 4, (0, 0, w, h)).resize((w, h), Image.Resampling.BICUBIC),
        0,
        0,
    )
    stage.canvas = (
        stage.canvas.reduce(4)
        .filter(ImageFilter.GaussianBlur(stage.unit * 3.2))
        .resize((w, h), Image.Resampling.BICUBIC)
    )
    stage.back, stage.paints = [], []
    wood = dim(stage, oklch(float(rng.uniform(0.50, 0.70)), 0.075, float(rng.uniform(50, 75))))
    top = stage.horizon
    paint = stage.gradient([(0, shade(wood, -0.05), 1), (1, shade(wood, 0.06), 1)], top, h)
    stage.back.append(
        f'<rect x="0" y="{top:.1f}" width="{w}" height="{h - top:.1f}" fill="{paint}"/><rect x="0" y="{top:.1f}" width="{w}" height="{stage.unit * 4:.1f}" fill="#fff" opacity=".35"/>'
    )
    for _ in range(26):
        t = float(rng.uniform(0.03, 1))
        y, x, length = (
            top + (h - top) * t,
            float(rng.uniform(-0.2, 0.9)) * w,
            w * float(rng.uniform(0.2, 0.7)),
        )
        stage.back.append(
            f'<path d="M{x:.1f} {y:.1f}q{length * 0.5:.1f} {stage.unit * float(rng.uniform(-9, 9)):.1f} {length:.1f} 0" fill="none" stroke="{hexed(shade(wood, -0.08))}" stroke-width="{stage.unit * (0.8 + 2.6 * t):.1f}" opacity=".4" stroke-linecap="round"/>'
        )
    stage.floor_far, stage.floor_near = top + (h - top) * 0.30, h - (h - top) * 0.22


def spotlit(stage: Stage) -> None:
    """A stage with curtains and spotlights."""
    rng = stage.rng("spotlit")
    w, h = stage.width, stage.height
    cloth = (
        named(stage.tints["stage"])
        if "stage" in stage.tints
        else oklch(0.42, 0.15, float(rng.choice([22, 300, 260, 350])))
    )
    flat(stage, shade(cloth, -0.22))
    stage.horizon = h * 0.68
    stage.sun = (w / 2, 0)
    for x in np.arange(-0.02, 1.04, 0.065):
        fold = stage.gradient(
            [(0, shade(cloth, -0.16), 1), (0.5, shade(cloth, 0.0), 1), (1, shade(cloth, -0.2), 1)],
            0,
            0,
            x * w,
            (x + 0.065) * w,
        )
        stage.back.append(
            f'<rect x="{x * w:.1f}" y="0" width="{0.067 * w:.1f}" height="{stage.horizon:.1f}" fill="{fold}"/>'
        )
    boards = stage.gradient([(0, oklch(0.36, 0.06, 55), 1), (1, oklch(0.52, 0.08, 60), 1)], stage.horizon, h)
    stage.back.append(
        f'<rect x="0" y="{stage.horizon:.1f}" width="{w}" height="{h - stage.horizon:.1f}" fill="{boards}"/>'
    )
    pool = stage.glow([(0, (1, 0.97, 0.86), 0.55), (1, (1, 0.95, 0.8), 0)], w / 2, h * 0.82, w * 0.42)
    stage.back.append(
        f'<ellipse cx="{w / 2:.1f}" cy="{h * 0.84:.1f}" rx="{w * 0.42:.1f}" ry="{h * 0.13:.1f}" fill="{pool}"/>'
    )
    for x in (0.2, 0.8):
        beam = stage.gradient([(0, (1, 0.97, 0.86), 0.5), (1, (1, 0.95, 0.8), 0.02)], 0, h * 0.85)
        stage.back.append(
            f'<path d="M{x * w - w * 0.02:.1f} {-h * 0.02:.1f}h{w * 0.04:.1f}L{w * 0.72:.1f} {h * 0.86:.1f}H{w * 0.28:.1f}z" fill="{beam}"/>'
        )
    stage.floor_far, stage.floor_near = h * 0.78, h * 0.90
