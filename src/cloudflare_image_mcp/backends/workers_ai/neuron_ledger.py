"""Neuron ledger: neurons spent by account and UTC day, in an SQLite database that all processes of a user share."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import sqlite3
import time
import weakref
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from cloudflare_image_mcp.backends.workers_ai.neurons import LocalNeuronCounter

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date
    from pathlib import Path

log = logging.getLogger(__name__)

FILE_NAME: Final = "neurons.sqlite3"
KEPT: Final = timedelta(days=7)
"""Older days are deleted when a new day begins."""

_BUSY_TIMEOUT: Final = 10.0
"""Seconds to wait for another process that writes at the same moment."""
_BUSY_POLL: Final = 0.005
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

    The database is in WAL mode: a killed process loses nothing, a power cut at most the last seconds. When it cannot
    be written to, that is logged once, and the neurons are counted in this process, as ``LocalNeuronCounter`` does.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._unwritten = LocalNeuronCounter()
        self._warned = False
        self._day: date | None = None
        self._database: sqlite3.Connection | None = None
        self._inode = 0

    async def add(self, account_id: str, day: date, neurons: float) -> None:
        """Writes on the event loop, which takes a fraction of a millisecond (bench/neuron_ledger.py)."""
        try:
            deadline = time.monotonic() + _BUSY_TIMEOUT
            while not self._add(account_id, day, neurons, last=time.monotonic() > deadline):  # noqa: ASYNC110 - another process's lock
                await asyncio.sleep(_BUSY_POLL)
        except (OSError, sqlite3.Error) as error:
            self._day = None
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
        spent = dict(await self._unwritten.spent(day))
        for account_id, neurons in self._read(day).items():
            spent[account_id] = spent.get(account_id, 0.0) + neurons
        return spent

    def check(self, day: date) -> None:
        """Raises ``OSError`` when the database cannot be written to or read."""
        try:
            database = self._open()
            database.execute("BEGIN IMMEDIATE")
            database.rollback()
            database.execute(_SPENT, (day.isoformat(),)).fetchall()
        except sqlite3.Error as error:
            raise OSError(errno.EIO, str(error)) from error

    def _add(self, account_id: str, day: date, neurons: float, *, last: bool) -> bool:
        """Returns whether it was written; False while another process writes, unless this is the last try."""
        try:
            with self._open() as database:
                if day != self._day:
                    database.execute("DELETE FROM spent WHERE day < ?", ((day - KEPT).isoformat(),))
                database.execute(_ADD, (day.isoformat(), account_id, neurons))
        except sqlite3.OperationalError as error:
            if last or error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            return False
        self._day = day
        return True

    def _read(self, day: date) -> dict[str, float]:
        if not self._path.is_file():
            return {}
        try:
            return dict(self._open().execute(_SPENT, (day.isoformat(),)).fetchall())
        except (OSError, sqlite3.Error):
            return {}

    @property
    def _path(self) -> Path:
        return self._directory / FILE_NAME

    def _open(self) -> sqlite3.Connection:
        """Returns the open database; opens it anew when somebody deleted the file meanwhile."""
        if self._database is not None:
            try:
                if self._path.stat().st_ino == self._inode:
                    return self._database
            except OSError:
                pass
            self._database.close()
            self._database = None
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        # SQLite would create a file that others may read; its -wal and -shm files get the permissions of this one.
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
        self._inode = self._path.stat().st_ino
        self._database = _connect(self._path)
        weakref.finalize(self, self._database.close)
        return self._database


def _connect(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=1)
    try:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        database.execute(_TABLE)
        database.execute("PRAGMA busy_timeout = 0")  # waiting is done by the event loop
    except sqlite3.Error:
        database.close()
        raise
    return database
