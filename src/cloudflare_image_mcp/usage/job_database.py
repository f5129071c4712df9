"""Records of jobs in an SQLite database, which several processes may share."""

from __future__ import annotations

import json
import logging
import sqlite3
from typing import TYPE_CHECKING, Final, TypeVar

from cloudflare_image_mcp.usage.job_table import (
    CANCEL,
    DELETE_EXPIRED,
    FIND,
    NEWEST,
    RENEW,
    SAVE,
    TABLE,
    TO_CANCEL,
    record_of_row,
    row_of,
)
from cloudflare_image_mcp.usage.shared_database import SharedDatabase

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from pathlib import Path

    from cloudflare_image_mcp.core.job_records import JobRecord

FILE_NAME: Final = "jobs.sqlite3"

Result = TypeVar("Result")
_log = logging.getLogger(__name__)


class JobDatabase:
    """A ``JobRecords`` in a file of a folder, made when the first job starts."""

    def __init__(self, folder: Path) -> None:
        self._database = SharedDatabase(folder / FILE_NAME, TABLE)
        self._warned = False

    async def save(self, record: JobRecord) -> bool:
        return await self._write(lambda connection: connection.execute(SAVE, row_of(record))) is not None

    async def renew(self, ids: Collection[str], until: float) -> Collection[str]:
        return await self._write(lambda connection: _renew(connection, list(ids), until)) or ()

    async def cancel(self, job_id: str) -> None:
        await self._write(lambda connection: connection.execute(CANCEL, (job_id,)))

    async def find(self, job_id: str) -> JobRecord | None:
        found = self._read(FIND, (job_id,))
        return found[0] if found else None

    async def newest(self, owner: str | None, limit: int) -> Sequence[JobRecord]:
        return self._read(NEWEST, (owner, limit))

    async def remove_expired(self, now: float) -> None:
        await self._write(lambda connection: connection.execute(DELETE_EXPIRED, (now,)))

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
        return list(map(record_of_row, rows))

    def _failed(self, error: Exception) -> None:
        if not self._warned:
            self._warned = True
            _log.warning("jobs do not survive a restart: %s cannot be used (%s)", self._database.path, error)


def _renew(connection: sqlite3.Connection, ids: list[str], until: float) -> set[str]:
    listed = json.dumps(ids)
    connection.execute(RENEW, (until, listed))
    return {row[0] for row in connection.execute(TO_CANCEL, (listed,))}
