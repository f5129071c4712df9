"""The illustrator: an engine that reads a prompt and draws it with vector artwork and procedural scenery.

It is procedural and retrieval-based, not a diffusion model. It knows nothing of the gateway around it.
Importing this package is cheap; NumPy, Pillow and the rasteriser are loaded when the first picture is drawn.
"""

from typing import TYPE_CHECKING

from cloudflare_image_mcp.illustrator.brief import Brief
from cloudflare_image_mcp.illustrator.errors import ArtworkMissing, IllustratorError
from cloudflare_image_mcp.illustrator.scene import Scene, Subject

if TYPE_CHECKING:
    from cloudflare_image_mcp.illustrator.illustrator import Drawing, Illustrator

__all__ = ["ArtworkMissing", "Brief", "Drawing", "Illustrator", "IllustratorError", "Scene", "Subject"]


def __getattr__(name: str) -> object:
    """Loads the drawing part on first use."""
    if name in {"Drawing", "Illustrator"}:
        from cloudflare_image_mcp.illustrator import illustrator

        return getattr(illustrator, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
