"""Counters of what API keys use, in a D1 database of Cloudflare that all isolates of a Worker share."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Final

from pyodide.ffi import JsException

from cloudflare_image_mcp.core.quota import TOLERANCE, CounterReading, CountersFailed, Outcome
from cloudflare_image_mcp.js_values import js_array
from cloudflare_image_mcp.usage.counter_table import ADD, ADD_TO_OLD, DELETE_ENDED, READ, TABLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudflare_image_mcp.core.ports import Clock
    from cloudflare_image_mcp.core.quota import Charge
    from cloudflare_image_mcp.js_values import Handle

TIMEOUT: Final = 5.0
"""Seconds to wait for an answer of the database, which may be on another continent."""

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
{ADD_TO_OLD}
RETURNING name
"""  # noqa: S608 - a constant
"""Takes the charges as JSON, a list for each, and returns a row for each if they were added, otherwise none. It holds
the rule of ``Charge.fits``: only inside the database are checking and adding one step for all isolates.
"""


class D1Counters:
    """Implements ``UsageCounters``. Makes its table with the first statement of an isolate."""

    def __init__(self, database: Handle, clock: Clock) -> None:
        """``database`` is the raw binding."""
        self._database = database
        self._clock = clock
        self._has_table = False

    async def reserve(self, charges: Sequence[Charge]) -> Outcome:
        now = self._clock.now().timestamp()
        rows = [
            (row.counter, row.amount, now + row.kept, row.limit + TOLERANCE, row.previous, row.weight)
            for row in charges
        ]
        reads = [(READ, (name,)) for row in charges for name in (row.counter, row.previous)]
        *values, added = await self._batch([*reads, (_RESERVE, (json.dumps(rows),))])
        held = [_value(rows) for rows in values]
        return Outcome(bool(added), tuple(map(CounterReading, held[::2], held[1::2])))

    async def add(self, charges: Sequence[Charge]) -> None:
        now = self._clock.now().timestamp()
        await self._batch([(ADD, (charge.counter, charge.amount, now + charge.kept)) for charge in charges])

    async def read(self, counters: Sequence[str]) -> list[float]:
        return [_value(rows) for rows in await self._batch([(READ, (name,)) for name in counters])]

    async def delete_ended(self) -> None:
        """Deletes the counters that nobody needs any more. Raises ``CountersFailed``."""
        await self._batch([(DELETE_ENDED, (self._clock.now().timestamp(),))])

    async def aclose(self) -> None:
        """A binding has nothing to close."""

    async def _batch(self, statements: Sequence[tuple[str, Sequence[object]]]) -> list[list[Handle]]:
        """The rows of each statement. The statements are one transaction. Raises ``CountersFailed``."""
        if not statements:
            return []
        database = self._database
        prepared = [database.prepare(text).bind(*values) for text, values in statements]
        if not self._has_table:
            prepared.insert(0, database.prepare(TABLE))
        try:
            async with asyncio.timeout(TIMEOUT):
                results = await database.batch(js_array(prepared))
        except JsException as error:
            raise self._failed(str(error)) from None
        except TimeoutError:
            raise self._failed(f"no answer in {TIMEOUT:.0f} s") from None
        self._has_table = True
        return [list(result.results) for result in results][-len(statements) :]

    def _failed(self, reason: str) -> CountersFailed:
        self._has_table = False  # whatever failed may have been the table
        return CountersFailed(f"the D1 database does not answer ({reason})")


def _value(rows: Sequence[Any]) -> float:
    return float(rows[0].value) if rows else 0.0
