"""The table of counters in SQLite, and the statements that its file and Cloudflare's D1 have in common."""

from __future__ import annotations

from typing import Final

TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value REAL NOT NULL, ends REAL NOT NULL) WITHOUT ROWID"
)
ADD_TO_OLD: Final = "ON CONFLICT (name) DO UPDATE SET value = value + excluded.value, ends = excluded.ends"
"""The end of an INSERT: a counter that exists grows by the value."""
ADD: Final = f"INSERT INTO counters VALUES (?, ?, ?) {ADD_TO_OLD}"  # noqa: S608 - a constant
"""Name, amount, and the time in seconds since 1970 until which the counter is needed."""
DELETE_ENDED: Final = "DELETE FROM counters WHERE ends < ?"
