"""An engine that reads a prompt and draws it with vector artwork and procedural scenery.

It is procedural and retrieval-based, not a diffusion model.
Importing this package is cheap; NumPy, Pillow and the rasteriser are loaded when the first picture is drawn.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from cloudflare_image_illustrator.brief import Brief
from cloudflare_image_illustrator.errors import ArtworkMissing, IllustratorError
from cloudflare_image_illustrator.location import PACKED
from cloudflare_image_illustrator.scene import Scene, Subject

if TYPE_CHECKING:
    from cloudflare_image_illustrator.drawing import Drawing
    from cloudflare_image_illustrator.illustrator import Illustrator

__all__ = [
    "ArtworkMissing",
    "Brief",
    "Drawing",
    "Illustrator",
    "IllustratorError",
    "Scene",
    "Subject",
    "count_drawings",
    "require_artwork",
]
__version__ = "0.1.0"


def require_artwork() -> Path:
    """Returns the path of the packed artwork without opening it. Raises ``ArtworkMissing``."""
    if not PACKED.is_file():
        raise ArtworkMissing(PACKED.name)
    return PACKED


def count_drawings() -> int:
    """Opens the packed artwork and counts the things that it can draw. Raises ``ArtworkMissing``."""
    from cloudflare_image_illustrator.artwork import Artwork

    return len(Artwork(require_artwork()).concepts)


def __getattr__(name: str) -> object:
    """Loads the drawing part on first use."""
    if name in {"Drawing", "Illustrator"}:
        from cloudflare_image_illustrator import illustrator

        return getattr(illustrator, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
