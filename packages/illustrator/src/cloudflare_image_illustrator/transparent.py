"""Pictures with a transparent background: the things of a prompt without scenery, light of the place or shadows."""

import numpy as np
from PIL import Image

from cloudflare_image_illustrator.drawing import Drawing
from cloudflare_image_illustrator.pixels import Pixels
from cloudflare_image_illustrator.raster import bands
from cloudflare_image_illustrator.reading.completion import complete
from cloudflare_image_illustrator.reading.mention import Mention, Reading
from cloudflare_image_illustrator.session import Session, describe
from cloudflare_image_illustrator.styles import styling
from cloudflare_image_illustrator.styles.finish import finish

FALLBACK = "glowing star"  # stands for a prompt that names nothing which could be cut out


def generate(session: Session) -> Drawing:
    """Draws a prompt's things on nothing: pixels H x W x 4. What stands for a place is drawn where nothing else is named."""
    brief = session.brief
    reading, refused = session.read()
    _never_empty(session, reading)
    concepts = session.choose(reading, refused)
    reading.emblem = True  # no ground, no horizon: things are centred
    plan, stage, cast, energy = session.compose(reading, refused, concepts)
    # Drawn on black and on white: where both agree it is opaque, where they differ it is not.
    grounds = []
    for shade in (0, 255):
        stage.canvas = Image.new("RGB", (brief.width, brief.height), (shade, shade, shade))
        session.perform(stage, cast)
        grounds.append(np.asarray(stage.canvas))
    colours, alpha = _colours_and_opacity(*grounds)
    del grounds
    stage.canvas = Image.fromarray(colours)
    session.style(stage, reading)
    coloured = finish(stage.canvas.convert("RGB"), brief.steps, brief.guidance, brief.negative_prompt)
    session.preview(coloured)
    outlined = styling.outline(reading.style, Image.fromarray(alpha), brief.seed)
    pixels = np.dstack([np.asarray(coloured), np.asarray(outlined)])
    for text in reading.titles:
        reading.warnings.append(f'the lettering "{text}" was left out: the background is transparent')
    return Drawing(pixels, describe(reading, cast, plan, energy), tuple(reading.warnings))


def _colours_and_opacity(black: Pixels, white: Pixels) -> tuple[Pixels, Pixels]:
    """Colours (H x W x 3) and opacity (H x W) of what was drawn on black and on white."""
    colours, opacity = np.empty_like(black), np.empty(black.shape[:2], np.uint8)
    for rows in bands(len(black)):
        dark, light = black[rows].astype(np.float32), white[rows].astype(np.float32)
        alpha = np.clip(1 - (light - dark).mean(axis=2) / 255, 0, 1)
        full = np.where(alpha[..., None] > 0, dark / np.maximum(alpha[..., None], 1 / 255), 255)
        colours[rows] = np.clip(full + 0.5, 0, 255).astype(np.uint8)
        opacity[rows] = (alpha * 255 + 0.5).astype(np.uint8)
    return colours, opacity


def _never_empty(session: Session, reading: Reading) -> None:
    """Something that stands for a place or the sky where the prompt names no thing."""
    if not reading.mentions:
        reading.emblem = True
        complete(reading, session.vocabulary, None, "")
    elif reading.scenery:
        reading.warnings.append("the place was left out: the background is transparent")
    if not reading.mentions:
        number = session.vocabulary.label(FALLBACK)
        reading.mentions.append(Mention(FALLBACK, [] if number is None else [number]))
        reading.warnings.append(f"nothing in the prompt can be cut out; a {FALLBACK} stands for it")
