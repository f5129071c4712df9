"""Counters of what API keys use, in this process."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from cloudflare_image_mcp.core.quota import CounterReading, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudflare_image_mcp.core.quota import Charge

_DROP_EVERY: Final = 60.0
"""Seconds between two deletions of counters that nobody needs any more."""
_NOTHING: Final = (0.0, 0.0)


class LocalCounters:
    """Implements ``UsageCounters``; they end with the process."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[float, float]] = {}
        """Values, and until when they are needed, by counter."""
        self._next_drop = 0.0

    async def reserve(self, charges: Sequence[Charge]) -> Outcome:
        readings = tuple(CounterReading(self._get(charge.counter), self._get(charge.previous)) for charge in charges)
        admitted = all(charge.fits(reading) for charge, reading in zip(charges, readings, strict=True))
        if admitted:
            await self.add(charges)
        return Outcome(admitted, readings)

    async def add(self, charges: Sequence[Charge]) -> None:
        now = self._tidied()
        for charge in charges:
            self._held[charge.counter] = self._get(charge.counter) + charge.amount, now + charge.kept

    async def read(self, counters: Sequence[str]) -> list[float]:
        return [self._get(counter) for counter in counters]

    async def aclose(self) -> None:
        pass

    def learn(self, charges: Sequence[Charge], outcome: Outcome) -> None:
        """Takes over what other counters answered to the same charges."""
        now = self._tidied()
        for charge, reading in zip(charges, outcome.readings, strict=True):
            added = charge.amount if outcome.admitted else 0.0
            self._held[charge.counter] = reading.current + added, now + charge.kept
            if charge.previous:
                self._held[charge.previous] = reading.previous, now + charge.kept

    def _get(self, counter: str) -> float:
        return self._held.get(counter, _NOTHING)[0]

    def _tidied(self) -> float:
        """Drops counters that nobody needs any more, every ``_DROP_EVERY`` seconds. Returns the time."""
        now = time.monotonic()
        if now >= self._next_drop:
            self._next_drop = now + _DROP_EVERY
            self._held = {counter: held for counter, held in self._held.items() if held[1] >= now}
        return now
