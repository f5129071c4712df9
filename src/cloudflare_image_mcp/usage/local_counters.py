"""Counters of what API keys use, in this process."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from cloudflare_image_mcp.core.quota import CounterReading, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudflare_image_mcp.core.quota import Charge

_MANY: Final = 4096
"""Counters after which those that nobody needs are dropped."""


class LocalCounters:
    """Implements ``UsageCounters``; they end with the process."""

    def __init__(self) -> None:
        self._values: dict[str, float] = {}
        self._ends: dict[str, float] = {}

    async def reserve(self, charges: Sequence[Charge]) -> Outcome:
        readings = tuple(CounterReading(self._get(charge.counter), self._get(charge.previous)) for charge in charges)
        admitted = all(charge.fits(reading) for charge, reading in zip(charges, readings, strict=True))
        if admitted:
            await self.add(charges)
        return Outcome(admitted, readings)

    async def add(self, charges: Sequence[Charge]) -> None:
        for charge in charges:
            self._set(charge, self._get(charge.counter) + charge.amount)

    async def read(self, counters: Sequence[str]) -> list[float]:
        return [self._get(counter) for counter in counters]

    async def aclose(self) -> None:
        pass

    def learn(self, charges: Sequence[Charge], outcome: Outcome) -> None:
        """Takes over what other counters answered to the same charges."""
        for charge, reading in zip(charges, outcome.readings, strict=True):
            self._set(charge, reading.current + (charge.amount if outcome.admitted else 0.0))
            if charge.previous:
                self._values[charge.previous] = reading.previous
                self._ends[charge.previous] = time.monotonic() + charge.kept

    def _get(self, counter: str) -> float:
        return self._values.get(counter, 0.0)

    def _set(self, charge: Charge, value: float) -> None:
        now = time.monotonic()
        if len(self._values) >= _MANY and charge.counter not in self._values:
            for counter in [counter for counter, end in self._ends.items() if end < now]:
                del self._values[counter], self._ends[counter]
        self._values[charge.counter] = value
        self._ends[charge.counter] = now + charge.kept
