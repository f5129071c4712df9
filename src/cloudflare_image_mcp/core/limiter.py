"""Checks requests against the limits of their API key: counts them, reserves what they may cost, settles the rest."""

from __future__ import annotations

import logging
import math
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Final

from cloudflare_image_mcp.core.quota import TOLERANCE, Charge, CountersFailed, Reading
from cloudflare_image_mcp.errors import GatewayError

if TYPE_CHECKING:
    from cloudflare_image_mcp.core.access import Access
    from cloudflare_image_mcp.core.ports import Clock
    from cloudflare_image_mcp.core.quota import Outcome, UsageCounters
    from cloudflare_image_mcp.core.spending import Spending

MINUTE: Final = 60.0
_DAY: Final = 86_400.0
_KINDS: Final = {"images": "images", "neurons": "neurons", "usd": "US dollars"}
"""The daily limits, as error messages call them."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RateState:
    """How much of its requests a minute a key has left."""

    limit: int
    remaining: int
    reset: float
    """Seconds until all are there again."""


class RateReport:
    """Takes the state that a request leaves behind, for the headers of its answer."""

    def __init__(self) -> None:
        self.state: RateState | None = None


rate_report: Final[ContextVar[RateReport | None]] = ContextVar("rate_report", default=None)
"""That of the request being answered."""


@dataclass(frozen=True, slots=True)
class Reservation:
    """What was reserved for one request."""

    charges: tuple[tuple[str, Charge], ...]
    """By kind: ``images``, ``neurons``, ``usd``."""


class Limiter:
    """The limits of all keys, over one set of counters.

    Requests are counted in a sliding window: those of this minute of the clock, and of the minute before as much as
    still lies within the last 60 seconds.
    """

    def __init__(self, counters: UsageCounters, clock: Clock) -> None:
        self._counters = counters
        self._clock = clock

    async def count_request(self, access: Access) -> None:
        """Counts a request. Raises ``GatewayError`` (``rate_limit_exceeded``) when there are too many."""
        limit = access.quota.requests_per_minute
        if limit is None:
            return
        charge, elapsed = self._rate_charge(access.name, limit)
        outcome = await self._reserve((charge,))
        reading = outcome.readings[0]
        if (report := rate_report.get()) is not None:
            counted = replace(reading, current=reading.current + 1) if outcome.admitted else reading
            report.state = _rate_state(charge, counted, elapsed)
        if not outcome.admitted:
            raise GatewayError(
                "rate_limit_exceeded",
                f"this API key may make {limit} requests a minute, and they are used up",
                retry_after=_until_free(reading, limit, elapsed),
            )

    async def rate_state(self, access: Access) -> RateState | None:
        """Returns what is left of the key's requests, without counting one; None where they are not limited or the
        counters cannot be read.
        """
        limit = access.quota.requests_per_minute
        if limit is None:
            return None
        charge, elapsed = self._rate_charge(access.name, limit)
        try:
            current, previous = await self._counters.read((charge.counter, charge.previous))
        except CountersFailed:
            return None
        return _rate_state(charge, Reading(current, previous), elapsed)

    async def reserve(self, access: Access, spending: Spending) -> Reservation | None:
        """Reserves what a request may cost; None where nothing is limited. Raises ``GatewayError``
        (``insufficient_quota``) when a daily limit does not allow it.
        """
        limits = access.quota.per_day
        if not limits:
            return None
        now = self._clock.now()
        reset = datetime.combine(now.date() + timedelta(days=1), time(), now.tzinfo)
        charges = {
            kind: Charge(
                counter=day_counter(access.name, kind, now),
                amount=getattr(spending, kind),
                limit=limit,
                # A request that began today may be settled tomorrow.
                kept=(reset - now).total_seconds() + _DAY,
            )
            for kind, limit in limits.items()
        }
        outcome = await self._reserve(tuple(charges.values()))
        if not outcome.admitted:
            for (kind, charge), reading in zip(charges.items(), outcome.readings, strict=True):
                if not charge.fits(reading):
                    raise _over_budget(kind, charge, reading, reset, now)
        return Reservation(tuple(charges.items()))

    async def settle(self, reservation: Reservation, spending: Spending) -> None:
        """Replaces what was reserved by what was spent. Raises nothing: the images are made."""
        differences = [
            replace(charge, amount=getattr(spending, kind) - charge.amount) for kind, charge in reservation.charges
        ]
        changed = [charge for charge in differences if abs(charge.amount) > TOLERANCE]
        if not changed:
            return
        try:
            await self._counters.add(changed)
        except CountersFailed as error:
            _log.warning("what a request cost could not be settled, and counts as reserved: %s", error)

    async def used(self, access: Access) -> dict[str, tuple[float, float]]:
        """Returns what the key has used and its limit, by kind: ``requests`` of the last minute, and today's
        ``images``, ``neurons`` and ``usd``. Raises ``CountersFailed``.
        """
        now, used = self._clock.now(), {}
        if limit := access.quota.requests_per_minute:
            charge, _ = self._rate_charge(access.name, limit)
            current, previous = await self._counters.read((charge.counter, charge.previous))
            used["requests"] = (current + charge.weight * previous, float(limit))
        per_day = access.quota.per_day
        values = await self._counters.read([day_counter(access.name, kind, now) for kind in per_day])
        return used | dict(zip(per_day, zip(values, per_day.values(), strict=True), strict=True))

    async def aclose(self) -> None:
        await self._counters.aclose()

    async def _reserve(self, charges: tuple[Charge, ...]) -> Outcome:
        try:
            return await self._counters.reserve(charges)
        except CountersFailed as error:
            _log.error("a request was refused, because its limits cannot be checked: %s", error)
            raise GatewayError("overloaded", "the limits of this API key cannot be checked at the moment") from None

    def _rate_charge(self, name: str, limit: int) -> tuple[Charge, float]:
        """A request as a charge, and the seconds since its window began."""
        window, elapsed = divmod(self._clock.now().timestamp(), MINUTE)
        charge = Charge(
            counter=f"{name}:requests:{window:.0f}",
            amount=1.0,
            limit=limit,
            kept=2 * MINUTE,
            previous=f"{name}:requests:{window - 1:.0f}",
            weight=1 - elapsed / MINUTE,
        )
        return charge, elapsed


def day_counter(name: str, kind: str, now: datetime) -> str:
    return f"{name}:{kind}:{now.date().isoformat()}"


def _rate_state(charge: Charge, reading: Reading, elapsed: float) -> RateState:
    used = reading.current + charge.weight * reading.previous
    left = MINUTE - elapsed
    reset = left + MINUTE if reading.current else left if reading.previous else 0.0
    return RateState(int(charge.limit), max(0, math.floor(charge.limit - used + TOLERANCE)), reset)


def _until_free(reading: Reading, limit: int, elapsed: float) -> float:
    """Seconds until one more request fits in the window."""
    room = limit - 1
    if reading.current <= room:
        return max(0.0, MINUTE * (1 - (room - reading.current) / reading.previous) - elapsed)
    return MINUTE - elapsed + MINUTE * (1 - room / reading.current)


def _over_budget(kind: str, charge: Charge, reading: Reading, reset: datetime, now: datetime) -> GatewayError:
    left = max(0.0, charge.limit - reading.current)
    unit = _KINDS[kind]
    return GatewayError(
        "insufficient_quota",
        f"this API key may use {charge.limit:g} {unit} a day, of which {left:.6g} are left; this request needs "
        f"{charge.amount:.6g}. The limit is reset at {reset:%Y-%m-%d %H:%M} UTC",
        retry_after=(reset - now).total_seconds(),
    )
