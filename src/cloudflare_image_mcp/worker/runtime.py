"""Implements the ports ``Clock``, ``Ids`` and ``Defer`` with a Worker's runtime."""

from __future__ import annotations

import asyncio
import secrets
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from workers import wait_until

if TYPE_CHECKING:
    from collections.abc import Coroutine


class WorkerClock:
    """Implements ``Clock``. Both stand still between two waits: the runtime's guard against timing attacks."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.time()


class WorkerIds:
    """Implements ``Ids``."""

    def name(self) -> str:
        return secrets.token_urlsafe(16)

    def seed(self) -> int:
        return secrets.randbits(32)


def defer(work: Coroutine[object, object, None]) -> None:
    """Implements ``Defer``: the runtime keeps the Worker alive for ``work``, up to 30 s after the answer."""
    wait_until(asyncio.ensure_future(work))
