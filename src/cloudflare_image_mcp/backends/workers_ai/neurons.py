"""Neurons spent, by account and day. A day is UTC's: the daily allocation comes back at 00:00 UTC."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from cloudflare_image_mcp.core.ports import Clock

DAILY_NEURONS: Final = 10_000
"""Free neurons of an account in a day, all models together."""


class NeuronCounter(Protocol):
    """Counts the neurons spent, in this process or shared by all processes."""

    async def add(self, account_id: str, day: date, neurons: float) -> None: ...

    async def spent(self, day: date) -> Mapping[str, float]:
        """Neurons by account."""
        ...


class LocalNeuronCounter:
    """Counts in this process, and keeps two days."""

    def __init__(self) -> None:
        self._days: dict[date, dict[str, float]] = {}

    async def add(self, account_id: str, day: date, neurons: float) -> None:
        if day not in self._days:
            self._days = {kept: spent for kept, spent in self._days.items() if day - kept <= timedelta(days=1)}
            self._days[day] = {}
        spent = self._days[day]
        spent[account_id] = spent.get(account_id, 0.0) + neurons

    async def spent(self, day: date) -> Mapping[str, float]:
        return dict(self._days.get(day, {}))


def next_reset(clock: Clock) -> datetime:
    """The next 00:00 UTC."""
    now = clock.now()
    return datetime.combine(now.date() + timedelta(days=1), time(), now.tzinfo)
