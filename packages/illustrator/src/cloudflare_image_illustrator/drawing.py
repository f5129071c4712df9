"""The result of drawing a brief."""

from dataclasses import dataclass

from cloudflare_image_illustrator.pixels import Pixels
from cloudflare_image_illustrator.scene import Scene


@dataclass(frozen=True, slots=True)
class Drawing:
    """The result: pixels (H x W x 3, uint8, sRGB; H x W x 4 for a transparent brief), what they show, and what was not understood, a sentence each."""

    pixels: Pixels
    scene: Scene
    warnings: tuple[str, ...]
