"""Where the cast stands: a layout optimiser whose energy never rises."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cloudflare_image_illustrator.figures.bodies import ANIMALS
from cloudflare_image_illustrator.figures.cast import Actor, Cast

CANDIDATES = 72  # positions tried for each actor in each step
Floats = NDArray[np.float64]
HEADROOM = 0.03  # kept free above what stands, in heights of the picture


@dataclass(frozen=True, slots=True)
class Floor:
    """Where feet may be (pixels): between far and near, left to right; free when things float anywhere between.

    ledge: left and right end of the ground, in widths. margin: kept free at the sides, in widths.
    """

    width: int
    height: int
    far: float
    near: float
    floating: bool = False
    focus: float = 0.5
    reach: float = 0.56
    horizon: float = 0.0
    ledge: tuple[float, float] = (0.0, 1.0)
    margin: float = 0.02


def arrange(cast: Cast, floor: Floor, steps: int, rng: np.random.Generator) -> list[float]:
    """Sizes and places every actor; gives the energy before the first step and after each."""
    roots = [a for a in cast.actors if a.parent is None]
    if not roots:
        return []
    if len(roots) > 3 and floor.horizon < floor.far:
        floor = replace(floor, far=floor.far - 0.5 * (floor.far - floor.horizon))
    _size(cast, roots, floor)
    _start(roots, floor, rng)
    jitter = rng.uniform(-1, 1, len(cast.actors))
    _follow(cast, jitter)
    _shrink(cast, roots, floor)
    _follow(cast, jitter)
    extents = [_extent(cast, root) for root in roots]
    places = np.array([[root.x, root.foot] for root in roots])
    energies = [_total(places, extents, floor)]
    for step in range(steps):
        spread = 0.5 * 0.8**step + 0.02
        for i in rng.permutation(len(roots)).tolist():
            tried = np.repeat(places[i][None], CANDIDATES, 0)
            tried += (
                rng.normal(0, 1, tried.shape)
                * spread
                * np.array([floor.width * 0.5, max(floor.near - floor.far, 1) * 0.6])
            )
            low, high = _feet(roots[i], floor)
            tried[:, 1] = np.clip(tried[:, 1], low, high)
            left, right = (0.0, 1.0) if roots[i].floating else floor.ledge
            tried[:, 0] = np.clip(tried[:, 0], left * floor.width, right * floor.width)
            tried[0] = places[i]
            energy = _energy(i, tried, places, extents, floor)
            places[i] = tried[int(energy.argmin())]
        energies.append(min(_total(places, extents, floor), energies[-1]))
    for root, place in zip(roots, places, strict=True):
        root.x, root.foot = float(place[0]), float(place[1])
    _follow(cast, jitter)
    return energies


def fasten(cast: Cast, jitter: Floats) -> None:
    """Sizes and places what is fastened to actors that stand already."""
    for actor in cast.actors:
        if actor.parent is not None:
            actor.height = _bound_height(actor, cast.actors[actor.parent])
    _follow(cast, jitter)


def _bound_height(actor: Actor, parent: Actor) -> float:
    ratio = (actor.stature / parent.stature) ** 0.75
    bounds = {
        "wearing": (0.2, 0.36),
        "holding": (0.28, 0.46),
        "riding": (0.45, 0.72),
        "on": (0.25, 0.85),
        "inside": (0.3, 0.7),
        "shoulder": (0.25, 0.40),
    }
    low, high = bounds.get(actor.bond or "", (0.15, 2.2))
    label = parent.concept.label if parent.concept else ""
    if actor.bond == "inside" and label in CAGES:
        low, high = 0.2, 0.44
    if actor.bond == "inside" and label in VASES:
        low, high = 0.72, 0.85
    share: float = min(max(ratio, low), high)
    if actor.bond == "wearing" and _is_garment(actor) and parent.concept is not None:
        if parent.concept.kind.startswith("person") and "scarf" not in (actor.concept.label if actor.concept else ""):
            share = 0.42  # from the neck to the knees
    elif actor.bond == "wearing" and _in_profile(parent):
        share = min(share, 0.16 if actor.aspect > 1.6 else 0.26)
    if actor.bond == "wearing" and parent.cut:
        share *= 1.4  # a bust is mostly head
    # What lies flat, such as a plate, carries more than its own height says.
    return max(parent.height, parent.width * 0.45) * share if actor.bond == "on" else parent.height * share


def _size(cast: Cast, roots: list[Actor], floor: Floor) -> None:
    """Heights: the tallest fills its share of the picture; the rest follow by stature, softened."""
    count = len(roots)
    share = floor.reach * {1: 1.0, 2: 0.82, 3: 0.68}.get(count, 1.28 / count**0.5)
    tallest = max(a.stature for a in cast.actors if a.parent is None or a.bond in {"front", "behind", "under", "over"})
    side = min(floor.height, floor.width * 1.15)
    rows = _rows(roots, floor)
    for actor in cast.actors:
        soft = (actor.stature / tallest) ** 0.62
        tall = side * share * soft
        room = floor.width * (0.90 - 2 * floor.margin) / (1 if count == 1 else -(-count // rows))
        actor.height = min(tall, room / actor.aspect)
        if rows > 1:
            actor.height = min(actor.height, _row_height(floor, rows, floor.floating or actor.floating))
    for actor in cast.actors:
        if actor.parent is not None:
            parent = cast.actors[actor.parent]
            actor.height = _bound_height(actor, parent)
            if actor.bond in {"on", "inside"} and not _is_in_a_vase(actor, parent):
                siblings = sum(a.parent == actor.parent and a.bond == actor.bond for a in cast.actors)
                actor.height = min(
                    actor.height, parent.width * (1.25 if siblings > 1 else 1.6) / siblings / actor.aspect
                )
            if actor.bond in {"front", "behind", "under", "over"}:
                actor.height = min(max(actor.height, side * 0.2), side * 0.5)


def _is_in_a_vase(actor: Actor, parent: Actor) -> bool:
    """Whether only its stalk is in the parent, so that it may be wider."""
    return actor.bond == "inside" and parent.concept is not None and parent.concept.label in VASES


def _rows(roots: list[Actor], floor: Floor) -> int:
    """How many rows a crowd stands in, so that its members stay apart and as large as can be."""
    count = len(roots)
    if count <= 3:
        return 1
    aspect = max(a.aspect for a in roots)
    aloft = floor.floating or roots[0].floating

    def height(rows: int) -> float:
        across = floor.width * 0.86 / -(-count // rows) / aspect
        return min(across, _row_height(floor, rows, aloft)) if rows > 1 else across

    return max((1, 2, 3), key=lambda rows: (height(rows), -rows))


def _row_height(floor: Floor, rows: int, aloft: bool) -> float:
    """The height at which rows do not hide one another."""
    return floor.height * 0.72 / rows if aloft else (floor.near - floor.far) * 0.90 / (rows - 1)


def _start(roots: list[Actor], floor: Floor, rng: np.random.Generator) -> None:
    """First places: one thing near the focus, several in a row, a crowd in staggered rows."""
    count, rows = len(roots), _rows(roots, floor)
    per_row = -(-count // rows)
    for i, root in enumerate(roots):
        row, column = divmod(i, per_row)
        in_row = min(per_row, count - row * per_row)
        left, right = floor.ledge
        slot = left + (right - left) * (column + 0.5) / in_row if count > 1 else floor.focus
        root.x = (slot + float(rng.uniform(-0.05, 0.05)) / in_row) * floor.width
        low, high = _feet(root, floor)
        level = (row + 0.5) / rows if rows == 1 else row / (rows - 1)
        root.foot = low + (high - low) * (float(rng.uniform(0, 1)) if rows == 1 else 0.04 + 0.92 * level)


def _shrink(cast: Cast, roots: list[Actor], floor: Floor) -> None:
    """A group too tall or too wide for the picture is made smaller as a whole."""
    for root in roots:
        left, top, right, bottom = _extent(cast, root).tolist()
        room = floor.near * 0.96 - floor.height * 0.03 if not floor.floating else floor.height * 0.9
        ratio = min(
            1.0, room / max(bottom - top, 1.0), floor.width * (0.98 - 2 * floor.margin) / max(right - left, 1.0)
        )
        if ratio < 1.0:
            for i in _members(cast, root):
                cast.actors[i].height *= ratio


def _members(cast: Cast, root: Actor) -> list[int]:
    """A root and everything fastened to it."""
    members = {next(i for i, a in enumerate(cast.actors) if a is root)}
    for _ in cast.actors:
        members |= {i for i, a in enumerate(cast.actors) if a.parent in members}
    return sorted(members)


def _feet(actor: Actor, floor: Floor) -> tuple[float, float]:
    """The range of an actor's foot."""
    if actor.cut:
        return floor.height * 1.005, floor.height * 1.005
    if floor.floating or actor.floating:
        low = actor.height + floor.height * 0.05
        high = floor.height * 0.93 if floor.floating else max(floor.far * 0.85, low)
        return low, max(low, high)
    return floor.far, max(floor.near, floor.far)


def _follow(cast: Cast, jitter: Floats) -> None:
    """Puts fastened actors where their parents take them."""
    done = {i for i, a in enumerate(cast.actors) if a.parent is None}
    while len(done) < len(cast.actors):
        before = len(done)
        for i, actor in enumerate(cast.actors):
            if i not in done and actor.parent in done:
                siblings = [j for j, a in enumerate(cast.actors) if a.parent == actor.parent and a.bond == actor.bond]
                _bind(actor, cast.actors[actor.parent], siblings.index(i), len(siblings), float(jitter[i]))
                done.add(i)
        if len(done) == before:
            break


def _bind(actor: Actor, parent: Actor, place: int, siblings: int, jitter: float) -> None:
    _, top, _, bottom = parent.box
    spread = 0.0 if siblings == 1 else (place + 0.5) / siblings - 0.5
    toward = _facing(parent)
    table: dict[str, tuple[float, float, int]] = {
        "riding": (parent.x - 0.02 * parent.width, top + parent.height * 0.50, -1),
        "on": (parent.x + spread * parent.width * 0.8, top + parent.height * (_rest(parent) + 0.05), 1),
        "inside": (parent.x + spread * parent.width * 0.7, top + parent.height * _level_inside(parent), -1),
        "over": (
            parent.x
            + spread * max(parent.width * 1.6, actor.width * 1.1 * siblings)
            + jitter * 0.15 * min(parent.width, actor.width),
            top - parent.height * (0.08 + 0.12 * (place % 2)),
            1,
        ),
        "under": (
            parent.x + spread * parent.width * 1.2 + jitter * 0.12 * parent.width,
            bottom + parent.height * 0.02,
            1,
        ),
        "front": (
            parent.x + spread * parent.width * 1.3 + jitter * 0.18 * parent.width,
            bottom + parent.height * 0.07,
            1,
        ),
        "behind": (
            parent.x
            + (0.55 if jitter > 0 else -0.55) * (parent.width * 0.5 + actor.width * 0.5)
            + spread * parent.width,
            bottom - parent.height * 0.10,
            -1,
        ),
        "wearing": _worn(actor, parent),
        "shoulder": (parent.x + toward * parent.width * 0.34, top + parent.height * 0.56, 1),
        "holding": (parent.x + toward * parent.width * 0.46, bottom - parent.height * 0.16, 1),
    }
    actor.x, actor.foot, order = table[actor.bond or "on"]
    actor.rank = parent.rank + order
    actor.floating = actor.bond not in {"under", "front", "behind"}


# Where the opening of a container is, in shares of its height, when something reaches up beyond it.
RIMS = {"basket": 0.30, "shopping cart": 0.3, "bucket": 0.05, "empty cup": 0.12}
# What is seen all round the thing inside it, and the level of its floor; what holds stalks, and how deep they stand in it.
CAGES = {"birdcage": 0.84}
VASES = {"vase": 0.16}
SEATS = {
    "pirate ship": 0.52, "sailboat": 0.5, "passenger ship": 0.1, "ship": 0.2, "canoe": 0.3,
    "couch and lamp": 0.32, "sofa": 0.50, "bench": 0.52, "bed": 0.22, "chair": 0.42, "bathtub": 0.30, "plate": 0.42, "throne": 0.62, "cushion": 0.22,
}  # fmt: skip


def _is_garment(actor: Actor) -> bool:
    """Whether it is worn below the chin."""
    label = actor.concept.label if actor.concept else ""
    return any(word in label for word in ("scarf", "necktie", "shirt", "coat", "dress", "kimono", "vest", "sari"))


def _in_profile(actor: Actor) -> bool:
    """Animals seen from the side, their heads small beside their bodies."""
    concept = actor.concept
    return concept is not None and concept.kind in {"animal-mammal", "animal-reptile"} and concept.label not in ANIMALS


def _facing(actor: Actor) -> int:
    """-1 for one that looks to the left, 1 to the right: animals in profile look left in the artwork."""
    kind = actor.concept.kind if actor.concept else ""
    label = actor.concept.label if actor.concept else ""
    profile = kind.startswith("animal") and label not in ANIMALS
    return -1 if profile != actor.flip else 1


def _rim(parent: Actor) -> float:
    return RIMS.get(parent.concept.label if parent.concept else "", parent.saddle)


def _level_inside(parent: Actor) -> float:
    """Where the foot of a thing in the parent is, in shares of the parent's height."""
    label = parent.concept.label if parent.concept else ""
    return CAGES.get(label) or VASES.get(label) or _rim(parent) + 0.30


def _rest(parent: Actor) -> float:
    """Where a thing on the parent stands, in shares of the parent's height: seats are lower than their backs."""
    return parent.saddle + SEATS.get(parent.concept.label if parent.concept else "", 0.0)


def _worn(actor: Actor, parent: Actor) -> tuple[float, float, int]:
    """Hats sit on the crown of the head, glasses before the eyes, the rest below the chin."""
    left, top, _, _ = parent.box
    x, y = left + parent.crown[0] * parent.width, top + parent.crown[1] * parent.height
    label = actor.concept.label if actor.concept else ""
    if "glasses" in label or "goggles" in label:
        return x, y + (parent.height * 0.13 + actor.height * 0.5 if _in_profile(parent) else parent.height * 0.34), 1
    if _is_garment(actor):
        on_a_body = parent.concept is not None and parent.concept.kind.startswith("person") and not parent.cut
        return x, y + parent.height * (0.87 if on_a_body and "scarf" not in label else 0.62), 1
    return x, y + actor.height * 0.30, 1


def _extent(cast: Cast, root: Actor) -> Floats:
    """The box of a root and all that is fastened to it, relative to its place: left, top, right, bottom."""
    boxes = np.array([cast.actors[i].box for i in _members(cast, root)])
    return np.array(
        [
            boxes[:, 0].min() - root.x,
            boxes[:, 1].min() - root.foot,
            boxes[:, 2].max() - root.x,
            boxes[:, 3].max() - root.foot,
        ]
    )


def _energy(i: int, tried: Floats, places: Floats, extents: list[Floats], floor: Floor) -> Floats:
    """The energy terms that involve root i, for each tried place."""
    boxes = tried[:, [0, 1, 0, 1]] + extents[i]
    size = extents[i][2:] - extents[i][:2]
    area = max(float(size[0] * size[1]), 1.0)
    outside = np.maximum(floor.width * floor.margin - boxes[:, 0], 0) + np.maximum(
        boxes[:, 2] - floor.width * (1 - floor.margin), 0
    )
    energy: Floats = 9 * outside / size[0]
    energy += (
        9
        * (np.maximum(floor.height * HEADROOM - boxes[:, 1], 0) + np.maximum(boxes[:, 3] - floor.height * 0.98, 0))
        / size[1]
    )
    others = [j for j in range(len(places)) if j != i]
    for j in others:
        other = places[j][[0, 1, 0, 1]] + extents[j]
        margin = 0.12 * min(size[0], extents[j][2] - extents[j][0])
        wide = np.minimum(boxes[:, 2], other[2]) - np.maximum(boxes[:, 0], other[0]) + margin
        tall = np.minimum(boxes[:, 3], other[3]) - np.maximum(boxes[:, 1], other[1]) + margin
        smaller = min(area, float((other[2] - other[0]) * (other[3] - other[1])))
        energy += 5 * np.maximum(wide, 0) * np.maximum(tall, 0) / max(smaller, 1)
        gap = np.abs(tried[:, 0] - places[j][0]) - (size[0] + extents[j][2] - extents[j][0]) / 2
        energy += 0.5 * np.maximum(gap, 0) / floor.width
    mass = np.array([(e[2] - e[0]) * (e[3] - e[1]) for e in extents])
    centres = np.array([p[0] + (e[0] + e[2]) / 2 for p, e in zip(places, extents, strict=True)])
    rest = float((mass * centres).sum() - mass[i] * centres[i])
    centre = (rest + mass[i] * (tried[:, 0] + (extents[i][0] + extents[i][2]) / 2)) / mass.sum()
    energy += 3.0 * np.abs(centre / floor.width - floor.focus)
    if floor.floating:
        middle = (boxes[:, 1] + boxes[:, 3]) / 2
        energy += (1.5 if len(places) == 1 else 0.5) * np.abs(middle / floor.height - 0.48)
    elif len(places) > 1:
        ideal = floor.far + (floor.near - floor.far) * (0.65 if i % 2 else 0.45)
        energy += 0.6 * np.abs(tried[:, 1] - ideal) / max(floor.near - floor.far, 1)
    else:
        energy += (
            0.5 * np.abs(tried[:, 1] - (floor.far + 0.62 * (floor.near - floor.far))) / max(floor.near - floor.far, 1)
        )
    return energy


def _total(places: Floats, extents: list[Floats], floor: Floor) -> float:
    return float(sum(_energy(i, places[i][None], places, extents, floor)[0] for i in range(len(places))))
