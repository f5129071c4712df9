"""One table in a D1 database of Cloudflare, which all isolates of a Worker share."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from pyodide.ffi import JsException, jsnull

from cloudflare_image_mcp.js_values import js_array

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudflare_image_mcp.js_values import Handle

TIMEOUT: Final = 5.0
"""Seconds to wait for an answer of the database, which may be on another continent."""


class D1Failed(Exception):
    """The database does not answer, or refuses. The message says why."""


class D1Database:
    """Makes the table with the first statement of an isolate."""

    def __init__(self, binding: Handle, table: str) -> None:
        """``binding`` is the raw binding, ``table`` a ``CREATE TABLE IF NOT EXISTS`` statement."""
        self._binding = binding
        self._table = table
        self._has_table = False

    async def batch(self, *statements: tuple[str, Sequence[object]]) -> list[list[Handle]]:
        """Runs statements, each with its values, as one transaction. Returns the rows of each: objects whose members
        are the columns. Raises ``D1Failed``.
        """
        if not statements:
            return []
        prepare = self._binding.prepare
        prepared = [prepare(text).bind(*map(_js_value, values)) for text, values in statements]
        if not self._has_table:
            prepared.insert(0, prepare(self._table))
        try:
            async with asyncio.timeout(TIMEOUT):
                results = await self._binding.batch(js_array(prepared))
        except (JsException, TimeoutError) as error:
            self._has_table = False  # what failed may have been the table
            reason = f"nothing came in {TIMEOUT:.0f} s" if isinstance(error, TimeoutError) else error
            raise D1Failed(f"the D1 database does not answer ({reason})") from None
        self._has_table = True
        return [list(result.results) for result in results][-len(statements) :]


def _js_value(value: object) -> object:
    """None would be ``undefined``, which D1 refuses."""
    return jsnull if value is None else value
