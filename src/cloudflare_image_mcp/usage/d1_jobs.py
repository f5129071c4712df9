"""Records of jobs in a D1 database of Cloudflare, which all isolates of a Worker share."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

from cloudflare_image_mcp.usage.d1_database import D1Database, D1Failed
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

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from cloudflare_image_mcp.core.job_records import JobRecord
    from cloudflare_image_mcp.js_values import Handle

_log = logging.getLogger(__name__)


class D1Jobs:
    """Implements ``JobRecords``."""

    def __init__(self, binding: Handle) -> None:
        """``binding`` is the raw binding."""
        self._database = D1Database(binding, TABLE)

    async def save(self, record: JobRecord) -> bool:
        return await self._rows((SAVE, row_of(record))) is not None

    async def renew(self, ids: Collection[str], until: float) -> Collection[str]:
        listed = json.dumps(list(ids))
        return {row.id for row in await self._rows((RENEW, (until, listed)), (TO_CANCEL, (listed,))) or ()}

    async def cancel(self, job_id: str) -> None:
        await self._rows((CANCEL, (job_id,)))

    async def find(self, job_id: str) -> JobRecord | None:
        found = await self._rows((FIND, (job_id,)))
        return _record(found[0]) if found else None

    async def newest(self, owner: str | None, limit: int) -> Sequence[JobRecord]:
        return [_record(row) for row in await self._rows((NEWEST, (owner, limit))) or ()]

    async def remove_expired(self, now: float) -> None:
        await self._rows((DELETE_EXPIRED, (now,)))

    async def aclose(self) -> None:
        """A binding has nothing to close."""

    async def _rows(self, *statements: tuple[str, Sequence[object]]) -> list[Handle] | None:
        """The rows of the last statement; None when the database fails."""
        try:
            return (await self._database.batch(*statements))[-1]
        except D1Failed as error:
            _log.warning("only the isolate that runs a job knows it: %s", error)
            return None


def _record(row: Handle) -> JobRecord:
    return record_of_row((row.id, row.owner, row.created, row.running, row.until, row.data))
