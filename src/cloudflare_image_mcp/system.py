"""Implements the ports ``Clock``, ``Ids`` and ``Defer`` under CPython."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Coroutine

_log = logging.getLogger(__name__)


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()


class SystemIds:
    def name(self) -> str:
        return secrets.token_urlsafe(16)  # 128 bits: 22 characters

    def seed(self) -> int:
        return secrets.randbelow(2**32)


class Background:
    """Runs background tasks and keeps a reference to each, because the event loop holds tasks only weakly."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def __call__(self, work: Coroutine[object, object, None]) -> None:
        # Wrapped, because a task wants a coroutine whose types are exactly its own.
        task = asyncio.get_running_loop().create_task(_finish(work))
        self._tasks.add(task)

        def settle(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            work.close()  # of a task that was cancelled before it began, or Python complains of work never awaited

        task.add_done_callback(settle)

    def __len__(self) -> int:
        """Returns the number of running tasks."""
        return len(self._tasks)

    async def drain(self, seconds: float) -> int:
        """Waits up to ``seconds`` for all tasks, including those they start; cancels the rest and returns how many."""
        deadline = time.monotonic() + seconds
        while self._tasks and (left := deadline - time.monotonic()) > 0:
            await asyncio.wait(self._tasks, timeout=left)
        cancelled = 0
        while self._tasks:  # a task that is cancelled may leave another one behind
            unfinished = list(self._tasks)
            cancelled += len(unfinished)
            for task in unfinished:
                task.cancel()
            await asyncio.gather(*unfinished, return_exceptions=True)
        if cancelled:
            _log.warning("%d deferred tasks were cancelled after %g s", cancelled, seconds)
        return cancelled


async def _finish(work: Coroutine[object, object, None]) -> None:
    try:
        await work
    except Exception:
        _log.exception("deferred work failed")
