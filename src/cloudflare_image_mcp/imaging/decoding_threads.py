"""Threads that decode images, and a limit on the memory that all decodes take together."""

from __future__ import annotations

import asyncio
import contextlib
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, TypeVar

from cloudflare_image_mcp.imagefile.header import ImageFormat
from cloudflare_image_mcp.limits import MEBIBYTE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from cloudflare_image_mcp.catalog import Size
    from cloudflare_image_mcp.imagefile.header import ImageHeader

_T = TypeVar("_T")

MAX_DECODING_BYTES: Final = 160 * MEBIBYTE
"""Memory of all pictures that are being decoded at the same time. A single one may take more: it then runs alone."""
_DECODER_BYTES: Final = {
    ImageFormat.PNG: 4,
    ImageFormat.GIF: 4,
    ImageFormat.WEBP: 16,
    ImageFormat.JPEG: 6,
}
"""Bytes that a decoder holds for each pixel of the file. Of a JPEG: the coefficients of a progressive one at full
chroma; the pixels themselves are left out where a smaller picture is wanted.
"""


def decoding_bytes(header: ImageHeader, size: Size | None = None) -> int:
    """Memory that it takes to decode a file to a picture of ``size``; None: of its own size."""
    return header.size.pixels * _DECODER_BYTES[header.format] + 4 * (size or header.size).pixels


class DecodingThreads:
    """As many decodes at once as there are threads, and as fit into memory. The others wait in order, so that a large
    image is not overtaken for ever by small ones.
    """

    def __init__(self, threads: int | None = None, most: int = MAX_DECODING_BYTES) -> None:
        """``threads``: by default, one for each core. ``most``: bytes."""
        self._pool = ThreadPoolExecutor(threads or os.cpu_count() or 1, "pixels")
        self._most = most
        self._held = 0
        self._turn = asyncio.Lock()
        self._freed = asyncio.Event()

    async def run(self, costs: Iterable[int], work: Callable[[], _T]) -> _T:
        """``work`` on a thread. ``costs``: the bytes of each picture that it holds at the same time.

        The bytes count until the thread is done, also when the caller is cancelled.
        """
        count = sum(costs)
        async with self._turn:
            while self._held and self._held + count > self._most:
                self._freed.clear()
                await self._freed.wait()
            self._held += count
        loop = asyncio.get_running_loop()
        try:
            running = self._pool.submit(work)
        except RuntimeError:  # closed
            self._give_back(count)
            raise

        def done(_: object) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(self._give_back, count)

        running.add_done_callback(done)
        return await asyncio.wrap_future(running)

    def _give_back(self, count: int) -> None:
        self._held -= count
        self._freed.set()

    def close(self) -> None:
        """Ends the threads; what has not begun is dropped."""
        self._pool.shutdown(wait=False, cancel_futures=True)
