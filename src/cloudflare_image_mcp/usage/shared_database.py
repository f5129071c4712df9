"""An SQLite file that several processes write to."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
import weakref
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Result = TypeVar("Result")

BUSY_TIMEOUT: Final = 10.0
"""Seconds to wait for another process that writes at the same moment."""
BUSY_POLL: Final = 0.005
"""Seconds until the next try."""


class SharedDatabase:
    """Opens the file when it is first used, and makes it with its folder, readable by its owner alone.

    It is in WAL mode: a killed process loses nothing, a power cut at most the last seconds.
    """

    def __init__(self, path: Path, table: str) -> None:
        """``table``: a ``CREATE TABLE IF NOT EXISTS`` statement."""
        self.path = path
        self._table = table
        self._connection: sqlite3.Connection | None = None
        self._inode = 0

    async def write(self, change: Callable[[sqlite3.Connection], Result]) -> Result:
        """Runs ``change`` as one transaction, on the event loop: it takes a fraction of a millisecond. While another
        process writes, it waits without holding up the loop. Raises ``OSError`` and ``sqlite3.Error``.
        """
        deadline = time.monotonic() + BUSY_TIMEOUT
        while True:
            try:
                return self.try_write(change)
            except sqlite3.OperationalError as error:
                if time.monotonic() > deadline or not is_busy(error):
                    raise
            await asyncio.sleep(BUSY_POLL)

    def try_write(self, change: Callable[[sqlite3.Connection], Result]) -> Result:
        """The same once: raises an error that ``is_busy`` while another process writes."""
        with self.open() as connection:
            connection.execute("BEGIN IMMEDIATE")
            return change(connection)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def open(self) -> sqlite3.Connection:
        """Returns the open database; opens it anew when somebody deleted the file meanwhile."""
        if self._connection is not None:
            try:
                if self.path.stat().st_ino == self._inode:
                    return self._connection
            except OSError:
                pass
            self.close()
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # SQLite would create a file that others may read; its -wal and -shm files get the permissions of this one. A
        # file that exists must not be opened here: closing it would end the locks of this process's other connections.
        with suppress(FileExistsError):
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        self._inode = self.path.stat().st_ino
        self._connection = _connect(self.path, self._table)
        weakref.finalize(self, self._connection.close)
        return self._connection


def is_busy(error: sqlite3.Error) -> bool:
    """Whether another process writes at the moment."""
    return isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY


def _connect(path: Path, table: str) -> sqlite3.Connection:
    # Used by one event loop alone, but closed by whichever thread ends.
    connection = sqlite3.connect(path, timeout=1, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(table)
        connection.execute("PRAGMA busy_timeout = 0")  # waiting is done by the event loop
    except sqlite3.Error:
        connection.close()
        raise
    return connection
