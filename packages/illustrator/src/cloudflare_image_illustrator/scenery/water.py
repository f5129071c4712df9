"""Water seen from above its surface: waves, glitter, and the mirror image of what stands behind it."""

import numpy as np
from PIL import Image

from cloudflare_image_illustrator.colour import mix, shade
from cloudflare_image_illustrator.raster import noise
from cloudflare_image_illustrator.scenery.stage import Stage


def surface(stage: Stage, top: float, bottom: float) -> None:
    """Lays water between two levels; the mirror image is added once the scenery is painted."""
    stage.water = (top, bottom)
    palette = stage.palette
    far = mix(palette.lit(palette.water), palette.low, 0.62)
    near = shade(palette.lit(palette.water), -0.09)
    paint = stage.gradient([(0, far, 1), (0.35, mix(far, near, 0.55), 1), (1, near, 1)], top, bottom)
    stage.back.append(f'<rect x="0" y="{top:.1f}" width="{stage.width}" height="{bottom - top:.1f}" fill="{paint}"/>')


def reflect(stage: Stage) -> None:
    """Mirrors the canvas above the waterline into the water, broken by ripples that widen toward the viewer."""
    if stage.water is None:
        return
    top, bottom = (round(v) for v in stage.water)
    bottom = min(bottom, stage.height)
    rows = bottom - top
    if rows < 4 or top < 4:
        return
    pixels = np.asarray(stage.canvas)
    rng = stage.rng("ripples")
    y = np.arange(rows, dtype=np.float32)
    near = y / rows
    phase = rng.uniform(0, 6.28, 3)
    frequency = 42.0 / (0.12 + near)
    wobble = np.sin(frequency + phase[0]) * 0.6 + np.sin(frequency * 2.3 + phase[1]) * 0.4
    shift = (wobble * stage.unit * (1.5 + 16 * near)).astype(int)
    source = np.clip(top - 1 - y * 0.9 - np.abs(wobble) * stage.unit * 10 * near, 0, top - 1).astype(int)
    columns = (np.arange(stage.width)[None, :] + shift[:, None]).clip(0, stage.width - 1)
    mirrored = pixels[source[:, None], columns].astype(np.float32)
    water = pixels[top:bottom].astype(np.float32)
    strength = (0.62 - 0.42 * near)[:, None, None]
    mixed = water + (mirrored - water) * strength
    # Crests catch the sky: stretched noise, flatter and finer toward the horizon.
    texture = noise(rng, stage.width // 2, rows, (max(4, int(stage.width / stage.unit / 70)), 34), 2)
    texture = np.repeat(texture, 2, axis=1)
    texture = np.pad(texture, ((0, 0), (0, stage.width - texture.shape[1])), mode="edge")
    crest = np.clip((texture - 0.60) / 0.10, 0, 1) * (0.10 + 0.22 * near)[:, None]
    sky = np.array(mix(stage.palette.low, (1, 1, 1), 0.15 if stage.palette.dark else 0.35), np.float32) * 255
    mixed += (sky - mixed) * crest[..., None]
    trough = np.clip((0.40 - texture) / 0.12, 0, 1) * (0.05 + 0.16 * near)[:, None]
    mixed *= 1 - trough[..., None]
    _glitter(stage, mixed, texture, near)
    result = pixels.copy()
    result[top:bottom] = np.clip(mixed, 0, 255).astype(np.uint8)
    stage.canvas = Image.fromarray(result)


def _glitter(stage: Stage, mixed: np.ndarray, texture: np.ndarray, near: np.ndarray) -> None:
    """The path of light below a low sun or the moon."""
    if stage.time == "day" or set(stage.weather) & {"rain", "storm", "fog", "cloudy"}:
        return
    x = np.arange(stage.width, dtype=np.float32)[None, :]
    width = stage.unit * (50 + 130 * near)[:, None]
    column = np.exp(-(((x - stage.sun[0]) / width) ** 2))
    sparkle = np.clip((texture - 0.46) / 0.10, 0, 1) * column * (0.9 - 0.35 * near)[:, None]
    light = np.array(stage.palette.sun, np.float32) * 255
    mixed += (light - mixed) * np.clip(sparkle, 0, 1)[..., None]
