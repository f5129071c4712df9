"""Counters of what API keys use, in an SQLite file that all processes of a machine share."""

from __future__ import annotations

import sqlite3
import time
from typing import TYPE_CHECKING, Final

from cloudflare_image_mcp.core.quota import CountersFailed, Outcome, Reading
from cloudflare_image_mcp.usage.shared_database import Result, SharedDatabase

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from cloudflare_image_mcp.core.quota import Charge

FILE_NAME: Final = "usage.sqlite3"
TIDY_EVERY: Final = 600.0
"""Seconds between two deletions of counters that nobody needs any more."""

_TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value REAL NOT NULL, ends REAL NOT NULL) WITHOUT ROWID"
)
_ADD: Final = (
    "INSERT INTO counters VALUES (?, ?, ?) ON CONFLICT (name) "
    "DO UPDATE SET value = value + excluded.value, ends = excluded.ends"
)
_READ: Final = "SELECT value FROM counters WHERE name = ?"


class SqliteCounters:
    """Implements ``UsageCounters`` in a folder, which is made when the first request of a limited key comes."""

    def __init__(self, directory: Path) -> None:
        self._database = SharedDatabase(directory / FILE_NAME, _TABLE)
        self._tidied = 0.0

    async def reserve(self, charges: Sequence[Charge]) -> Outcome:
        def reserve(connection: sqlite3.Connection) -> Outcome:
            readings = tuple(
                Reading(_value(connection, charge.counter), _value(connection, charge.previous)) for charge in charges
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
            connection.execute("DELETE FROM counters WHERE ends < ?", (now,))
        connection.executemany(_ADD, [(charge.counter, charge.amount, now + charge.kept) for charge in charges])

    async def _write(self, change: Callable[[sqlite3.Connection], Result]) -> Result:
        try:
            return await self._database.write(change)
        except (OSError, sqlite3.Error) as error:
            raise self._failed(error) from None

    def _failed(self, error: Exception) -> CountersFailed:
        reason = getattr(error, "strerror", None) or str(error)
        return CountersFailed(f"{self._database.path} cannot be used ({reason})")


def _value(connection: sqlite3.Connection, counter: str) -> float:
    """What a counter holds; 0 where there is none."""
    if not counter:
        return 0.0
    row = connection.execute(_READ, (counter,)).fetchone()
    return float(row[0]) if row else 0.0
