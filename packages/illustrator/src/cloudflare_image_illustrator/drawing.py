"""The result of drawing a brief."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cloudflare_image_illustrator.scene import Scene

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Drawing:
    """The result: pixels (H x W x 3, uint8, sRGB; H x W x 4 for a transparent brief), what they show, and what was not understood, a sentence each."""

    pixels: Pixels
    scene: Scene
    warnings: tuple[str, ...]
