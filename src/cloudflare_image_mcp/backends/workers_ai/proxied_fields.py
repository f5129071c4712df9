"""Usual names of fields in the input schemas of other providers' models, the most usual first; their resolutions."""

from __future__ import annotations

import re
from typing import Final

PROMPTS: Final = ("prompt", "instruction")
IMAGES: Final = ("input_images", "image_input", "images", "reference_images", "image", "input_image")
FORMATS: Final = ("output_format", "output_type")
SCALES: Final = ("resolution", "image_size", "size")
_SCALE: Final = re.compile(r"(\d+)\s*(K|MP)", re.IGNORECASE)


def side_of_scale(text: str) -> int | None:
    """The side in pixels of the square that a resolution such as ``2K`` or ``4MP`` stands for; None for other texts."""
    match = _SCALE.fullmatch(text)
    if match is None:
        return None
    amount = int(match[1])
    return round(1024 * (amount if match[2].upper() == "K" else amount**0.5))
