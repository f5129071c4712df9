"""One run for a request and for identical ones that come meanwhile."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from cloudflare_image_mcp.core.ports import Defer
    from cloudflare_image_mcp.core.result import CacheOutcome, ImageResult, Maker


class RunAbandonedError(Exception):
    """The request that was to run left before its images were made: another one has to take its place."""


class SharedRun:
    """The request that began it looks for its images in the store. Where they are not there, it starts the run, or
    leaves before that; every other request waits. The run is cancelled when the last request that waits is.
    """

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.requests = 1
        """That lead or join it and were not cancelled."""
        self.maker: Maker | None = None
        """Who is to make the images, once the leading request is ready."""
        self._task: asyncio.Task[ImageResult] | None = None
        self._found: asyncio.Future[ImageResult | None] = loop.create_future()
        self._result: asyncio.Future[ImageResult] = loop.create_future()

    def note_found(self, answer: ImageResult | None) -> None:
        """Hands on the stored answer, which needs no run; None: the images are to be made."""
        self._found.set_result(answer)

    async def found(self) -> ImageResult | None:
        """Waits for the search in the store. Returns the stored answer, or None where the images are to be made.
        Raises the error of the request that searches, or ``RunAbandonedError``.
        """
        await asyncio.wait({self._found})
        return self._found.result()

    def start(self, work: Coroutine[object, object, ImageResult], defer: Defer) -> None:
        """Runs ``work`` in a task of its own, which the end of one of the requests does not cancel."""
        self._task = asyncio.create_task(work)
        self._task.add_done_callback(self._settle)
        defer(_ended(self._task))

    def fail(self, error: BaseException) -> None:
        """Hands the error to all that wait. Where the first request left, they are told to take its place."""
        ended = self._result if self._found.done() else self._found
        ended.set_exception(RunAbandonedError() if isinstance(error, asyncio.CancelledError) else error)
        ended.exception()  # read, or Python complains where nobody waits

    async def wait(self) -> ImageResult:
        """Raises the run's error, or ``RunAbandonedError``. Cancelling the caller does not end the run."""
        await asyncio.wait({self._result})
        return self._result.result()

    def leave(self) -> bool:
        """Takes one request away. Returns whether none is left: then the run is cancelled, and no other may join."""
        self.requests -= 1
        if self.requests == 0 and self._task is not None:
            self._task.cancel()
        return self.requests == 0

    def _settle(self, task: asyncio.Task[ImageResult]) -> None:
        if task.cancelled():
            self.fail(asyncio.CancelledError())
        elif (error := task.exception()) is not None:
            self.fail(error)
        else:
            self._result.set_result(task.result())


@dataclass(slots=True)
class Claim:
    """What the cache has for one request."""

    digest: str
    """Of what decides the images."""
    outcome: CacheOutcome
    answer: ImageResult | None = None
    """The stored answer, of a hit."""
    run: SharedRun | None = None
    """The run that the request leads (a miss) or has joined."""
    in_use: bool = False
    """Whether the request has begun to start its run or to wait for it."""


async def _ended(task: asyncio.Task[ImageResult]) -> None:
    """Waits for the run, whose errors its requests get."""
    with suppress(Exception):
        await task
