"""The setting: which scenery, hour and composition a reading gets, and building it on a stage."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from cloudflare_image_illustrator.artwork import Concept
from cloudflare_image_illustrator.brief import Brief
from cloudflare_image_illustrator.colour import named, oklch, shade
from cloudflare_image_illustrator.figures.layout import Floor
from cloudflare_image_illustrator.raster import paste, rasterise
from cloudflare_image_illustrator.reading.mention import Reading
from cloudflare_image_illustrator.scenery import (
    city,
    diorama,
    fields,
    furnished,
    halls,
    homes,
    landscapes,
    rooms,
    shores,
    sky,
    space,
    streets,
    studio,
    study_rooms,
    terrain,
    undersea,
    water,
    weather,
    wild,
)
from cloudflare_image_illustrator.scenery.palette import palette_for
from cloudflare_image_illustrator.scenery.stage import Stage, path
from cloudflare_image_illustrator.seeds import seeded
from cloudflare_image_illustrator.styles import styling

# Settings that fill the picture by themselves, in the order in which one wins over another.
WHOLE: dict[str, Callable[[Stage], None]] = {
    "underwater": undersea.paint,
    "moon": space.ground,
    "space": space.paint,
    "gradient": studio.gradient,
    "table": rooms.table,
    "interior": rooms.interior,
    "stage": rooms.spotlit,
}
# Grounds under an open sky, in the same order.
GROUNDS: dict[str, Callable[[Stage], None]] = {
    "cave": landscapes.cave,
    "city": city.street,
    "cliff": shores.cliff,
    "beach": shores.beach,
    "ocean": shores.ocean,
    "lake": shores.lake,
    "snow": landscapes.snowfield,
    "desert": landscapes.desert,
    "forest": landscapes.forest,
    "hills": landscapes.hills,
    "meadow": landscapes.meadow,
    "sky": landscapes.clouds,
}
# Kinds of scenery that look like nothing else of their scenery.
KINDS: dict[str, Callable[[Stage], None]] = {
    **furnished.ROOMS, **study_rooms.STUDY_ROOMS, **halls.HALLS, **wild.WILD, **fields.FIELDS, **streets.STREETS,
}  # fmt: skip
# Styles with few tones, in which far things would drown in haze.
GRAPHIC = {"poster", "flat", "low-poly", "pixel", "comic", "ink", "pencil", "stained"}
# What swims on still water.
PADDLERS = {"duck", "swan", "goose", "lotus", "person swimming", "man swimming", "woman swimming"}
# What is seen in the sea only under its surface.
SWIMMERS = {
    "fish",
    "tropical fish",
    "blowfish",
    "shark",
    "octopus",
    "squid",
    "jellyfish",
    "shrimp",
    "lobster",
    "oyster",
    "coral",
    "turtle",
    "mermaid",
    "merman",
}


@dataclass(slots=True)
class ScenePlan:
    """What was decided before anything is drawn. focus: where the eye rests, in widths. reach: the tallest figure's share.

    border: what the style leaves unpainted at each edge, in shares of the shorter side.
    """

    scenery: list[str]
    time: str
    composition: str
    artwork: str
    focus: float
    reach: float
    border: float = 0.0

    def floor(self, stage: Stage) -> Floor:
        far, near = stage.floor_far, stage.floor_near
        return Floor(
            stage.width,
            stage.height,
            far,
            near,
            stage.floating,
            self.focus if stage.ledge is None else sum(stage.ledge) / 2,
            self.reach,
            horizon=stage.horizon,
            ledge=stage.ledge or (0.0, 1.0),
            margin=0.02 + self.border * min(stage.width, stage.height) / stage.width,
        )


def refuse(reading: Reading, refused: Reading) -> None:
    """Takes out of a reading what the negative prompt names."""
    reading.scenery = [s for s in reading.scenery if s not in refused.scenery]
    reading.weather = [w for w in reading.weather if w not in refused.weather]
    reading.sky = [s for s in reading.sky if s not in refused.sky]
    reading.tints = {place: colour for place, colour in reading.tints.items() if colour not in refused.colours}
    for field in ("time", "season", "style", "mood"):
        if getattr(reading, field) is not None and getattr(reading, field) == getattr(refused, field):
            setattr(reading, field, None)
    for mention in reading.mentions:
        mention.colours = [c for c in mention.colours if c not in refused.colours]


def plan(reading: Reading, concepts: list[Concept | None], seed: int, refused: Reading) -> ScenePlan:
    """Decides place, hour and composition; what the prompt leaves open, the seed decides."""
    rng = seeded(seed, "plan")
    scenery = ["studio"] if reading.emblem else list(reading.scenery)
    if not scenery:
        scenery = [homes.home(reading, concepts, refused, rng)]
    if (
        "ocean" in scenery
        and any(c is not None and c.label in SWIMMERS for c in concepts)
        and not any(c is not None and c.kind == "transport-water" for c in concepts)
    ):
        scenery[scenery.index("ocean")] = "underwater"
    if reading.road and not set(scenery) & {*WHOLE, "city", "beach", "ocean", "lake", "cliff", "cave"}:
        scenery = [*scenery, "meadow"] if scenery == ["mountains"] else scenery
    elif scenery == ["mountains"]:
        scenery.append(str(rng.choice(["meadow", "lake", "hills"])) if reading.season != "winter" else "snow")
    time = _hour(reading, rng)
    composition = reading.composition or str(rng.choice(["wide", "medium", "medium", "close"]))
    reach = {"wide": 0.44, "medium": 0.54, "close": 0.64, "low": 0.66}[composition]
    if reading.composition == "close":
        reach = 0.80
    if reading.composition == "wide":
        reach = 0.34
    if scenery[0] == "studio":
        reach = max(reach, 0.54)
    focus = float(rng.choice([0.34, 0.40, 0.5, 0.60, 0.66])) if composition in {"wide", "medium"} else 0.5
    if "studio" in scenery:
        focus = 0.5
    if reading.style == "isometric":
        reach, focus = 0.42, 0.5
    artwork = (
        "flat"
        if reading.style in {"flat", "poster", "low-poly"}
        else "noto"
        if reading.style in {"comic", "ink"}
        else "fluent"
    )
    return ScenePlan(scenery, time, composition, artwork, focus, reach, styling.BORDERS.get(reading.style or "", 0.0))


def _hour(reading: Reading, rng: np.random.Generator) -> str:
    """The hour: what the prompt says, else what its sky needs, else mostly day."""
    if reading.time is not None:
        return reading.time
    celestial = {"moon", "stars", "aurora", "crescent", "fireworks"} & set(reading.sky)
    if (celestial and "sun" not in reading.sky) or reading.style == "neon":
        return "night"
    if reading.style == "poster" and not reading.weather:  # few inks tell a coloured sky best from the land
        return str(rng.choice(["sunset", "sunset", "dawn", "day"]))
    if reading.weather or reading.scenery or reading.sky:
        return "day"
    return str(rng.choice(["day", "day", "day", "day", "dawn", "sunset"]))


def build(plan: ScenePlan, reading: Reading, brief: Brief, concepts: list[Concept | None], refused: Reading) -> Stage:
    """A stage with its sky painted and its scenery laid out, not yet rasterised."""
    if "snowfall" in reading.weather and reading.season is None:
        reading.season = "winter"
    stage = _empty_stage(plan, reading, brief)
    stage.banished = frozenset(c.label for c in concepts if c is not None) | frozenset(
        w for m in refused.mentions for w in (m.phrase, *([] if not m.concepts else [str(m.phrase).rstrip("s")]))
    )
    stage.boats = any(c is not None and c.kind == "transport-water" for c in concepts) or (
        bool(concepts) and all(c is not None and (c.kind == "animal-marine" or c.label in PADDLERS) for c in concepts)
    )
    if reading.style == "isometric":
        diorama.paint(stage, plan.scenery)
        return stage
    if plan.scenery[0] == "studio":
        colour = next((m.colours[0] for m in reading.mentions if m.colours), None)
        studio.paint(
            stage,
            named(colour) if colour else None,
            reading.tints.get("studio"),
            plain=reading.emblem,
            crowd=homes.crowd(reading),
            even=reading.emblem,
        )
        stage.floating = reading.emblem  # an emblem is centred, not stood on a floor
        return stage
    whole = next((name for name in WHOLE if name in plan.scenery), None)
    if whole is not None:
        _painter(stage, whole, WHOLE)(stage)
        return stage
    _outdoors(stage, plan)
    if reading.road and "city" not in plan.scenery and stage.water is None:
        terrain.road(stage)
    return stage


def _empty_stage(plan: ScenePlan, reading: Reading, brief: Brief) -> Stage:
    """A stage with its colours, on which nothing is painted yet."""
    palette = palette_for(
        plan.time,
        tuple(reading.weather),
        reading.season,
        reading.mood,
        reading.tints,
        seeded(brief.seed, "palette"),
    )
    if reading.style in GRAPHIC:
        palette = replace(palette, thickness=palette.thickness * 0.5, rock=shade(palette.rock, -0.10, 1.3))
    return Stage(
        brief.width,
        brief.height,
        brief.seed,
        palette,
        plan.time,
        tuple(reading.weather),
        reading.season,
        tuple(reading.sky),
        dict(reading.tints),
        dict(reading.kinds),
    )


def _painter(stage: Stage, scenery: str, painters: dict[str, Callable[[Stage], None]]) -> Callable[[Stage], None]:
    """What paints a scenery: a painter of its kind, where the prompt names one."""
    return KINDS.get(stage.kinds.get(scenery, ""), painters[scenery])


def _outdoors(stage: Stage, plan: ScenePlan) -> None:
    """Sky, then whatever stands in the distance, then the ground."""
    rng = stage.rng("horizon")
    low, high = {"wide": (0.54, 0.66), "medium": (0.50, 0.66), "close": (0.44, 0.58), "low": (0.70, 0.76)}[
        plan.composition
    ]
    stage.horizon = stage.height * float(rng.uniform(low, high))
    if stage.height > stage.width * 1.3:
        stage.horizon = max(stage.horizon, stage.height * 0.58)
    ground = next((name for name in GROUNDS if name in plan.scenery), "meadow")
    if "sky" in plan.scenery and ground == "sky":
        stage.horizon = stage.height * 0.8
    stage.hidden_horizon = "mountains" in plan.scenery or ground in {"city", "forest"}
    sky.paint(stage)
    base = stage.horizon + (stage.height - stage.horizon) * 0.06
    if "mountains" in plan.scenery:
        terrain.mountains(stage, base)
    if "city" in plan.scenery and ground != "city":
        city.skyline(stage, base, 2, 0.6)
    if "forest" in plan.scenery and ground not in {"forest", "city"}:
        landscapes.tree_line(stage, base, stage.horizon * 0.3, 0.55, str(rng.choice(["conifer", "broadleaf"])), "far")
    if stage.season == "winter" and ground in {"meadow", "hills"}:
        ground = "snow"
    _painter(stage, ground, GROUNDS)(stage)


def paint(stage: Stage) -> None:
    """Rasterises the scenery behind the figures."""
    weather.before_figures(stage)
    if stage.back:
        paste(stage.canvas, rasterise(stage.body(stage.back), stage.width, stage.height), 0, 0)
    if stage.water is not None:
        water.reflect(stage)
    if stage.front_bank is not None:
        line, near, far = stage.front_bank
        fill = stage.gradient([(0, far, 1), (1, near, 1)], float(line[:, 1].min()), stage.height)
        outline = np.concatenate([line, [[stage.width + 10, stage.height], [-10, stage.height]]])
        if stage.foam:
            edge = path(line, close=False)
            wet = stage.palette.lit(oklch(0.72, 0.06, 80))
            stage.near.insert(
                0,
                f'<path d="{edge}" fill="none" stroke="#fff" stroke-width="{stage.unit * 26:.1f}" opacity=".75" stroke-linecap="round"/>',
            )
            stage.near.insert(1, f'<path d="{path(outline)}" fill="{fill}"/>')
            stage.near.insert(
                2,
                f'<path d="{edge}" transform="translate(0 {stage.unit * 9:.1f})" fill="none" stroke="rgb({",".join(str(int(255 * c)) for c in wet)})" stroke-width="{stage.unit * 16:.1f}" opacity=".4"/>',
            )
        else:
            stage.near.insert(0, f'<path d="{path(outline)}" fill="{fill}"/>')
    if stage.near:
        paste(stage.canvas, rasterise(stage.body(stage.near), stage.width, stage.height), 0, 0)
