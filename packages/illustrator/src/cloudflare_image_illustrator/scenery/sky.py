"""Skies: gradient, glow, clouds, stars, sun, moon, rainbow, aurora."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from cloudflare_image_illustrator.colour import Rgb, hexed, mix, oklch, shade
from cloudflare_image_illustrator.pixels import Array
from cloudflare_image_illustrator.raster import blurred, enlarge, noise, smooth
from cloudflare_image_illustrator.scenery.stage import Stage

COARSE = 4  # clouds and glows are soft: computed at a quarter of the size


def paint(stage: Stage) -> None:
    """Paints the sky over the whole canvas and sets the sun's place."""
    width, height = stage.width, stage.height
    w, h = max(width // COARSE, 16), max(height // COARSE, 16)
    palette = stage.palette
    y = np.linspace(0, height, h, dtype=np.float32)[:, None] / max(stage.horizon, 1)
    colour = _gradient(np.clip(y, 0, 1), palette.top, palette.middle, palette.low)
    colour = np.broadcast_to(colour, (h, w, 3)).copy()
    _place_sun(stage)
    if not set(stage.weather) & {"rain", "storm", "fog", "cloudy"}:
        _glow(stage, colour)
    _clouds(stage, colour)
    canvas = (
        Image.fromarray((np.clip(colour, 0, 1) * 255).astype(np.uint8))
        .filter(ImageFilter.GaussianBlur(0.8))
        .resize((width, height), Image.Resampling.BICUBIC)
    )
    stage.canvas = canvas
    if stage.palette.dark or "stars" in stage.sky:
        _stars(stage)
    if "aurora" in stage.sky:
        _aurora(stage)
    _discs(stage)
    if "rainbow" in stage.sky:
        _rainbow(stage)
    if "fireworks" in stage.sky:
        _fireworks(stage)


def add_things(stage: Stage, radius: float | None = None) -> None:
    """Adds the things of stage.sky to a canvas, and nothing that is not asked for. radius: pixels of a sun or moon in the
    middle of the canvas; without it, they have the size and place that they have in a landscape.
    """
    _place_sun(stage)
    if radius is not None:
        stage.sun = (stage.width / 2, stage.height / 2)
    if "stars" in stage.sky:
        _stars(stage)
    if "aurora" in stage.sky:
        _aurora(stage)
    if {"moon", "crescent"} & set(stage.sky):
        _moon(stage, asked=True, radius=radius)
    elif "sun" in stage.sky:
        _sun(stage, radius)
    if "rainbow" in stage.sky:
        _rainbow(stage)
    if "fireworks" in stage.sky:
        _fireworks(stage)


def _gradient(y: Array, top: Rgb, middle: Rgb, low: Rgb) -> Array:
    stops = np.array([top, middle, low], np.float32)
    position = np.array([0.0, 0.58, 1.0], np.float32)
    return np.stack([np.interp(y, position, stops[:, i]).astype(np.float32) for i in range(3)], -1).reshape(
        y.shape[0], 1, 3
    )


def _place_sun(stage: Stage) -> None:
    rng = stage.rng("sun")
    side = float(rng.choice([0.2, 0.28, 0.72, 0.8])) + float(rng.uniform(-0.04, 0.04))
    level = {"day": 0.30, "dawn": 0.80, "sunset": 0.82, "night": 0.30}[stage.time] + float(rng.uniform(-0.06, 0.05))
    if stage.hidden_horizon and stage.time in {"dawn", "sunset"}:
        level = 0.50 + float(rng.uniform(-0.06, 0.05))
    stage.sun = (stage.width * side, stage.horizon * level)


def _distance(stage: Stage, shape: tuple[int, ...]) -> Array:
    """Distance from the sun in units of the picture's mean side."""
    h, w = shape[:2]
    x = np.linspace(0, stage.width, w, dtype=np.float32)[None, :] - stage.sun[0]
    y = np.linspace(0, stage.height, h, dtype=np.float32)[:, None] - stage.sun[1]
    away: Array = np.hypot(x, y) / (stage.unit * 1000)
    return away


def _glow(stage: Stage, colour: Array) -> None:
    strength = {"day": 0.35, "dawn": 0.6, "sunset": 0.75, "night": 0.22}[stage.time]
    away = _distance(stage, colour.shape)
    glow = (np.exp(-((away / 0.22) ** 2)) * 0.55 + np.exp(-away / 0.42) * 0.45) * strength
    warm = np.array(stage.palette.sun, np.float32)
    colour += (warm - colour) * glow[..., None]


def _clouds(stage: Stage, colour: Array) -> None:
    rng = stage.rng("clouds")
    heavy = bool(set(stage.weather) & {"rain", "storm", "cloudy", "snowfall"})
    kind = (
        "heavy"
        if heavy
        else "none"
        if "clear" in stage.weather
        else str(rng.choice(["soft", "streaks", "few", "soft"]))
    )
    if kind == "none":
        return
    h, w = colour.shape[:2]
    cells = {"heavy": (2, 4), "soft": (3, 5), "streaks": (2, 12), "few": (4, 6)}[kind]
    field = noise(rng, w, h, cells, 3 if heavy else 4)
    low = {"heavy": 0.30, "soft": 0.50, "streaks": 0.50, "few": 0.60}[kind]
    rise = np.linspace(0, stage.height, h, dtype=np.float32)[:, None] / max(stage.horizon, 1)
    cover = smooth(low, low + 0.28, field) * smooth(1.08, 0.55, rise) * (0.9 if heavy else 0.8)
    # The side of a cloud toward the sun is brighter: the field's slope along the light.
    slope = np.roll(field, max(h // 40, 1), axis=0) - field
    light = np.clip(0.55 - slope * 7, 0, 1)[..., None]
    palette = stage.palette
    if stage.palette.dark:
        bright, dim = shade(palette.low, 0.04), shade(palette.middle, 0.02)
    elif heavy:
        bright, dim = shade(palette.low, 0.02, 0.5), shade(palette.middle, -0.14, 0.6)
    elif stage.time == "day":
        bright, dim = (1.0, 1.0, 1.0), mix(palette.middle, (1, 1, 1), 0.55)
    else:
        bright, dim = mix(palette.low, palette.sun, 0.5), shade(palette.middle, -0.02, 0.9)
    tone = np.array(dim, np.float32) + (np.array(bright, np.float32) - np.array(dim, np.float32)) * light
    if stage.palette.dark:
        cover = cover * 0.55
    colour += (tone - colour) * cover[..., None]


def _stars(stage: Stage) -> None:
    rng = stage.rng("stars")
    count = int(170 * stage.width * stage.horizon / (stage.unit * 1000) ** 2) + 20
    overlay = Image.new("RGB", (stage.width * 2, max(2, int(stage.horizon)) * 2))
    pen = ImageDraw.Draw(overlay)
    for x, y, size, light in rng.random((count, 4)).tolist():
        radius = stage.unit * (0.6 + 1.7 * size**5) * 2
        value = int(90 + 165 * light * (1 - 0.7 * y))
        cx, cy = x * overlay.width, y**1.2 * overlay.height
        pen.ellipse((cx - radius, cy - radius, cx + radius, cy + radius), fill=(value, value, min(255, value + 12)))
    overlay = overlay.resize((overlay.width // 2, overlay.height // 2), Image.Resampling.BOX)
    region = (0, 0, overlay.width, overlay.height)
    base = np.asarray(stage.canvas.crop(region), np.uint16)
    lit = base + np.asarray(overlay, np.uint16) * (255 - base) // 255
    stage.canvas.paste(Image.fromarray(lit.astype(np.uint8)), region)


def _discs(stage: Stage) -> None:
    """The sun by day when it is asked for or low, the moon by night."""
    hidden = set(stage.weather) & {"rain", "storm", "fog", "cloudy", "snowfall"}
    moon = bool({"moon", "crescent"} & set(stage.sky))
    if moon or (stage.palette.dark and not hidden):
        _moon(stage, asked=moon)
    elif "sun" in stage.sky or (not hidden and stage.time in {"sunset", "dawn"}):
        _sun(stage)


def _sun(stage: Stage, radius: float | None = None) -> None:
    """The sun's disc. Before a sky it is nearly white; elsewhere (radius) it is yellow, or it would be any pale ball."""
    pale = mix(stage.palette.sun, (1.0, 0.98, 0.9), 0.55)
    _disc(stage, stage.sun, radius or stage.unit * 70, oklch(0.92, 0.15, 95) if radius else pale, 2.2)


def _disc(stage: Stage, centre: tuple[float, float], radius: float, colour: Rgb, halo: float) -> None:
    box = int(radius * (1 + halo)) + 2
    mask = Image.new("L", (box * 2, box * 2))
    ImageDraw.Draw(mask).ellipse((box - radius, box - radius, box + radius, box + radius), fill=255)
    soft = blurred(mask, radius * 0.5).point(lambda v: int(v * 0.4))
    sharp = mask.resize((box * 4, box * 4)).resize((box * 2, box * 2), Image.Resampling.BOX)
    fill = tuple(int(255 * c) for c in colour)
    left, top = int(centre[0] - box), int(centre[1] - box)
    stage.canvas.paste(fill, (left, top), soft)
    stage.canvas.paste(fill, (left, top), sharp)


def _moon(stage: Stage, *, asked: bool, radius: float | None = None) -> None:
    rng = stage.rng("moon")
    usual = stage.unit * float(rng.uniform(52, 78)) * (1.35 if asked else 1.0)
    radius = radius or usual
    side = int(radius * 2) + 2
    y, x = np.mgrid[0:side, 0:side].astype(np.float32) - radius
    away = np.hypot(x, y) / radius
    craters = noise(rng, side, side, (4, 4), 3)
    tone = 0.97 - 0.13 * smooth(0.52, 0.72, craters) - 0.06 * away**3
    alpha = np.clip((1 - away) * radius, 0, 1)
    if "crescent" in stage.sky:
        bite = np.hypot(x - radius * 0.42, y + radius * 0.12) / (radius * 0.92)
        alpha *= np.clip((bite - 1) * radius * 0.9, 0, 1)
    colour = np.array(stage.palette.sun, np.float32) * tone[..., None]
    layer = Image.fromarray((np.dstack([np.clip(colour, 0, 1), alpha]) * 255).astype(np.uint8))
    centre = stage.sun
    halo = int(radius * 3)
    disc = Image.new("L", (halo * 2, halo * 2))
    ImageDraw.Draw(disc).ellipse((halo - radius, halo - radius, halo + radius, halo + radius), fill=255)
    glow = blurred(disc, radius * 0.9).point(lambda v: int(v * 0.55))
    stage.canvas.paste(
        tuple(int(230 * c) for c in stage.palette.sun), (int(centre[0] - halo), int(centre[1] - halo)), glow
    )
    stage.canvas.paste(layer, (int(centre[0] - radius), int(centre[1] - radius)), layer)


def _rainbow(stage: Stage) -> None:
    w, h = stage.width // 2, max(2, int(stage.horizon * 1.05) // 2)
    radius = stage.width * 0.42
    x = np.linspace(0, stage.width, w, dtype=np.float32)[None, :] - stage.width * float(
        stage.rng("rainbow").uniform(0.42, 0.58)
    )
    y = np.linspace(0, h * 2, h, dtype=np.float32)[:, None] - max(stage.horizon * 1.06, radius * 1.15)
    band = (np.hypot(x, y) - radius) / (stage.unit * 75)
    hues = np.array([oklch(0.78, 0.17, hue) for hue in (300, 262, 200, 145, 100, 60, 28)], np.float32)
    position = np.clip(band, 0, 1) * (len(hues) - 1)
    low = np.clip(position.astype(int), 0, len(hues) - 2)
    part = (position - low)[..., None]
    colour = hues[low] * (1 - part) + hues[low + 1] * part
    alpha = smooth(-0.12, 0.1, band) * smooth(1.12, 0.9, band) * 0.66
    layer = Image.fromarray((np.dstack([colour, alpha]) * 255).astype(np.uint8)).resize(
        (w * 2, h * 2), Image.Resampling.BICUBIC
    )
    stage.canvas.paste(layer, (0, 0), layer)


def _fireworks(stage: Stage) -> None:
    """Bursts of sparks that fall as they spread, each of one or two colours, in the upper sky."""
    rng = stage.rng("fireworks")
    side = min(stage.width, stage.height)
    count = int(rng.integers(5, 8))
    for i in range(count):
        x = (i + float(rng.uniform(0.25, 0.75))) / count * stage.width
        y = float(rng.uniform(0.12, 0.62)) * stage.horizon
        radius = side * float(rng.uniform(0.09, 0.17))
        hue = float(rng.uniform(0, 360))
        colours = [hexed(oklch(0.82, 0.17, hue)), hexed(oklch(0.90, 0.10, hue + float(rng.choice([0, 40, 180]))))]
        halo = stage.glow([(0, oklch(0.8, 0.14, hue), 0.34), (1, oklch(0.8, 0.14, hue), 0)], x, y, radius * 1.3)
        sparks = [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius * 1.3:.1f}" fill="{halo}"/>']
        for ray in range(26):
            angle = (ray + float(rng.uniform(-0.2, 0.2))) / 26 * 2 * np.pi
            reach = radius * float(rng.uniform(0.82, 1.0))
            for step in range(1, 8):
                far = step / 7
                sx = x + np.cos(angle) * reach * far
                sy = y + np.sin(angle) * reach * far + radius * 0.18 * far * far
                dot = max(side * 0.0017, 0.6) * (0.7 + 1.3 * far)
                sparks.append(
                    f'<circle cx="{sx:.1f}" cy="{sy:.1f}" r="{dot:.2f}" fill="{colours[step > 4]}" opacity="{0.35 + 0.65 * far:.2f}"/>'
                )
        stage.back.append("".join(sparks))


def _aurora(stage: Stage) -> None:
    rng = stage.rng("aurora")
    w, h = max(stage.width // COARSE, 16), max(int(stage.horizon) // COARSE, 8)
    x = np.linspace(0, 1, w, dtype=np.float32)[None, :]
    y = np.linspace(0, 1, h, dtype=np.float32)[:, None]
    total = np.zeros((h, w, 3), np.float32)
    for hue in (155, 170, 320):
        phase = rng.uniform(0, 6.28, 4)
        curve = (
            0.55 + 0.14 * np.sin(x * 5 + phase[0]) + 0.07 * np.sin(x * 13 + phase[1]) + float(rng.uniform(-0.15, 0.1))
        )
        rays = enlarge(rng.random((1, 60), dtype=np.float32), w, 1) * 0.6 + 0.4
        above = np.clip((curve - y) / 0.5, 0, 1)
        curtain = np.where(y < curve, np.exp(-above * 2.4), np.exp(-(y - curve) / 0.02)) * rays * smooth(0, 0.1, y)
        total += curtain[..., None] * np.array(oklch(0.80, 0.19, hue), np.float32) * 0.55
    light = Image.fromarray((np.clip(total, 0, 1) * 255).astype(np.uint8)).resize(
        (stage.width, h * COARSE), Image.Resampling.BICUBIC
    )
    base = np.asarray(stage.canvas.crop((0, 0, stage.width, h * COARSE)), np.uint16)
    lit = base + np.asarray(light, np.uint16) * (255 - base) // 255
    stage.canvas.paste(Image.fromarray(lit.astype(np.uint8)), (0, 0))
