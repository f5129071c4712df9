"""Counters of what API keys use, in a D1 database of Cloudflare that all isolates of a Worker share."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from cloudflare_image_mcp.core.quota import TOLERANCE, CounterReading, CountersFailed, Outcome
from cloudflare_image_mcp.usage.counter_table import DELETE_ENDED, TABLE
from cloudflare_image_mcp.usage.d1_database import D1Database, D1Failed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudflare_image_mcp.core.ports import Clock
    from cloudflare_image_mcp.core.quota import Charge
    from cloudflare_image_mcp.js_values import Handle

_READ: Final = "SELECT value FROM counters WHERE name = ?"
_ADD_TO_OLD: Final = "ON CONFLICT (name) DO UPDATE SET value = value + excluded.value, ends = excluded.ends"
"""The end of an INSERT: a counter that exists grows by the value."""
_ADD: Final = f"INSERT INTO counters VALUES (?, ?, ?) {_ADD_TO_OLD}"  # noqa: S608 - a constant
_RESERVE: Final = f"""
WITH charges AS (
    SELECT value ->> 0 AS name, value ->> 1 AS amount, value ->> 2 AS ends,
        value ->> 3 AS most, value ->> 4 AS previous, value ->> 5 AS weight
    FROM json_each(?)
)
INSERT INTO counters SELECT name, amount, ends FROM charges
WHERE NOT EXISTS (
    SELECT 1 FROM charges
    LEFT JOIN counters AS now ON now.name = charges.name
    LEFT JOIN counters AS before ON before.name = charges.previous
    WHERE coalesce(now.value, 0) + weight * coalesce(before.value, 0) + amount > most
)
{_ADD_TO_OLD}
RETURNING name
"""  # noqa: S608 - a constant
"""Takes the charges as JSON, a list for each, and returns a row for each if they were added, otherwise none. It holds
the rule of ``Charge.fits``: only inside the database are checking and adding one step for all isolates.
"""


class D1Counters:
    """Implements ``UsageCounters``."""

    def __init__(self, binding: Handle, clock: Clock) -> None:
        """``binding`` is the raw binding."""
        self._database = D1Database(binding, TABLE)
        self._clock = clock

    async def reserve(self, charges: Sequence[Charge]) -> Outcome:
        now = self._clock.now().timestamp()
        rows = [
            (row.counter, row.amount, now + row.kept, row.limit + TOLERANCE, row.previous, row.weight)
            for row in charges
        ]
        reads = [(_READ, (name,)) for row in charges for name in (row.counter, row.previous)]
        *values, added = await self._batch(*reads, (_RESERVE, (json.dumps(rows),)))
        held = [_value(rows) for rows in values]
        return Outcome(bool(added), tuple(map(CounterReading, held[::2], held[1::2])))

    async def add(self, charges: Sequence[Charge]) -> None:
        now = self._clock.now().timestamp()
        await self._batch(*((_ADD, (charge.counter, charge.amount, now + charge.kept)) for charge in charges))

    async def read(self, counters: Sequence[str]) -> list[float]:
        return [_value(rows) for rows in await self._batch(*((_READ, (name,)) for name in counters))]

    async def delete_ended(self) -> None:
        """Deletes the counters that nobody needs any more. Raises ``CountersFailed``."""
        await self._batch((DELETE_ENDED, (self._clock.now().timestamp(),)))

    async def aclose(self) -> None:
        """A binding has nothing to close."""

    async def _batch(self, *statements: tuple[str, Sequence[object]]) -> list[list[Handle]]:
        """Raises ``CountersFailed``."""
        try:
            return await self._database.batch(*statements)
        except D1Failed as error:
            raise CountersFailed(str(error)) from None


def _value(rows: Sequence[Any]) -> float:
    return float(rows[0].value) if rows else 0.0
