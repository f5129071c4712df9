"""Neuron ledger: neurons spent by account and UTC day, in an SQLite database that all processes of a user share."""

from __future__ import annotations

import asyncio
import errno
import logging
import sqlite3
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from cloudflare_image_mcp.backends.workers_ai.neurons import LocalNeuronCounter
from cloudflare_image_mcp.usage.shared_database import SharedDatabase

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date
    from pathlib import Path

log = logging.getLogger(__name__)

FILE_NAME: Final = "neurons.sqlite3"
KEPT: Final = timedelta(days=7)
"""Older days are deleted when a new day begins."""

_TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS spent (day TEXT, account TEXT, neurons REAL NOT NULL, PRIMARY KEY (day, account))"
    " WITHOUT ROWID"
)
_ADD: Final = (
    "INSERT INTO spent VALUES (?, ?, ?) ON CONFLICT (day, account) DO UPDATE SET neurons = neurons + excluded.neurons"
)
_SPENT: Final = "SELECT account, neurons FROM spent WHERE day = ?"


class NeuronLedger:
    """A ``NeuronCounter`` in a directory, which is created when the first neuron is spent.

    When the database cannot be written to, that is logged once, and the neurons are counted in this process, as
    ``LocalNeuronCounter`` does.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._unwritten = LocalNeuronCounter()
        self._waiting: dict[tuple[date, str], float] = {}
        # The transaction that will take what waits; None once it has begun.
        self._write: asyncio.Task[None] | None = None
        self._warned = False
        self._day: date | None = None
        self._database = SharedDatabase(directory / FILE_NAME, _TABLE)

    async def add(self, account_id: str, day: date, neurons: float) -> None:
        """Returns when the neurons are written, which is done on the event loop and takes a fraction of a millisecond
        (bench/neuron_ledger.py). What comes in the same turn of the event loop is one transaction.
        """
        self._waiting[day, account_id] = self._waiting.get((day, account_id), 0.0) + neurons
        if self._write is None or self._write.done():  # done: cancelled before it began
            self._write = asyncio.create_task(self._write_waiting())
        await asyncio.shield(self._write)

    async def _write_waiting(self) -> None:
        waiting, self._waiting, self._write = self._waiting, {}, None
        try:
            await self._database.write(lambda database: self._add(database, waiting))
        except (OSError, sqlite3.Error) as error:
            self._day = None
            for (day, account_id), neurons in waiting.items():
                await self._unwritten.add(account_id, day, neurons)
            if not self._warned:
                self._warned = True
                log.warning(
                    "neurons are counted in this process alone: %s cannot be written to (%s)",
                    self._directory,
                    getattr(error, "strerror", None) or str(error),
                )

    async def spent(self, day: date) -> Mapping[str, float]:
        """Returns what all processes added. A database that cannot be read counts as empty."""
        await asyncio.sleep(0)  # what was added in this turn of the event loop is written first
        spent = dict(await self._unwritten.spent(day))
        for account_id, neurons in self._read(day).items():
            spent[account_id] = spent.get(account_id, 0.0) + neurons
        return spent

    def check(self, day: date) -> None:
        """Raises ``OSError`` when the database cannot be written to or read."""
        try:
            database = self._database.open()
            database.execute("BEGIN IMMEDIATE")
            database.rollback()
            database.execute(_SPENT, (day.isoformat(),)).fetchall()
        except sqlite3.Error as error:
            raise OSError(errno.EIO, str(error)) from error

    def _add(self, database: sqlite3.Connection, spent: Mapping[tuple[date, str], float]) -> None:
        newest = max(day for day, _ in spent)
        if newest != self._day:
            database.execute("DELETE FROM spent WHERE day < ?", ((newest - KEPT).isoformat(),))
            self._day = newest
        database.executemany(_ADD, [(day.isoformat(), account, neurons) for (day, account), neurons in spent.items()])

    def _read(self, day: date) -> dict[str, float]:
        if not self._database.path.is_file():
            return {}
        try:
            return dict(self._database.open().execute(_SPENT, (day.isoformat(),)).fetchall())
        except (OSError, sqlite3.Error):
            return {}
