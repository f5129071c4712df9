"""Where a new thing goes in a picture that is there already: in a box, at a calm place, or by what stands out."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from cloudflare_image_illustrator.edits import photograph
from cloudflare_image_illustrator.figures.cast import Actor
from cloudflare_image_illustrator.pixels import Array
from cloudflare_image_illustrator.seeds import seeded

ALOFT_PLACES = ("sky-weather", "transport-air")


def box_of(part: Array, least: float = 0.3) -> tuple[int, int, int, int] | None:
    """left, top, right, bottom of where a part of a picture (0 to 1, H x W) is more than the least; None when it is nowhere."""
    return Image.fromarray(((part > least) * 255).astype(np.uint8)).getbbox()


def fit(actor: Actor, box: tuple[int, int, int, int], place: int, count: int) -> None:
    """Sizes an actor to its share of a box and stands it there."""
    left, top, right, bottom = box
    share = (right - left) / count
    actor.height = max(4.0, min((bottom - top) * 0.96, share * 0.96 / actor.aspect))
    actor.x = left + share * (place + 0.5)
    actor.foot = bottom - (bottom - top) * 0.03
    actor.floating = False


def free_place(actor: Actor, picture: Image.Image, seed: int, order: int) -> None:
    """The calmest place of fitting height: aloft for what flies or shines, on the ground for the rest."""
    w, h = picture.size
    aloft = actor.floating or (actor.concept is not None and actor.concept.kind.startswith(ALOFT_PLACES))
    actor.floating = aloft
    actor.height = min(h * 0.30 * min(max(actor.stature, 0.55), 1.4), w * 0.42 / actor.aspect)
    edges = picture.convert("L").resize((48, 48), Image.Resampling.BOX).filter(ImageFilter.FIND_EDGES)
    busy = np.asarray(edges, np.float32)
    found, certainty = photograph.standing_out(picture)
    if certainty > 0.1:
        busy = busy + 90 * np.asarray(Image.fromarray(found).resize((48, 48), Image.Resampling.BILINEAR))
    rng = seeded(seed, "free place", order)
    best = np.inf
    for _ in range(60):
        x = float(rng.uniform(actor.width * 0.55, max(w - actor.width * 0.55, actor.width * 0.56)))
        foot = (
            float(rng.uniform(actor.height + h * 0.03, max(h * 0.45, actor.height + h * 0.04)))
            if aloft
            else float(rng.uniform(h * 0.68, h * 0.95))
        )
        left, right = int((x - actor.width / 2) / w * 48), int((x + actor.width / 2) / w * 48) + 1
        top, bottom = int((foot - actor.height) / h * 48), int(foot / h * 48) + 1
        cost = float(busy[max(top, 0) : bottom, max(left, 0) : right].mean()) + 14 * abs(foot / h - 0.86) * (not aloft)
        if cost < best:
            best, actor.x, actor.foot = cost, x, foot


def _head(upper: NDArray[np.bool_]) -> tuple[float, float]:
    """The largest of what rises at the top of a thing, a head rather than a tail: its middle column and its top row."""
    filled = upper.sum(axis=0)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], (filled > 0).astype(int), [0]])))
    runs = list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
    start, end = max(runs, key=lambda run: int(filled[run[0] : run[1]].sum()))
    part = upper[:, start:end]
    peak = int(part.any(axis=1).argmax())
    columns = np.flatnonzero(part[peak : peak + max(2, len(upper) // 2)].any(axis=0))
    return start + float(columns.mean()), float(peak)


def by_what_stands_out(actor: Actor, picture: Image.Image, relation: str) -> bool:
    """Places a thing beside, on, over, under, before or behind the thing that stands out; false when none does."""
    found, certainty = photograph.standing_out(picture)
    box = box_of(found, 0.5)
    if certainty < 0.12 or box is None:
        return False
    left, top, right, bottom = box
    wide, tall = right - left, bottom - top
    worn = actor.concept is not None and actor.concept.kind == "clothing"
    share = 0.34 if worn else min(max(actor.stature * 0.6, 0.25), 0.8)
    actor.height = min(tall * share, wide * 0.8 / actor.aspect)
    crown, peak = _head(found[top : top + max(2, tall // 6)] > 0.5)
    free = 1 if picture.width - right > left else -1
    beside = (left + right) / 2 + free * (wide + actor.width) * 0.54
    half = actor.width * 0.5
    places = {
        "on": (crown, top + peak + actor.height * (0.30 if worn else 0.12)),
        "over": ((left + right) / 2, max(top - tall * 0.06, actor.height * 1.05)),
        "under": ((left + right) / 2, bottom + actor.height * 0.12),
        "front": ((left + right) / 2 - free * wide * 0.2, bottom + actor.height * 0.08),
    }
    x, foot = places.get(relation, (beside, bottom))
    actor.x = float(np.clip(x, half, max(picture.width - half, half)))
    actor.foot = float(np.clip(foot, actor.height, picture.height * 0.99))
    actor.floating = relation in {"on", "over"}
    return True
