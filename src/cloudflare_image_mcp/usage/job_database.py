"""Records of jobs in an SQLite database, which several processes may share."""

from __future__ import annotations

import logging
import sqlite3
from typing import TYPE_CHECKING, Final, TypeVar

from cloudflare_image_mcp.core.job_records import KEEP_SECONDS, JobRecord
from cloudflare_image_mcp.usage.shared_database import SharedDatabase

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from pathlib import Path

FILE_NAME: Final = "jobs.sqlite3"

_TABLE: Final = """
CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY, owner TEXT NOT NULL, created REAL NOT NULL, running INTEGER NOT NULL, until REAL NOT NULL,
    data TEXT NOT NULL, cancel INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID
"""
_SAVE: Final = """
INSERT INTO jobs (id, owner, created, running, until, data) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET running = excluded.running, until = excluded.until, data = excluded.data
"""
_COLUMNS: Final = "SELECT id, owner, created, running, until, data FROM jobs"

Result = TypeVar("Result")
_log = logging.getLogger(__name__)


class JobDatabase:
    """A ``JobRecords`` in a file of a folder, made when the first job starts."""

    def __init__(self, folder: Path) -> None:
        self._database = SharedDatabase(folder / FILE_NAME, _TABLE)
        self._warned = False

    async def save(self, record: JobRecord) -> None:
        row = (record.id, record.owner, record.created, record.running, record.until, record.data)
        await self._write(lambda connection: connection.execute(_SAVE, row))

    async def renew(self, ids: Collection[str], until: float) -> Collection[str]:
        return await self._write(lambda connection: _renew(connection, list(ids), until)) or ()

    async def cancel(self, job_id: str) -> None:
        update = "UPDATE jobs SET cancel = 1 WHERE id = ? AND running"
        await self._write(lambda connection: connection.execute(update, (job_id,)))

    async def find(self, job_id: str) -> JobRecord | None:
        found = self._read(f"{_COLUMNS} WHERE id = ?", (job_id,))
        return found[0] if found else None

    async def newest(self, owner: str | None, limit: int) -> Sequence[JobRecord]:
        return self._read(f"{_COLUMNS} WHERE ?1 IS NULL OR owner = ?1 ORDER BY created DESC LIMIT ?2", (owner, limit))

    async def remove_expired(self, now: float) -> None:
        delete = "DELETE FROM jobs WHERE until + running * ? < ?"
        await self._write(lambda connection: connection.execute(delete, (KEEP_SECONDS, now)))

    async def aclose(self) -> None:
        self._database.close()

    async def _write(self, change: Callable[[sqlite3.Connection], Result]) -> Result | None:
        try:
            return await self._database.write(change)
        except (OSError, sqlite3.Error) as error:
            self._failed(error)
            return None

    def _read(self, query: str, values: tuple[object, ...]) -> list[JobRecord]:
        if not self._database.path.is_file():
            return []
        try:
            rows = self._database.open().execute(query, values).fetchall()
        except (OSError, sqlite3.Error) as error:
            self._failed(error)
            return []
        return [
            JobRecord(id=row[0], owner=row[1], created=row[2], running=bool(row[3]), until=row[4], data=row[5])
            for row in rows
        ]

    def _failed(self, error: Exception) -> None:
        if not self._warned:
            self._warned = True
            _log.warning("jobs do not survive a restart: %s cannot be used (%s)", self._database.path, error)


def _renew(connection: sqlite3.Connection, ids: list[str], until: float) -> set[str]:
    marks = ", ".join("?" * len(ids))
    connection.execute(f"UPDATE jobs SET until = ? WHERE running AND id IN ({marks})", (until, *ids))  # noqa: S608 - question marks
    return {row[0] for row in connection.execute(f"SELECT id FROM jobs WHERE cancel AND id IN ({marks})", ids)}  # noqa: S608 - question marks
