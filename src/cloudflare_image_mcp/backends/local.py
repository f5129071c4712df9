"""The embedded engine as a backend: the illustrator, in threads, as many at once as there are cores."""

from __future__ import annotations

import asyncio
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from PIL import Image as PillowImage

from cloudflare_image_mcp.catalog import Operation, Size, SizeRule
from cloudflare_image_mcp.errors import GatewayError
from cloudflare_image_mcp.gateway.abilities import Abilities
from cloudflare_image_mcp.gateway.image import Image
from cloudflare_image_mcp.gateway.image_header import ImageFormat
from cloudflare_image_mcp.gateway.payload import BytesPayload
from cloudflare_image_mcp.gateway.ports import Rendered
from cloudflare_image_mcp.illustrator import Brief, Illustrator, IllustratorError
from cloudflare_image_mcp.imaging.encode import encode

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from cloudflare_image_mcp.catalog import Model
    from cloudflare_image_mcp.gateway.ports import Call, OnPartial

SIZES: Final = SizeRule(default=Size(1024, 1024), minimum=64, maximum=2500)
"""What the illustrator draws natively, in any shape."""
DEFAULT_STEPS: Final = 4
DEFAULT_GUIDANCE: Final = 7.5
DEFAULT_STRENGTH: Final = 0.7


class LocalBackend:
    """Draws with the illustrator. All eleven model ids work; their pictures differ by the parameters alone."""

    name = "local"
    trained = False

    def __init__(self, *, cores: int | None = None) -> None:
        self._illustrator = Illustrator()
        self._threads = ThreadPoolExecutor(cores or os.cpu_count() or 1, thread_name_prefix="illustrator")

    def abilities(self, model: Model) -> Abilities:
        return Abilities.of_promise(model, SIZES)

    async def run(self, call: Call, on_partial: OnPartial | None = None) -> Rendered:
        """Raises ``GatewayError`` when the engine cannot draw this."""
        brief = await _brief(call)
        loop = asyncio.get_running_loop()
        gone = threading.Event()
        shown: list[asyncio.Task[None]] = []
        turn = asyncio.Lock()

        def show(index: int, pixels: NDArray[np.uint8]) -> None:
            encoded = _png(pixels)

            def begin() -> None:
                if on_partial is not None:
                    shown.append(asyncio.ensure_future(_show(on_partial, index, encoded, turn)))

            loop.call_soon_threadsafe(begin)

        def draw() -> tuple[bytes, tuple[str, ...]]:
            drawing = self._illustrator.draw(brief, show if on_partial else None, gone.is_set)
            return _png(drawing.pixels), drawing.warnings

        try:
            data, warnings = await loop.run_in_executor(self._threads, draw)
        except IllustratorError as error:
            raise GatewayError("invalid_request", str(error)) from None
        finally:
            gone.set()
        await asyncio.gather(*shown)
        return Rendered(image=await Image.sniff(BytesPayload(data)), warnings=warnings)

    async def aclose(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


async def _show(on_partial: OnPartial, index: int, data: bytes, turn: asyncio.Lock) -> None:
    # The lock is handed on in the order of asking, so that no preview overtakes an earlier one.
    async with turn:
        await on_partial(index, await Image.of_bytes(data))


async def _brief(call: Call) -> Brief:
    promised = call.model.promise.parameters
    return Brief(
        prompt=call.prompt,
        negative_prompt=call.negative_prompt or "",
        width=call.size.width,
        height=call.size.height,
        seed=call.seed or 0,
        steps=int(_first(call.steps, promised["steps"].default, DEFAULT_STEPS)),
        guidance=_first(call.guidance, promised["guidance"].default, DEFAULT_GUIDANCE),
        strength=_first(call.strength, DEFAULT_STRENGTH),
        images=tuple([await image.payload.read() for image in call.images]),
        mask=None if call.mask is None else await call.mask.payload.read(),
        partial_images=call.partial_images,
        vary=call.operation is Operation.VARY,
    )


def _png(pixels: NDArray[np.uint8]) -> bytes:
    """``pixels``: H x W x 3, uint8, sRGB."""
    return encode(PillowImage.fromarray(pixels), ImageFormat.PNG)


def _first(*values: float | None) -> float:
    return next(value for value in values if value is not None)
