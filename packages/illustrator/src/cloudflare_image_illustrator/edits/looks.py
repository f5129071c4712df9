"""Relights and restyles a picture: hour, weather, season, mood and style; and draws on it in its own light."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from cloudflare_image_illustrator.edits import photograph, snow
from cloudflare_image_illustrator.scenery import weather
from cloudflare_image_illustrator.scenery.palette import palette_for
from cloudflare_image_illustrator.scenery.stage import Stage
from cloudflare_image_illustrator.seeds import seeded
from cloudflare_image_illustrator.styles import styling

if TYPE_CHECKING:
    from cloudflare_image_illustrator.brief import Brief
    from cloudflare_image_illustrator.reading.mention import Reading


def stage_of(picture: Image.Image, seed: int) -> Stage:
    """A stage whose canvas is the picture, with the picture's mean colour as its light."""
    palette = palette_for("day", (), None, None, {}, seeded(seed, "palette"))
    mean = np.asarray(picture.resize((8, 8), Image.Resampling.BOX), np.float32).reshape(-1, 3).mean(0) / 255
    level = float(np.clip(mean.mean() * 1.7, 0.45, 1.0))
    hue = mean / max(float(mean.max()), 1e-3)
    red, green, blue = (float(level * (0.75 + 0.25 * h)) for h in hue)
    lit = replace(palette, tint=(red, green, blue), dark=level < 0.6)
    stage = Stage(*picture.size, seed, lit, "day", (), None, (), {})
    stage.canvas, stage.horizon = picture, picture.height * 0.5
    stage.sun = (picture.width * 0.3, 0.0)
    stage.floor_far, stage.floor_near = picture.height * 0.6, picture.height * 0.9
    return stage


def applied(picture: Image.Image, reading: Reading, brief: Brief) -> Image.Image:
    """The picture with the hour, weather, season, mood and style that the prompt names."""
    if reading.season == "winter":
        picture = snow.on_things(picture, brief.seed)
    if reading.season is not None:
        picture = photograph.seasoned(picture, reading.season)
    if reading.time is not None:
        picture = photograph.relit(picture, reading.time, brief.seed)
    for kind in reading.weather:
        picture = photograph.weathered(picture, kind)
    if reading.weather or reading.season in {"autumn", "spring"}:
        stage = stage_of(picture.copy(), brief.seed)
        stage.weather, stage.season = tuple(reading.weather), reading.season
        weather.over_figures(stage)
        picture = stage.canvas
    if reading.mood is not None:
        picture = photograph.mooded(picture, reading.mood)
    if reading.style == "photo":
        reading.warnings.append("this engine illustrates and cannot make photographs; the style was left as it is")
    elif reading.style is not None:
        picture = styling.apply(reading.style, picture, brief.seed, brief.steps)
    return picture
