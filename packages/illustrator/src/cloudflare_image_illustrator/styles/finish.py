"""The last pass over a picture: detail by the number of steps, saturation and contrast by guidance, and away from the
qualities that a negative prompt names."""

import math
import re
from typing import Final

from PIL import Image, ImageEnhance

# Values at which the picture is left as it is.
NEUTRAL_STEPS, NEUTRAL_GUIDANCE = 4, 7.5
# Words of a negative prompt for a quality of the picture: the property that is changed, and its factor.
QUALITIES: Final[tuple[tuple[re.Pattern[str], str, float], ...]] = tuple(
    (re.compile(rf"\b(?:{words})\b", re.IGNORECASE), kind, factor)
    for words, kind, factor in (
        ("blurry|blurred|blur|unsharp|soft focus|out of focus|low ?res|low resolution|low quality|worst quality|bad quality|poor quality|pixelated", "Sharpness", 1.6),
        ("noisy|noise|grain|grainy|jpeg artifacts|oversharpened", "Sharpness", 0.4),
        ("dull|washed out|desaturated|faded|muted|pale|colou?rless", "Color", 1.22),
        ("oversaturated|saturated|garish|gaudy|vivid", "Color", 0.78),
        ("flat lighting|low contrast|hazy", "Contrast", 1.12),
        ("high contrast|harsh", "Contrast", 0.88),
        ("dark|underexposed|dim|gloomy", "Brightness", 1.12),
        ("bright|overexposed|blown out", "Brightness", 0.88),
    )
)  # fmt: skip


def finish(image: Image.Image, steps: int, guidance: float, negative_prompt: str = "") -> Image.Image:
    """RGB in and out. More steps are sharper, more guidance is more saturated and has more contrast; both without end
    points that are reached early, so that every change of a value is a change in the same direction."""
    if steps != NEUTRAL_STEPS:
        image = ImageEnhance.Sharpness(image).enhance(max(0.2, 1 + 0.4 * math.log2(steps / NEUTRAL_STEPS)))
    if guidance != NEUTRAL_GUIDANCE:
        bend = (guidance - NEUTRAL_GUIDANCE) / (guidance + NEUTRAL_GUIDANCE)
        image = ImageEnhance.Color(image).enhance(1 + 0.5 * bend)
        image = ImageEnhance.Contrast(image).enhance(1 + 0.12 * bend)
    for kind, factor in unwanted(negative_prompt).items():
        image = getattr(ImageEnhance, kind)(image).enhance(factor)
    return image


def unwanted(negative_prompt: str) -> dict[str, float]:
    """What a negative prompt says of the picture's quality: property -> factor, the first word for each."""
    found: dict[str, float] = {}
    for words, kind, factor in QUALITIES:
        if words.search(negative_prompt):
            found.setdefault(kind, factor)
    return found
