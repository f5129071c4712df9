"""The setting: which scenery, hour and composition a reading gets, and building it on a stage."""

from dataclasses import dataclass

import numpy as np

from cloudflare_image_mcp.illustrator import sky, studio, terrain
from cloudflare_image_mcp.illustrator.artwork import Concept
from cloudflare_image_mcp.illustrator.brief import Brief
from cloudflare_image_mcp.illustrator.colour import named
from cloudflare_image_mcp.illustrator.figure import seeded
from cloudflare_image_mcp.illustrator.layout import Floor
from cloudflare_image_mcp.illustrator.palette import palette_for
from cloudflare_image_mcp.illustrator.raster import paste, rasterise
from cloudflare_image_mcp.illustrator.reading import Reading
from cloudflare_image_mcp.illustrator.stage import Stage


@dataclass(slots=True)
class Plan:
    scenery: list[str]
    time: str
    composition: str
    artwork: str
    focus: float
    reach: float

    def floor(self, stage: Stage) -> Floor:
        return Floor(stage.width, stage.height, stage.floor_far, stage.floor_near, stage.floating, self.focus, self.reach)


def refuse(reading: Reading, refused: Reading) -> None:
    """Takes out of a reading what the negative prompt names."""
    reading.scenery = [s for s in reading.scenery if s not in refused.scenery]
    reading.weather = [w for w in reading.weather if w not in refused.weather]
    reading.sky = [s for s in reading.sky if s not in refused.sky]


def plan(reading: Reading, concepts: list[Concept | None], seed: int, shape: float) -> Plan:
    rng = seeded(seed, "plan")
    scenery = list(reading.scenery)
    if not scenery:
        scenery = ["studio"] if concepts else ["meadow"]
        if reading.time or reading.weather or reading.sky:
            scenery = ["meadow"]
    focus = float(rng.choice([0.5, 0.5, 0.4, 0.6])) if scenery == ["studio"] else float(rng.choice([0.36, 0.42, 0.5, 0.58, 0.64]))
    return Plan(scenery, reading.time or ("night" if {"moon", "stars", "aurora"} & set(reading.sky) else "day"), reading.composition or "wide", "fluent", focus, 0.56)


def build(plan: Plan, reading: Reading, brief: Brief, concepts: list[Concept | None]) -> Stage:
    palette = palette_for(plan.time, tuple(reading.weather), reading.season, reading.mood, reading.tints, seeded(brief.seed, "palette"))
    stage = Stage(brief.width, brief.height, brief.seed, palette, plan.time, tuple(reading.weather), reading.season, tuple(reading.sky), brief.steps)
    if plan.scenery == ["studio"]:
        colour = next((m.colours[0] for m in reading.mentions if m.colours), None)
        studio.paint(stage, named(colour) if colour else None, reading.tints.get("studio"))
        return stage
    rng = stage.rng("horizon")
    stage.horizon = stage.height * float(rng.uniform(0.52, 0.64))
    sky.paint(stage)
    if "mountains" in plan.scenery:
        terrain.mountains(stage, stage.horizon + stage.height * 0.03)
    ground = palette.snow if "snow" in plan.scenery else palette.sand if {"desert", "beach"} & set(plan.scenery) else palette.grass
    terrain.hills(stage, ground)
    return stage


def paint(stage: Stage) -> None:
    """Rasterises the scenery behind the figures."""
    assert stage.canvas is not None
    if stage.back:
        paste(stage.canvas, rasterise(stage.body(stage.back), stage.width, stage.height), 0, 0)
