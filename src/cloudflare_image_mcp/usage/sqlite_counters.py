"""Counters of what API keys use, in an SQLite file that all processes of a machine share."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from typing import TYPE_CHECKING, Any, Final

from cloudflare_image_mcp.core.quota import CounterReading, CountersFailed, Outcome
from cloudflare_image_mcp.usage.counter_table import ADD, DELETE_ENDED, READ, TABLE
from cloudflare_image_mcp.usage.shared_database import BUSY_POLL, BUSY_TIMEOUT, Result, SharedDatabase, is_busy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from cloudflare_image_mcp.core.quota import Charge

FILE_NAME: Final = "usage.sqlite3"
TIDY_EVERY: Final = 600.0
"""Seconds between two deletions of counters that nobody needs any more."""


class SqliteCounters:
    """Implements ``UsageCounters`` in a folder, which is made when the first request of a limited key comes.

    What comes in the same turn of the event loop is written as one transaction: under load that is most of the cost.
    """

    def __init__(self, directory: Path) -> None:
        self._database = SharedDatabase(directory / FILE_NAME, TABLE)
        self._tidied = 0.0
        self._waiting: list[tuple[Callable[[sqlite3.Connection], Any], asyncio.Future[Any]]] = []
        self._deadline = 0.0

    async def reserve(self, charges: Sequence[Charge]) -> Outcome:
        def reserve(connection: sqlite3.Connection) -> Outcome:
            readings = tuple(
                CounterReading(_value(connection, charge.counter), _value(connection, charge.previous))
                for charge in charges
            )
            admitted = all(charge.fits(reading) for charge, reading in zip(charges, readings, strict=True))
            if admitted:
                self._add(connection, charges)
            return Outcome(admitted, readings)

        return await self._write(reserve)

    async def add(self, charges: Sequence[Charge]) -> None:
        await self._write(lambda connection: self._add(connection, charges))

    async def read(self, counters: Sequence[str]) -> list[float]:
        if not self._database.path.exists():
            return [0.0 for _ in counters]
        try:
            connection = self._database.open()
            return [_value(connection, counter) for counter in counters]
        except (OSError, sqlite3.Error) as error:
            raise self._failed(error) from None

    async def aclose(self) -> None:
        self._database.close()

    def _add(self, connection: sqlite3.Connection, charges: Iterable[Charge]) -> None:
        now = time.time()
        if now - self._tidied > TIDY_EVERY:
            self._tidied = now
            connection.execute(DELETE_ENDED, (now,))
        connection.executemany(ADD, [(charge.counter, charge.amount, now + charge.kept) for charge in charges])

    async def _write(self, change: Callable[[sqlite3.Connection], Result]) -> Result:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Result] = loop.create_future()
        self._waiting.append((change, done))
        if len(self._waiting) == 1:
            self._deadline = time.monotonic() + BUSY_TIMEOUT
            loop.call_soon(self._write_all, loop)
        return await done

    def _write_all(self, loop: asyncio.AbstractEventLoop) -> None:
        # What was reserved for a request that is gone would never be settled.
        wanted = [(change, done) for change, done in self._waiting if not done.done()]
        try:
            results = self._database.try_write(lambda connection: [change(connection) for change, _ in wanted])
        except (OSError, sqlite3.Error) as error:
            if isinstance(error, sqlite3.Error) and is_busy(error) and time.monotonic() < self._deadline:
                loop.call_later(BUSY_POLL, self._write_all, loop)
                return
            for _, done in wanted:
                done.set_exception(self._failed(error))
        else:
            for (_, done), result in zip(wanted, results, strict=True):
                done.set_result(result)
        self._waiting.clear()

    def _failed(self, error: Exception) -> CountersFailed:
        reason = getattr(error, "strerror", None) or str(error)
        return CountersFailed(f"{self._database.path} cannot be used ({reason})")


def _value(connection: sqlite3.Connection, counter: str) -> float:
    """What a counter holds; 0 where there is none."""
    if not counter:
        return 0.0
    row = connection.execute(READ, (counter,)).fetchone()
    return float(row[0]) if row else 0.0
