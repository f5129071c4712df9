"""The table of counters in SQLite, and the statements that its file and Cloudflare's D1 have in common."""

from __future__ import annotations

from typing import Final

TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value REAL NOT NULL, ends REAL NOT NULL) WITHOUT ROWID"
)
"""A counter's name, its value, and the time in seconds since 1970 until which it is needed."""
DELETE_ENDED: Final = "DELETE FROM counters WHERE ends < ?"
