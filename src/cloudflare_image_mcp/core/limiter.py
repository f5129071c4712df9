"""Checks requests against the limits of their API key: counts them, reserves what they may cost, settles the rest."""

from __future__ import annotations

import asyncio
import logging
import math
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Final

from cloudflare_image_mcp.core.quota import TOLERANCE, Charge, CounterReading, CountersFailed
from cloudflare_image_mcp.core.spending import NOTHING_SPENT, spending_of
from cloudflare_image_mcp.errors import GatewayError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Collection, Mapping, Sequence

    from cloudflare_image_mcp.core.access import Access
    from cloudflare_image_mcp.core.ports import Clock, Defer
    from cloudflare_image_mcp.core.quota import Outcome, Quota, RateGuard, UsageCounters
    from cloudflare_image_mcp.core.result import ImageResult
    from cloudflare_image_mcp.core.runner import Delivery
    from cloudflare_image_mcp.core.spending import Spending

MINUTE: Final = 60.0
_DAY: Final = 86_400.0
_KINDS: Final = {"images": "images", "neurons": "neurons", "usd": "US dollars"}
"""The daily limits, as error messages call them."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class RateState:
    """How much of its requests a minute a key has left."""

    limit: int
    remaining: int
    reset: float
    """Seconds until all are there again."""


class RateReport:
    """Takes the state that a request leaves behind, for the headers of its answer."""

    state: RateState | None = None


rate_report: Final[ContextVar[RateReport | None]] = ContextVar("rate_report", default=None)
"""That of the request being answered."""


@dataclass(slots=True)
class Reservation:
    """What was reserved for one request."""

    spending: Spending
    kinds: Collection[str]
    """What each charge counts: ``images``, ``neurons``, ``usd``."""
    charges: Sequence[Charge]
    in_use: bool = False
    """Whether the request has begun, whose end settles it."""


class Limiter:
    """The limits of all keys, over one set of counters.

    Requests are counted in a sliding window: those of this minute of the clock, and of the minute before as much as
    still lies within the last 60 seconds.
    """

    def __init__(self, counters: UsageCounters, clock: Clock, guard: RateGuard | None = None) -> None:
        """``guard`` is asked before the counters, for keys with limited requests."""
        self._counters = counters
        self._clock = clock
        self._guard = guard
        self._adding: set[asyncio.Task[None]] = set()
        self._charged: dict[str, tuple[tuple[date, Quota, Spending], tuple[Charge, ...]]] = {}
        """The last request of each key, and its charges: most requests of a key cost the same."""

    async def count_request(self, access: Access) -> None:
        """Counts a request. Raises ``GatewayError`` (``rate_limit_exceeded``) when there are too many."""
        limit = access.quota.requests_per_minute
        if limit is None:
            return
        if self._guard is not None:
            await _check_guard(self._guard, access.name, limit)
        charge, elapsed = _rate_charge(access.name, limit, self._clock.now())
        outcome = await self._reserve((charge,))
        _check_rate(charge, outcome.readings[0], elapsed, outcome.admitted)

    async def rate_state(self, access: Access) -> RateState | None:
        """Returns what is left of the key's requests, without counting one; None where they are not limited or the
        counters cannot be read.
        """
        limit = access.quota.requests_per_minute
        if limit is None:
            return None
        charge, elapsed = _rate_charge(access.name, limit, self._clock.now())
        try:
            current, previous = await self._counters.read((charge.counter, charge.previous))
        except CountersFailed:
            return None
        return _rate_state(charge, CounterReading(current, previous), elapsed)

    async def reserve(self, access: Access, spending: Spending, *, counts_request: bool) -> Reservation | None:
        """Reserves what a request may cost; None where nothing is limited a day. ``counts_request``: counts the request
        in the same step. Raises ``GatewayError``: ``rate_limit_exceeded``, or ``insufficient_quota`` when a daily limit
        does not allow it.
        """
        limits, per_minute, now = access.quota.per_day, access.quota.requests_per_minute, self._clock.now()
        charges = self._charges_today(access, spending, now)
        if not counts_request or per_minute is None:
            outcome = await self._reserve(charges) if charges else None
            readings = outcome.readings if outcome else ()
        else:
            if self._guard is not None:
                await _check_guard(self._guard, access.name, per_minute)
            rate, elapsed = _rate_charge(access.name, per_minute, now)
            outcome = await self._reserve((rate, *charges))
            _check_rate(rate, outcome.readings[0], elapsed, outcome.admitted)
            readings = outcome.readings[1:]
        if outcome is None or not charges:
            return None
        if not outcome.admitted:
            for kind, charge, reading in zip(limits, charges, readings, strict=True):
                if not charge.fits(reading):
                    raise _over_budget(kind, charge, reading, now)
        return Reservation(spending, limits, charges)

    async def settle(self, reservation: Reservation, spending: Spending) -> None:
        """Replaces what was reserved by what was spent. Raises nothing: the images are made."""
        if spending == reservation.spending:
            return
        changed = [
            replace(charge, amount=difference)
            for kind, charge in zip(reservation.kinds, reservation.charges, strict=True)
            if abs(difference := getattr(spending, kind) - charge.amount) > TOLERANCE
        ]
        if not changed:
            return
        # In a task of its own: the caller may be cancelled while shared counters answer.
        adding = asyncio.ensure_future(self._add(changed))
        self._adding.add(adding)
        adding.add_done_callback(self._adding.discard)
        await asyncio.shield(adding)

    async def settled(
        self,
        reservation: Reservation,
        delivery: Delivery,
        run: Awaitable[ImageResult],
        defer: Defer,
    ) -> ImageResult:
        """Awaits a run and settles what was reserved for it. Of a run that is cancelled, the images count that are
        finished all the same.
        """
        reservation.in_use = True
        try:
            result = await run
        except asyncio.CancelledError:
            defer(self._settle_cancelled(reservation, delivery))
            raise
        except Exception:
            await self.settle(reservation, NOTHING_SPENT)
            raise
        await self.settle(reservation, spending_of(result.images))
        return result

    async def used(self, access: Access) -> dict[str, tuple[float, float]]:
        """Returns what the key has used and its limit, by kind: ``requests`` of the last minute, and today's
        ``images``, ``neurons`` and ``usd``. Raises ``CountersFailed``.
        """
        now, used = self._clock.now(), {}
        if limit := access.quota.requests_per_minute:
            charge, _ = _rate_charge(access.name, limit, now)
            current, previous = await self._counters.read((charge.counter, charge.previous))
            used["requests"] = (current + charge.weight * previous, float(limit))
        per_day = access.quota.per_day
        day = now.date().isoformat()
        values = await self._counters.read([f"{access.name}:{kind}:{day}" for kind in per_day])
        return used | dict(zip(per_day, zip(values, per_day.values(), strict=True), strict=True))

    async def aclose(self) -> None:
        await asyncio.gather(*self._adding, return_exceptions=True)
        await self._counters.aclose()

    def _charges_today(self, access: Access, spending: Spending, now: datetime) -> tuple[Charge, ...]:
        request = (now.date(), access.quota, spending)
        last, charges = self._charged.get(access.name, (None, ()))
        if request != last:
            charges = _day_charges(access.name, access.quota.per_day, spending, now)
            self._charged[access.name] = request, charges
        return charges

    async def _settle_cancelled(self, reservation: Reservation, delivery: Delivery) -> None:
        if delivery.under_way:
            await asyncio.wait(delivery.under_way)
        await self.settle(reservation, spending_of(delivery.finished))

    async def _add(self, charges: Sequence[Charge]) -> None:
        try:
            await self._counters.add(charges)
        except CountersFailed as error:
            _log.warning("what a request cost could not be settled, and counts as reserved: %s", error)

    async def _reserve(self, charges: tuple[Charge, ...]) -> Outcome:
        try:
            return await self._counters.reserve(charges)
        except CountersFailed as error:
            _log.error("a request was refused, because its limits cannot be checked: %s", error)
            raise GatewayError("overloaded", "the limits of this API key cannot be checked at the moment") from None


async def _check_guard(guard: RateGuard, name: str, limit: int) -> None:
    """Raises ``GatewayError`` (``rate_limit_exceeded``)."""
    if await guard.admits(name):
        return
    if (report := rate_report.get()) is not None:
        report.state = RateState(limit, 0, MINUTE)
    raise GatewayError("rate_limit_exceeded", "this API key sends requests too fast", retry_after=MINUTE)


def _rate_charge(name: str, limit: int, now: datetime) -> tuple[Charge, float]:
    """A request as a charge, and the seconds since its window began."""
    since_epoch, elapsed = divmod(now.timestamp(), MINUTE)
    window = int(since_epoch)
    charge = Charge(
        f"{name}:requests:{window}",
        amount=1.0,
        limit=limit,
        kept=2 * MINUTE,
        previous=f"{name}:requests:{window - 1}",
        weight=1 - elapsed / MINUTE,
    )
    return charge, elapsed


def _day_charges(name: str, limits: Mapping[str, float], spending: Spending, now: datetime) -> tuple[Charge, ...]:
    day = now.date().isoformat()
    return tuple(
        [
            # A request that began today may be settled tomorrow.
            Charge(f"{name}:{kind}:{day}", getattr(spending, kind), limit, 2 * _DAY)
            for kind, limit in limits.items()
        ]
    )


def _check_rate(charge: Charge, reading: CounterReading, elapsed: float, admitted: bool) -> None:
    """Reports what a request left for the headers of its answer. Raises ``GatewayError`` (``rate_limit_exceeded``)."""
    if (report := rate_report.get()) is not None:
        counted = CounterReading(reading.current + 1, reading.previous) if admitted else reading
        report.state = _rate_state(charge, counted, elapsed)
    if not admitted and not charge.fits(reading):
        raise GatewayError(
            "rate_limit_exceeded",
            f"this API key may make {charge.limit:.0f} requests a minute, and they are used up",
            retry_after=_until_free(reading, int(charge.limit), elapsed),
        )


def _rate_state(charge: Charge, reading: CounterReading, elapsed: float) -> RateState:
    used = reading.current + charge.weight * reading.previous
    left = MINUTE - elapsed
    reset = left + MINUTE if reading.current else left if reading.previous else 0.0
    return RateState(int(charge.limit), max(0, math.floor(charge.limit - used + TOLERANCE)), reset)


def _until_free(reading: CounterReading, limit: int, elapsed: float) -> float:
    """Seconds until one more request fits in the window."""
    room = limit - 1
    if reading.current <= room:
        return max(0.0, MINUTE * (1 - (room - reading.current) / reading.previous) - elapsed)
    return MINUTE - elapsed + MINUTE * (1 - room / reading.current)


def _over_budget(kind: str, charge: Charge, reading: CounterReading, now: datetime) -> GatewayError:
    reset = datetime.combine(now.date() + timedelta(days=1), time(), now.tzinfo)
    left = max(0.0, charge.limit - reading.current)
    unit = _KINDS[kind]
    return GatewayError(
        "insufficient_quota",
        f"this API key may use {charge.limit:g} {unit} a day, of which {left:.6g} are left; this request needs "
        f"{charge.amount:.6g}. The limit is reset at {reset:%Y-%m-%d %H:%M} UTC",
        retry_after=(reset - now).total_seconds(),
    )
