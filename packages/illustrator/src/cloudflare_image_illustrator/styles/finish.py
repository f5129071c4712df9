"""The last pass over a picture: detail by the number of steps, saturation and contrast by guidance."""

import math

from PIL import Image, ImageEnhance

# Values at which the picture is left as it is.
NEUTRAL_STEPS, NEUTRAL_GUIDANCE = 4, 7.5


def finish(image: Image.Image, steps: int, guidance: float) -> Image.Image:
    """RGB in and out. More steps are sharper, more guidance is more saturated and has more contrast; both without end
    points that are reached early, so that every change of a value is a change in the same direction."""
    if steps != NEUTRAL_STEPS:
        image = ImageEnhance.Sharpness(image).enhance(max(0.2, 1 + 0.4 * math.log2(steps / NEUTRAL_STEPS)))
    if guidance != NEUTRAL_GUIDANCE:
        bend = (guidance - NEUTRAL_GUIDANCE) / (guidance + NEUTRAL_GUIDANCE)
        image = ImageEnhance.Color(image).enhance(1 + 0.5 * bend)
        image = ImageEnhance.Contrast(image).enhance(1 + 0.12 * bend)
    return image
