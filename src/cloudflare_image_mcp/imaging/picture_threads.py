"""Threads that decode or draw pictures, and one limit on the memory that all pictures take together."""

from __future__ import annotations

import asyncio
import contextlib
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, TypeVar

from cloudflare_image_mcp.imagefile.header import ImageFormat
from cloudflare_image_mcp.limits import MAX_PICTURE_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from cloudflare_image_mcp.catalog import Size
    from cloudflare_image_mcp.imagefile.header import ImageHeader

_T = TypeVar("_T")

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


class PictureMemory:
    """Counts the memory of pictures that are being decoded or drawn. One instance per process."""

    def __init__(self, most: int = MAX_PICTURE_BYTES) -> None:
        """``most``: bytes."""
        self._most = most
        self._held = 0
        self._turn = asyncio.Lock()
        self._freed = asyncio.Event()

    async def take(self, count: int) -> None:
        """Counts more bytes as soon as they fit. A picture that alone takes more than is allowed waits until there is
        no other. In order, so that a large picture is not overtaken for ever by small ones.
        """
        async with self._turn:
            while self._held and self._held + count > self._most:
                self._freed.clear()
                await self._freed.wait()
            self._held += count

    def give_back(self, count: int) -> None:
        """Counts bytes no longer. On the event loop's thread."""
        self._held -= count
        self._freed.set()


class PictureThreads:
    """Runs as much work at once as there are threads, and as fits into memory; the rest waits in order."""

    def __init__(self, memory: PictureMemory | None = None, threads: int | None = None, name: str = "pixels") -> None:
        """``memory``: shared with other threads; None: its own. ``threads``: by default, one for each core."""
        count = threads or os.cpu_count() or 1
        self._memory = memory or PictureMemory()
        self._pool = ThreadPoolExecutor(count, name)
        self._idle = asyncio.Semaphore(count)

    async def run(self, costs: Iterable[int], work: Callable[[], _T]) -> _T:
        """``work`` on a thread. ``costs``: the bytes of each picture that it holds at the same time.

        The bytes count until the thread is done, also when the caller is cancelled.
        """
        count = sum(costs)
        # First a thread, then memory: what waits for a thread holds none.
        await self._idle.acquire()
        try:
            await self._memory.take(count)
        except BaseException:
            self._idle.release()
            raise

        def give_back() -> None:
            self._memory.give_back(count)
            self._idle.release()

        loop = asyncio.get_running_loop()
        try:
            running = self._pool.submit(work)
        except RuntimeError:  # closed
            give_back()
            raise

        def done(_: object) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(give_back)

        running.add_done_callback(done)
        return await asyncio.wrap_future(running)

    def close(self) -> None:
        """Ends the threads; what has not begun is dropped."""
        self._pool.shutdown(wait=False, cancel_futures=True)
