"""One run for a request and for identical ones that come meanwhile."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from cloudflare_image_mcp.core.ports import Defer
    from cloudflare_image_mcp.core.result import CacheOutcome, ImageResult


class RunAbandonedError(Exception):
    """The request that was to run left before its images were made: another one has to take its place."""


class SharedRun:
    """The request that began it starts it, or ends it before; every other one waits. It is cancelled when the last one
    that waits is.
    """

    def __init__(self) -> None:
        self.requests = 1
        """That lead or join it and were not cancelled."""
        self._task: asyncio.Task[ImageResult] | None = None
        self._result: asyncio.Future[ImageResult] = asyncio.get_running_loop().create_future()

    def start(self, work: Coroutine[object, object, ImageResult], defer: Defer) -> None:
        """Runs ``work`` in a task of its own, which the end of one of the requests does not cancel."""
        self._task = asyncio.create_task(work)
        self._task.add_done_callback(self._settle)
        defer(_ended(self._task))

    def succeed(self, result: ImageResult) -> None:
        self._result.set_result(result)

    def fail(self, error: BaseException) -> None:
        """Hands the error to all that wait. Where the first request left, they are told to take its place."""
        self._result.set_exception(RunAbandonedError() if isinstance(error, asyncio.CancelledError) else error)
        self._result.exception()  # read, or Python complains where nobody waits

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
            self.succeed(task.result())


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
