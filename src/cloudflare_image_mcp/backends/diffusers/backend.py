"""The engine as a backend: one picture at a time, in a thread."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from PIL import Image as PillowImage

from cloudflare_image_mcp.backends.diffusers.painter import NO_GUIDANCE, Order, Painter
from cloudflare_image_mcp.backends.diffusers.source import ModelSource
from cloudflare_image_mcp.backends.threads import EngineThreads
from cloudflare_image_mcp.catalog import Size, SizeRule
from cloudflare_image_mcp.core.abilities import Abilities
from cloudflare_image_mcp.imaging.encode import on_white

if TYPE_CHECKING:
    from cloudflare_image_mcp.catalog import Model
    from cloudflare_image_mcp.core.ports import Call, OnPartial, Rendered
    from cloudflare_image_mcp.imagefile.image import Image

SIZES: Final = SizeRule(default=Size(512, 512), minimum=64, maximum=1024, multiple=8)
"""What is computed; what is larger is resampled. Most models were trained at 512 or 1024 pixels a side and repeat
their subjects beyond. 8: a latent's side in pixels, which diffusers checks.
"""
DEFAULT_STEPS: Final = 20
DEFAULT_STRENGTH: Final = 0.7


class DiffusersBackend:
    """Paints with the model of ``DIFFUSERS_MODEL`` under every model id: an id stands for its defaults."""

    name = "local"
    trained = True
    billed = False

    def __init__(self, model: str | None) -> None:
        """Raises ``SettingError`` when the model cannot be used. Loads nothing yet."""
        source = ModelSource.of(model)
        self.engine = source.name
        self._painter = Painter(source)
        # One picture keeps all the cores busy, and a second one's activations need as much memory again.
        self._threads = EngineThreads(1, "diffusers")

    def abilities(self, model: Model) -> Abilities:
        """The source only: the pipelines take no references."""
        able = Abilities.of_promise(model, SIZES)
        return replace(able, images=min(able.images, 1))

    async def run(self, call: Call, on_partial: OnPartial | None = None) -> Rendered:
        """Raises ``GatewayError``."""
        order = await _order(call)
        return await self._threads.run(lambda show, stopped: self._painter.paint(order, show, stopped), on_partial)

    async def aclose(self) -> None:
        self._threads.close()


async def _order(call: Call) -> Order:
    promised = call.model.promise.parameters
    steps, guidance = (promised[name].default for name in ("steps", "guidance"))
    return Order(
        prompt=call.prompt,
        negative_prompt=call.negative_prompt or "",
        width=call.size.width,
        height=call.size.height,
        seed=call.seed or 0,
        steps=call.steps or int(steps or DEFAULT_STEPS),
        # The models without a default of their own are distilled: they were trained to do without.
        guidance=call.guidance if call.guidance is not None else guidance or NO_GUIDANCE,
        strength=DEFAULT_STRENGTH if call.strength is None else call.strength,
        source=on_white(await _opened(call.images[0])).convert("RGB") if call.images else None,
        mask=None if call.mask is None else (await _opened(call.mask)).convert("L"),
        partial_images=call.partial_images,
    )


async def _opened(image: Image) -> PillowImage.Image:
    """A PNG that the gateway itself made."""
    return PillowImage.open(io.BytesIO(await image.payload.read()), formats=["PNG"])
