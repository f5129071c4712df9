"""The isometric view: a slab of the scene's ground floating before a plain backdrop, with small props on it."""

import numpy as np

from cloudflare_image_illustrator.colour import Rgb, hexed, mix, oklch, shade
from cloudflare_image_illustrator.scenery import plants, studio
from cloudflare_image_illustrator.scenery.stage import Stage

TOPS = {
    "beach": "sand",
    "desert": "sand",
    "snow": "snow",
    "ocean": "water",
    "lake": "water",
    "underwater": "water",
}
FLOORS = {
    "city": (0.50, 0.012, 270),
    "interior": (0.66, 0.07, 65),
    "table": (0.62, 0.08, 60),
    "moon": (0.68, 0.01, 90),
    "space": (0.5, 0.05, 290),
    "stage": (0.5, 0.08, 55),
}


def paint(stage: Stage, scenery: list[str]) -> None:
    """Paints backdrop and slab; feet may stand on the slab's middle."""
    studio.paint(stage, None, None, plain=True)
    place = next((s for s in scenery if s in TOPS or s in FLOORS), "meadow")
    colour: Rgb = oklch(*FLOORS[place]) if place in FLOORS else getattr(stage.palette, TOPS.get(place, "grass"))
    colour = stage.palette.lit(colour)
    cx, cy = stage.width / 2, stage.height * 0.66
    w = min(stage.width * 0.46, stage.height * 0.62)
    h, thick = w * 0.52, w * 0.22
    soil = stage.palette.lit(oklch(0.50, 0.06, 55)) if place not in {"snow", "ocean", "lake"} else shade(colour, -0.12)
    left, right = hexed(shade(soil, 0.03)), hexed(shade(soil, -0.09))
    top = stage.gradient([(0, shade(colour, 0.05), 1), (1, shade(colour, -0.03), 1)], cy - h, cy + h)
    stage.back.append(
        f'<ellipse cx="{cx:.1f}" cy="{cy + thick + h * 0.75:.1f}" rx="{w * 0.9:.1f}" ry="{h * 0.45:.1f}" fill="#000" opacity=".16"/>'
        f'<path d="M{cx - w:.1f} {cy:.1f}L{cx:.1f} {cy + h:.1f}v{thick:.1f}L{cx - w:.1f} {cy + thick:.1f}z" fill="{left}"/>'
        f'<path d="M{cx + w:.1f} {cy:.1f}L{cx:.1f} {cy + h:.1f}v{thick:.1f}L{cx + w:.1f} {cy + thick:.1f}z" fill="{right}"/>'
        f'<path d="M{cx - w:.1f} {cy:.1f}L{cx:.1f} {cy + h:.1f}v{thick * 0.3:.1f}L{cx - w:.1f} {cy + thick * 0.3:.1f}z" fill="{hexed(shade(colour, -0.08))}"/>'
        f'<path d="M{cx + w:.1f} {cy:.1f}L{cx:.1f} {cy + h:.1f}v{thick * 0.3:.1f}L{cx + w:.1f} {cy + thick * 0.3:.1f}z" fill="{hexed(shade(colour, -0.16))}"/>'
        f'<path d="M{cx:.1f} {cy - h:.1f}L{cx + w:.1f} {cy:.1f}L{cx:.1f} {cy + h:.1f}L{cx - w:.1f} {cy:.1f}z" fill="{top}"/>'
    )
    if place in {"meadow", "snow"}:
        _trees(stage, cx, cy, w, h, snowy=place == "snow")
    elif place == "city":
        _blocks(stage, cx, cy, w, h)
    stage.floor_far, stage.floor_near = cy - h * 0.05, cy + h * 0.45


def _trees(stage: Stage, cx: float, cy: float, w: float, h: float, snowy: bool) -> None:
    rng = stage.rng("diorama")
    base = stage.palette.foliage if not snowy else oklch(0.45, 0.07, 190)
    for u in np.linspace(0.06, 0.9, 5):
        for side in (-1, 1):
            x, y = cx + side * w * u * 0.94, cy - h * (1 - u) * 0.86
            tall = w * float(rng.uniform(0.24, 0.42))
            lit, dim = stage.palette.lit(shade(base, 0.08)), stage.palette.lit(shade(base, -0.08))
            stage.back.append(
                plants.conifer(x, y, tall, lit, dim, True, stage.palette.lit(stage.palette.snow) if snowy else None)
            )


def _blocks(stage: Stage, cx: float, cy: float, w: float, h: float) -> None:
    """Little towers along the far edges."""
    rng = stage.rng("blocks")
    for u in (0.1, 0.36, 0.62, 0.86):
        for side in (-1, 1):
            x, y, s = cx + side * w * u * 0.9, cy - h * (1 - u) * 0.72, w * 0.13
            tall = w * float(rng.uniform(0.24, 0.6))
            colour = stage.palette.lit(oklch(0.70, 0.07, float(rng.uniform(0, 360))))
            stage.back.append(
                f'<path d="M{x - s:.1f} {y:.1f}l{s:.1f} {s * 0.52:.1f}v{-tall:.1f}l{-s:.1f} {-s * 0.52:.1f}z" fill="{hexed(shade(colour, -0.02))}"/>'
                f'<path d="M{x + s:.1f} {y:.1f}l{-s:.1f} {s * 0.52:.1f}v{-tall:.1f}l{s:.1f} {-s * 0.52:.1f}z" fill="{hexed(shade(colour, -0.13))}"/>'
                f'<path d="M{x - s:.1f} {y - tall:.1f}l{s:.1f} {s * 0.52:.1f}l{s:.1f} {-s * 0.52:.1f}l{-s:.1f} {-s * 0.52:.1f}z" fill="{hexed(mix(colour, (1, 1, 1), 0.3))}"/>'
            )
