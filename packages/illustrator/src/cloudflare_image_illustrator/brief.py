"""What to draw."""

from dataclasses import dataclass

from cloudflare_image_illustrator.errors import IllustratorError

LIMITS: dict[str, tuple[float, float]] = {
    "width": (64, 2500),
    "height": (64, 2500),
    "steps": (1, 150),
    "guidance": (0, 50),
    "strength": (0, 1),
    "partial_images": (0, 3),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """One picture to draw: plain values only, so that it can cross a process boundary.

    width, height: pixels, 64 to 2500. steps: iterations of the layout optimiser. strength: edits only, 0 keeps the
    source. images: encoded PNG, JPEG or WebP files; the first is the source of an edit, the rest are references.
    mask: an encoded "L" PNG of the source's size, 255 = repaint, 0 = keep. vary: a variation of images[0] instead
    of an edit; the prompt may then be empty. partial_images: previews handed out before the final picture.
    transparent: the things alone, without scenery, as pixels with alpha; edits keep their background.
    """

    prompt: str
    negative_prompt: str = ""
    width: int = 1024
    height: int = 1024
    seed: int = 0
    steps: int = 4
    guidance: float = 7.5
    strength: float = 0.7
    images: tuple[bytes, ...] = ()
    mask: bytes | None = None
    partial_images: int = 0
    vary: bool = False
    transparent: bool = False

    def check(self) -> None:
        """Raises IllustratorError naming the first value out of its range."""
        for name, (low, high) in LIMITS.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise IllustratorError(f"{name} is {value}; it must be between {low} and {high}")
        if self.mask is not None and not self.images:
            raise IllustratorError("mask is given without an image to apply it to")
        if self.vary and not self.images:
            raise IllustratorError("a variation needs an image")
