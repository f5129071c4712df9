"""Counters of what API keys use, in an SQLite file that all processes of a machine share."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cloudflare_image_mcp.core.quota import Charge, CounterReading, CountersFailed, Outcome
from cloudflare_image_mcp.usage.counter_table import DELETE_ENDED, TABLE
from cloudflare_image_mcp.usage.shared_database import BUSY_POLL, BUSY_TIMEOUT, SharedDatabase, is_busy

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

FILE_NAME: Final = "usage.sqlite3"
TIDY_EVERY: Final = 600.0
"""Seconds between two deletions of counters that nobody needs any more."""

JOIN_FOR: Final = 0.005
"""Seconds from one transaction to the next at least: what comes meanwhile waits, and is written together."""

_SET: Final = "REPLACE INTO counters VALUES (?, ?, ?)"
_NAMES: Final = 500
"""Counters read by one statement; SQLite allows 999 values in one."""


@dataclass(slots=True)
class _Change:
    """Amounts that wait for the next transaction. ``is_limited``: all or none are added, as their limits allow."""

    charges: Sequence[Charge]
    is_limited: bool
    done: asyncio.Future[Outcome]


class SqliteCounters:
    """Implements ``UsageCounters`` in a folder, which is made when the first request of a limited key comes.

    What comes in the same turn of the event loop, or within ``JOIN_FOR`` of the last transaction, is one transaction,
    which writes every counter once, and reads those that may have changed: under load that is most of the cost.
    """

    def __init__(self, directory: Path) -> None:
        self._database = SharedDatabase(directory / FILE_NAME, TABLE)
        self._tidied = 0.0
        self._waiting: list[_Change] = []
        self._deadline = 0.0
        self._written = 0.0
        self._held: dict[str, float] = {}
        """What counters held at the end of the last transaction."""
        self._seen: tuple[sqlite3.Connection, int] | None = None
        """The file and its version for which that is true; None after a transaction that failed."""

    async def reserve(self, charges: Sequence[Charge]) -> Outcome:
        return await self._enqueue(charges, is_limited=True)

    async def add(self, charges: Sequence[Charge]) -> None:
        await self._enqueue(charges, is_limited=False)

    async def read(self, counters: Sequence[str]) -> list[float]:
        if not self._database.path.exists():
            return [0.0 for _ in counters]
        try:
            held = _values(self._database.open(), counters)
        except (OSError, sqlite3.Error) as error:
            raise self._failed(error) from None
        return [held.get(counter, 0.0) for counter in counters]

    async def aclose(self) -> None:
        self._database.close()

    def _enqueue(self, charges: Sequence[Charge], *, is_limited: bool) -> asyncio.Future[Outcome]:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Outcome] = loop.create_future()
        self._waiting.append(_Change(charges, is_limited, done))
        if len(self._waiting) == 1:
            now = time.monotonic()
            self._deadline = now + BUSY_TIMEOUT
            pause = self._written + JOIN_FOR - now
            if pause > 0:
                loop.call_later(pause, self._write_all, loop)
            else:
                loop.call_soon(self._write_all, loop)
        return done

    def _write_all(self, loop: asyncio.AbstractEventLoop) -> None:
        # What was reserved for a request that is gone would never be settled.
        wanted = [change for change in self._waiting if not change.done.done()]
        try:
            outcomes = self._database.try_write(lambda connection: self._carry_out(connection, wanted))
        except (OSError, sqlite3.Error) as error:
            self._seen = None
            if isinstance(error, sqlite3.Error) and is_busy(error) and time.monotonic() < self._deadline:
                loop.call_later(BUSY_POLL, self._write_all, loop)
                return
            for change in wanted:
                change.done.set_exception(self._failed(error))
        else:
            for change, outcome in zip(wanted, outcomes, strict=True):
                change.done.set_result(outcome)
        self._waiting.clear()
        self._written = time.monotonic()

    def _carry_out(self, connection: sqlite3.Connection, changes: Sequence[_Change]) -> list[Outcome]:
        """Decides one change after the other, and writes every counter once."""
        now = time.time()
        if now - self._tidied > TIDY_EVERY:
            self._tidied, self._seen = now, None
            connection.execute(DELETE_ENDED, (now,))
        charges = [charge for change in changes for charge in change.charges]
        held = self._current(connection, {name for row in charges for name in (row.counter, row.previous) if name})
        kept: dict[str, float] = {}
        outcomes = [_decide(change, held, kept) for change in changes]
        connection.executemany(_SET, [(name, held[name], now + seconds) for name, seconds in kept.items()])
        return outcomes

    def _current(self, connection: sqlite3.Connection, names: set[str]) -> dict[str, float]:
        """Returns what the counters hold, and further ones; the transaction's own changes are to be made there too."""
        # The version is another one after a change by another connection; this connection's own changes do not count.
        ((version,),) = connection.execute("PRAGMA data_version")
        if self._seen != (connection, version):
            self._seen, self._held = (connection, version), {}
        if unknown := names - self._held.keys():
            self._held.update(dict.fromkeys(unknown, 0.0) | _values(connection, unknown))
        return self._held

    def _failed(self, error: Exception) -> CountersFailed:
        reason = getattr(error, "strerror", None) or str(error)
        return CountersFailed(f"{self._database.path} cannot be used ({reason})")


def _decide(change: _Change, held: dict[str, float], kept: dict[str, float]) -> Outcome:
    """Adds the change's amounts to ``held``, unless it is limited and a limit does not allow it. ``kept`` takes the
    seconds for which the counters that changed are needed.
    """
    readings = tuple(
        [CounterReading(held.get(row.counter, 0.0), held.get(row.previous, 0.0)) for row in change.charges]
    )
    admitted = not change.is_limited or all(map(Charge.fits, change.charges, readings))
    if admitted:
        for charge in change.charges:
            held[charge.counter] = held.get(charge.counter, 0.0) + charge.amount
            kept[charge.counter] = charge.kept
    return Outcome(admitted, readings)


def _values(connection: sqlite3.Connection, counters: Collection[str]) -> dict[str, float]:
    """What the counters hold; one that does not exist is left out."""
    names, found = list(counters), dict[str, float]()
    for start in range(0, len(names), _NAMES):
        part = names[start : start + _NAMES]
        marks = ", ".join("?" * len(part))
        statement = f"SELECT name, value FROM counters WHERE name IN ({marks})"  # noqa: S608 - only question marks
        found.update(connection.execute(statement, part).fetchall())
    return found
