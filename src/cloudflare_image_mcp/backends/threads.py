"""Threads for an engine that draws on this machine: pictures and previews out of them, and a way to stop it."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Protocol, TypeAlias

from PIL import Image as PillowImage

from cloudflare_image_mcp.core.ports import Rendered
from cloudflare_image_mcp.errors import GatewayError
from cloudflare_image_mcp.imagefile.header import ImageFormat
from cloudflare_image_mcp.imagefile.image import Image
from cloudflare_image_mcp.imagefile.payload import BytesPayload
from cloudflare_image_mcp.imaging.encode import encode
from cloudflare_image_mcp.imaging.picture_threads import PictureThreads

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from cloudflare_image_mcp.core.ports import OnPartial
    from cloudflare_image_mcp.imaging.picture_threads import PictureMemory

    Show: TypeAlias = Callable[[int, NDArray[np.uint8]], None]
    """Hands out a partial image: its index, from 0, and its pixels (H x W x 3, uint8, sRGB)."""
    Draw: TypeAlias = Callable[[Show | None, Callable[[], bool]], "Drawn"]
    """Draws in a thread. Asks now and then whether it is to stop, and then raises what it likes."""


class Drawn(Protocol):
    """A picture from an engine, with its warnings."""

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """H x W x 3, or 4 with alpha, uint8, sRGB."""
        ...

    @property
    def warnings(self) -> tuple[str, ...]: ...


class EngineThreads:
    """Draws as many pictures at once as there are threads, and as fit into memory; the others wait their turn."""

    def __init__(self, count: int, name: str, memory: PictureMemory | None = None) -> None:
        """``memory``: shared with the threads that decode; None: its own."""
        self._threads = PictureThreads(memory, count, name)
        self._closed = threading.Event()

    async def run(self, draw: Draw, on_partial: OnPartial | None, cost: int = 0) -> Rendered:
        """Draws one picture, which takes ``cost`` bytes of memory meanwhile. When the caller is cancelled, the engine
        is asked to stop. Raises what ``draw`` raises.
        """
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

        def work() -> tuple[bytes, tuple[str, ...]]:
            drawn = draw(show if on_partial else None, lambda: gone.is_set() or self._closed.is_set())
            return _png(drawn.pixels), drawn.warnings

        try:
            data, warnings = await self._threads.run([cost], work)
        except Exception:
            if self._closed.is_set():
                raise GatewayError("overloaded", "the server stopped before the image was done") from None
            raise
        finally:
            gone.set()
        await asyncio.gather(*shown)
        return Rendered(image=await Image.sniff(BytesPayload(data)), warnings=warnings)

    def close(self) -> None:
        """Stops what is being drawn, so that the process can end."""
        self._closed.set()
        self._threads.close()


async def _show(on_partial: OnPartial, index: int, data: bytes, turn: asyncio.Lock) -> None:
    # The lock is fair, so that no preview overtakes an earlier one.
    async with turn:
        await on_partial(index, await Image.of_bytes(data))


def _png(pixels: NDArray[np.uint8]) -> bytes:
    return encode(PillowImage.fromarray(pixels), ImageFormat.PNG)
