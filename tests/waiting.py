"""Waiting in a test for what another thread or process does."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

T = TypeVar("T")

LONGEST: Final = 300
"""Seconds to wait for anything, also on a busy machine."""


def wait_for(condition: Callable[[], T], what: str, process: subprocess.Popen[bytes] | None = None) -> T:
    """Waits until the condition's result is true, and returns it. Fails with ``what`` after ``LONGEST``, and when the
    process ends first.
    """
    deadline = time.monotonic() + LONGEST
    while not (found := condition()):
        assert process is None or process.poll() is None, f"{what}: the process ended"
        assert time.monotonic() < deadline, what
        time.sleep(0.02)
    return found


async def settled() -> None:
    """Waits until every task of the event loop that can run has run."""
    for _ in range(100):
        await asyncio.sleep(0)
