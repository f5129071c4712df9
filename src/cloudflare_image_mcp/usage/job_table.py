"""The table of job records in SQLite, and the statements that its file and Cloudflare's D1 have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from cloudflare_image_mcp.core.job_records import KEEP_SECONDS, JobRecord

if TYPE_CHECKING:
    from collections.abc import Iterable

TABLE: Final = """
CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY, owner TEXT NOT NULL, created REAL NOT NULL, running INTEGER NOT NULL, until REAL NOT NULL,
    data TEXT NOT NULL, cancel INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID
"""
SAVE: Final = """
INSERT INTO jobs (id, owner, created, running, until, data) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET running = excluded.running, until = excluded.until, data = excluded.data
"""
"""Takes the values of ``row_of``."""
FIND: Final = "SELECT id, owner, created, running, until, data FROM jobs WHERE id = ?"
NEWEST: Final = """
SELECT id, owner, created, running, until, data FROM jobs
WHERE ?1 IS NULL OR owner = ?1 ORDER BY created DESC LIMIT ?2
"""
RENEW: Final = "UPDATE jobs SET until = ? WHERE running AND id IN (SELECT value FROM json_each(?))"
TO_CANCEL: Final = "SELECT id FROM jobs WHERE cancel AND id IN (SELECT value FROM json_each(?))"
CANCEL: Final = "UPDATE jobs SET cancel = 1 WHERE id = ? AND running"
DELETE_EXPIRED: Final = f"DELETE FROM jobs WHERE until + running * {KEEP_SECONDS} < ?"  # noqa: S608 - a number of ours


def row_of(record: JobRecord) -> tuple[object, ...]:
    return record.id, record.owner, record.created, record.running, record.until, record.data


def record_of_row(row: Iterable[Any]) -> JobRecord:
    """``row``: the columns of ``FIND``."""
    job_id, owner, created, running, until, data = row
    return JobRecord(id=job_id, owner=owner, created=created, running=bool(running), until=until, data=data)
