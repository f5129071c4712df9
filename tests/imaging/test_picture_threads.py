"""Pictures share a limit on memory, and take their turn in order."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest

from cloudflare_image_mcp.catalog import Size
from cloudflare_image_mcp.imagefile.header import ImageFormat, ImageHeader
from cloudflare_image_mcp.imaging.picture_threads import PictureMemory, PictureThreads, decoding_bytes
from tests.waiting import LONGEST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def threads() -> Iterator[PictureThreads]:
    made = PictureThreads(PictureMemory(100), 8)
    yield made
    made.close()


class Work:
    """Work that goes on until it is released, and remembers how much was held at most."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.released = threading.Event()
        self.begun: list[int] = []
        self.held = self.peak = 0

    def of(self, cost: int) -> Callable[[], int]:
        def work() -> int:
            with self.lock:
                self.begun.append(cost)
                self.held += cost
                self.peak = max(self.peak, self.held)
            self.released.wait(LONGEST)
            with self.lock:
                self.held -= cost
            return cost

        return work


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(LONGEST):
        while not condition():  # noqa: ASYNC110 - a thread sets it
            await asyncio.sleep(0.001)


async def test_no_more_is_held_than_allowed_and_nothing_is_lost(threads: PictureThreads) -> None:
    work = Work()
    work.released.set()
    costs: list[int] = [60, 30, 50, 100, 10, 90, 20, 40] * 20
    assert await asyncio.gather(*(threads.run([cost], work.of(cost)) for cost in costs)) == costs
    assert work.peak <= 100


async def test_what_is_too_large_runs_alone_and_in_its_turn(threads: PictureThreads) -> None:
    work = Work()
    first = asyncio.create_task(threads.run([50], work.of(50)))
    await until(lambda: work.begun == [50])
    large = asyncio.create_task(threads.run([70, 80], work.of(150)))
    small = asyncio.create_task(threads.run([1], work.of(1)))
    await asyncio.sleep(0.05)
    assert work.begun == [50]
    work.released.set()
    assert list(await asyncio.gather(first, large, small)) == [50, 150, 1]
    assert work.begun == [50, 150, 1]
    assert work.peak == 150


async def test_several_threads_share_the_memory() -> None:
    memory, work = PictureMemory(100), Work()
    decoding, drawing = PictureThreads(memory, 2), PictureThreads(memory, 2, "drawing")
    first = asyncio.create_task(decoding.run([70], work.of(70)))
    await until(lambda: work.begun == [70])
    second = asyncio.create_task(drawing.run([60], work.of(60)))
    await asyncio.sleep(0.05)
    assert work.begun == [70]
    work.released.set()
    assert list(await asyncio.gather(first, second)) == [70, 60]
    assert work.peak == 70
    decoding.close()
    drawing.close()


async def test_what_waits_for_a_thread_holds_no_memory() -> None:
    memory, work = PictureMemory(100), Work()
    one, other = PictureThreads(memory, 1), PictureThreads(memory, 1)
    first, queued = (asyncio.create_task(one.run([40], work.of(40))) for _ in range(2))
    await until(lambda: work.begun == [40])
    third = asyncio.create_task(other.run([60], work.of(60)))
    await until(lambda: work.begun == [40, 60])
    work.released.set()
    assert list(await asyncio.gather(first, queued, third)) == [40, 40, 60]
    one.close()
    other.close()


async def test_a_cancelled_caller_holds_the_memory_until_its_thread_is_done(threads: PictureThreads) -> None:
    work = Work()
    first = asyncio.create_task(threads.run([100], work.of(100)))
    await until(lambda: work.begun == [100])
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    second = asyncio.create_task(threads.run([100], work.of(100)))
    await asyncio.sleep(0.05)
    assert work.begun == [100]
    work.released.set()
    assert await second == 100
    assert work.peak == 100


async def test_what_fails_gives_its_memory_back(threads: PictureThreads) -> None:
    def fail() -> int:
        raise ValueError("no")

    for _ in range(3):
        with pytest.raises(ValueError, match="no"):
            await threads.run([100], fail)
    work = Work()
    work.released.set()
    assert await threads.run([100], work.of(100)) == 100


def test_a_webp_counts_for_more_than_a_png() -> None:
    png, webp = (ImageHeader(kind, Size(1000, 1000)) for kind in (ImageFormat.PNG, ImageFormat.WEBP))
    assert decoding_bytes(png, Size(10, 10)) == 4_000_400
    assert decoding_bytes(webp) == 20_000_000
