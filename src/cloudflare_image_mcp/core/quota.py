"""The limits of an API key, and the port of the counters that they are held against."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, kw_only=True)
class Quota:
    """What one API key may use; None is unlimited. A day is UTC's."""

    requests_per_minute: int | None = None
    images_per_day: int | None = None
    neurons_per_day: float | None = None
    usd_per_day: float | None = None

    @cached_property
    def per_day(self) -> Mapping[str, float]:
        """The daily limits that are set, by what they count: ``images``, ``neurons``, ``usd``."""
        limits = {"images": self.images_per_day, "neurons": self.neurons_per_day, "usd": self.usd_per_day}
        return {kind: limit for kind, limit in limits.items() if limit is not None}

    @cached_property
    def is_limited(self) -> bool:
        return self.requests_per_minute is not None or bool(self.per_day)


UNLIMITED: Final = Quota()


# Each request makes several of the following, and a frozen dataclass takes four times as long to make.
@dataclass(slots=True)
class Charge:
    """An amount to add to a counter that must stay within a limit."""

    counter: str
    """``{key}:{kind}:{window}``, such as ``alice:images:2026-11-27``."""
    amount: float
    limit: float
    kept: float
    """Seconds for which the counter is needed from now on."""
    previous: str = ""
    """The counter of the window before, where windows slide; ``weight`` of it counts too."""
    weight: float = 0.0

    def fits(self, reading: CounterReading) -> bool:
        """Whether the counter stays within its limit. The tolerance is for sums of fractions."""
        return reading.current + self.weight * reading.previous + self.amount <= self.limit + TOLERANCE


TOLERANCE: Final = 1e-6


@dataclass(slots=True)
class CounterReading:
    """What a charge's counters held before it."""

    current: float
    previous: float = 0.0


@dataclass(slots=True)
class Outcome:
    """Whether the amounts were added, and what each charge's counters held before."""

    admitted: bool
    readings: tuple[CounterReading, ...]


class CountersFailed(Exception):
    """The counters cannot be reached or written to. The message says why and holds no secret."""


class UsageCounters(Protocol):
    """Counts what API keys use. In the process, or shared by processes and replicas."""

    async def reserve(self, charges: Sequence[Charge]) -> Outcome:
        """Adds all amounts if every counter stays within its limit, otherwise none, in one atomic step.
        Raises ``CountersFailed``.
        """
        ...

    async def add(self, charges: Sequence[Charge]) -> None:
        """Adds the amounts, also negative ones, whatever the limits. Raises ``CountersFailed``."""
        ...

    async def read(self, counters: Sequence[str]) -> list[float]:
        """Returns what the counters hold; 0 for one that does not exist. Raises ``CountersFailed``."""
        ...

    async def aclose(self) -> None: ...


class RateGuard(Protocol):
    """Refuses requests that come much too fast, cheaply and roughly, before the counters are asked."""

    async def admits(self, name: str) -> bool:
        """Whether the API key of that name may make one more request."""
        ...
