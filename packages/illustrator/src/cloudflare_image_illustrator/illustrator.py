"""The illustrator: a brief in, a drawing out."""

from collections.abc import Callable
from functools import cached_property

from cloudflare_image_illustrator import transparent
from cloudflare_image_illustrator.artwork import Artwork
from cloudflare_image_illustrator.brief import Brief
from cloudflare_image_illustrator.drawing import Drawing
from cloudflare_image_illustrator.edits import edit
from cloudflare_image_illustrator.reading.vocabulary import Vocabulary
from cloudflare_image_illustrator.session import OnPartial, Session

__all__ = ["Drawing", "Illustrator"]


class Illustrator:
    """Holds the artwork, opened on first use. Raises ArtworkMissing when it was never packed."""

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The words and the artwork behind them."""
        return Vocabulary(Artwork())

    def draw(
        self, brief: Brief, on_partial: OnPartial | None = None, cancelled: Callable[[], bool] | None = None
    ) -> Drawing:
        """Draws a brief. Raises IllustratorError for input that cannot be drawn, Cancelled when cancelled() turns true.

        on_partial(index, pixels) is called with brief.partial_images previews while the picture grows.
        """
        brief.check()
        session = Session(self.vocabulary, brief, on_partial, cancelled)
        if brief.images:
            return edit.edit(session)
        return transparent.generate(session) if brief.transparent else session.generate()
