"""The threads that both local engines draw in."""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest

from cloudflare_image_mcp.backends.threads import EngineThreads
from cloudflare_image_mcp.errors import GatewayError
from tests.waiting import LONGEST

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from cloudflare_image_mcp.backends.threads import Show
    from cloudflare_image_mcp.imagefile.image import Image


@dataclass(frozen=True)
class Square:
    """A drawing of one colour."""

    pixels: NDArray[np.uint8]
    warnings: tuple[str, ...] = ()


def square(side: int) -> Square:
    return Square(np.full((side, side, 3), 90, np.uint8), (f"{side} pixels",))


class Endless:
    """Draws until it is stopped."""

    def __init__(self) -> None:
        self.begun, self.ended = threading.Event(), threading.Event()

    def __call__(self, _show: Show | None, stopped: Callable[[], bool]) -> Square:
        self.begun.set()
        deadline = time.monotonic() + LONGEST
        while not stopped():
            assert time.monotonic() < deadline, "it was not stopped"
            time.sleep(0.001)
        self.ended.set()
        raise InterruptedError


def test_previews_arrive_in_order_and_before_the_picture() -> None:
    sides: list[tuple[int, int]] = []

    async def on_partial(index: int, image: Image) -> None:
        await asyncio.sleep(0.02 * (3 - index))  # the first takes longest
        sides.append((index, image.size.width))

    def draw(show: Show | None, _stopped: Callable[[], bool]) -> Square:
        assert show is not None
        for index in range(3):
            show(index, square(10 + index).pixels)
        return square(40)

    async def run() -> None:
        rendered = await EngineThreads(1, "test").run(draw, on_partial)
        assert sides == [(0, 10), (1, 11), (2, 12)]
        assert (rendered.image.size.width, rendered.warnings) == (40, ("40 pixels",))

    asyncio.run(run())


def test_no_previews_are_made_without_a_listener() -> None:
    def draw(show: Show | None, _stopped: Callable[[], bool]) -> Square:
        assert show is None
        return square(8)

    asyncio.run(EngineThreads(1, "test").run(draw, None))


def test_a_cancelled_caller_stops_the_drawing() -> None:
    async def run() -> None:
        endless, threads = Endless(), EngineThreads(1, "test")
        working = asyncio.ensure_future(threads.run(endless, None))
        await asyncio.to_thread(endless.begun.wait, 30)
        working.cancel()
        with pytest.raises(asyncio.CancelledError):
            await working
        assert await asyncio.to_thread(endless.ended.wait, 30)

    asyncio.run(run())


def test_closing_stops_the_drawing_with_an_error_for_the_caller() -> None:
    async def run() -> None:
        endless, threads = Endless(), EngineThreads(1, "test")
        working = asyncio.ensure_future(threads.run(endless, None))
        await asyncio.to_thread(endless.begun.wait, 30)
        threads.close()
        with pytest.raises(GatewayError, match="the server stopped before the image was done"):
            await working

    asyncio.run(run())


def test_what_the_engine_raises_is_raised() -> None:
    def draw(_show: Show | None, _stopped: Callable[[], bool]) -> Square:
        raise LookupError("no such thing")

    with pytest.raises(LookupError, match="no such thing"):
        asyncio.run(EngineThreads(1, "test").run(draw, None))
