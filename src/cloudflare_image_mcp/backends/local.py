"""The embedded engine as a backend: the illustrator, in threads, as many at once as there are cores."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from cloudflare_image_mcp.backends.threads import EngineThreads
from cloudflare_image_mcp.catalog import PROMPT_LENGTH, Operation, Size, SizeRule
from cloudflare_image_mcp.core.abilities import Abilities, Bounds
from cloudflare_image_mcp.errors import GatewayError, SettingError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudflare_image_illustrator import Brief
    from cloudflare_image_mcp.catalog import Model, Parameter
    from cloudflare_image_mcp.core.ports import Call, OnPartial, Rendered
    from cloudflare_image_mcp.imaging.picture_threads import PictureMemory

SIZES: Final = SizeRule(default=Size(1024, 1024), minimum=64, maximum=2500)
"""What the illustrator draws natively, in any shape."""
REFERENCE_SIDE: Final = 1024
"""The longest side of a reference that the engine is given: it would decode a larger one whole."""
DRAWING_BYTES: Final = 46
EDITING_BYTES: Final = 60
REFERENCE_BYTES: Final = 6
"""Memory for each pixel of a picture while it is drawn or edited, and for each pixel of a reference meanwhile:
measured, the most of all styles and edits.
"""
DEFAULT_STEPS: Final = 4
DEFAULT_GUIDANCE: Final = 7.5
DEFAULT_STRENGTH: Final = 0.7

NOT_INSTALLED: Final = (
    "the embedded engine is not installed: run scripts/install in the checkout, "
    "or set CLOUDFLARE_ACCOUNT_ID and CLOUDFLARE_API_TOKEN"
)


def require_illustrator() -> None:
    """Raises ``SettingError`` when the embedded engine or its artwork is not installed. Does not open the artwork."""
    try:
        from cloudflare_image_illustrator import ArtworkMissing, require_artwork
    except ModuleNotFoundError:
        raise SettingError(NOT_INSTALLED) from None
    try:
        require_artwork()
    except ArtworkMissing as error:
        raise SettingError(str(error)) from None


def describe_illustrator() -> str:
    """Opens the artwork and says how many drawings it has, and where it is. Raises ``SettingError``."""
    require_illustrator()
    from cloudflare_image_illustrator import count_drawings, require_artwork

    return f"{count_drawings()} drawings in {require_artwork()}"


def illustrator_abilities(model: Model) -> Abilities:
    """Returns what the illustrator takes under the id of the model."""
    promised = Abilities.of_promise(model, SIZES)
    return replace(
        promised,
        parameters={**promised.parameters, "background": Bounds()},
        reference_side=REFERENCE_SIDE,
        openai_prompt_length=PROMPT_LENGTH,
    )


class LocalBackend:
    """Draws with the illustrator. Every model id works; their pictures differ by the parameters alone."""

    name = "local"
    trained = False
    billed = False
    engine = "illustrator"

    def __init__(self, *, cores: int | None = None, memory: PictureMemory | None = None) -> None:
        """``memory``: shared with the threads that decode; None: its own."""
        from cloudflare_image_illustrator import Illustrator

        self._illustrator = Illustrator()
        self._threads = EngineThreads(cores or os.cpu_count() or 1, "illustrator", memory)

    def abilities(self, model: Model) -> Abilities:
        return illustrator_abilities(model)

    async def run(self, call: Call, on_partial: OnPartial | None = None) -> Rendered:
        """Raises ``GatewayError`` when the engine cannot draw this."""
        from cloudflare_image_illustrator import IllustratorError

        brief = await _brief(call)
        try:
            return await self._threads.run(
                lambda show, stopped: self._illustrator.draw(brief, show, stopped),
                on_partial,
                _drawing_bytes(call),
            )
        except IllustratorError as error:
            raise GatewayError("invalid_request", str(error)) from None

    async def aclose(self) -> None:
        self._threads.close()


def _drawing_bytes(call: Call) -> int:
    references = sum(image.size.pixels for image in call.images[1:])
    return call.size.pixels * (EDITING_BYTES if call.images else DRAWING_BYTES) + references * REFERENCE_BYTES


async def _brief(call: Call) -> Brief:
    from cloudflare_image_illustrator import Brief

    promised = call.model.promise.parameters
    return Brief(
        prompt=call.prompt,
        negative_prompt=call.negative_prompt or "",
        width=call.size.width,
        height=call.size.height,
        seed=call.seed or 0,
        steps=int(_first(call.steps, _default(promised, "steps"), DEFAULT_STEPS)),
        guidance=_first(call.guidance, _default(promised, "guidance"), DEFAULT_GUIDANCE),
        strength=_first(call.strength, DEFAULT_STRENGTH),
        images=tuple([await image.payload.read() for image in call.images]),
        mask=None if call.mask is None else await call.mask.payload.read(),
        partial_images=call.partial_images,
        vary=call.operation is Operation.VARY,
        transparent=call.background == "transparent",
    )


def _default(promised: Mapping[str, Parameter], name: str) -> float | None:
    row = promised.get(name)
    return None if row is None else row.default


def _first(*values: float | None) -> float:
    return next(value for value in values if value is not None)
