"""Several Workers AI accounts as one: the least loaded is asked, and one that cannot answer rests."""

from __future__ import annotations

import asyncio
import logging
import math
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from cloudflare_image_mcp.backends.workers_ai.errors import Action
from cloudflare_image_mcp.backends.workers_ai.neurons import next_reset

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from cloudflare_image_mcp.backends.workers_ai.errors import UpstreamError
    from cloudflare_image_mcp.core.ports import Clock

log = logging.getLogger(__name__)

RESET_PASSED: Final = timedelta(minutes=5)
"""How long after 00:00 UTC an account may still say that its neurons are used up and mean the day before: its answer
was on its way, or its clock is behind ours.
"""
RESET_REST: Final = timedelta(seconds=20)
"""How long it rests then, instead of another day."""
PROBE_PATIENCE: Final = 2.0
"""Seconds. An account refuses at once or not at all: one that has not refused by then is making the image."""
FIRST_RATE_REST: Final = 1.0
"""Seconds, also where ``retry-after`` says less; doubled each time that the account is still at its rate once the rest
is over, up to ``LONGEST_RATE_REST``.
"""
LONGEST_RATE_REST: Final = 32.0


@dataclass(frozen=True, slots=True)
class Account:
    """A Cloudflare account and a token that may use its Workers AI."""

    account_id: str
    api_token: str = field(repr=False)


@dataclass(slots=True)
class AccountState:
    """What is known of an account."""

    account: Account
    in_flight: int = 0
    neurons: float = 0.0
    """Spent today (UTC), as far as was known at the start and since. With ``reserved`` it decides between accounts that
    are equally busy.
    """
    reserved: float = 0.0
    """What the calls under way will cost, as far as is known."""
    proven: bool = False
    """Whether it has made an image since the start, or since its last rest."""
    asked_at: float = 0.0
    """Monotonic seconds of the last call sent."""
    busy_since: float = 0.0
    """Monotonic seconds at which a call was sent and no other was under way."""
    refusal: UpstreamError | None = None
    """Why it rests."""
    until: datetime | None = None
    """When it wakes; None with a refusal: not before a restart."""
    rate_rest: float = FIRST_RATE_REST


class NoAccountError(Exception):
    """No account can be asked. ``seconds`` until the first wakes, None if none will."""

    def __init__(self, refusal: UpstreamError, seconds: float | None) -> None:
        super().__init__(refusal.meaning.says)
        self.refusal = refusal
        self.seconds = seconds


class AccountPool:
    """Hands out accounts.

    An account that is not proven gets one call, whose outcome the others wait for: so a bad account costs one
    call and not as many as there are callers. Meanwhile one that is proven gets its share of those who wait, not more.
    """

    def __init__(self, accounts: Sequence[Account], clock: Clock) -> None:
        if not accounts:
            raise ValueError("Workers AI needs at least one account.")
        self._clock = clock
        self._day = clock.now().date()
        self._changed = asyncio.Event()
        self._waiting = 0
        """Calls that nobody has taken yet."""
        # One that stands in the settings twice is one account all the same.
        self.states: Final = tuple(AccountState(account) for account in dict.fromkeys(accounts))

    async def take(self, barred: Collection[str], estimate: float, asked: Collection[str] = ()) -> AccountState:
        """The least loaded account that is awake, those of the ids in ``barred`` left out and those in ``asked`` only
        taken when there is no other. ``give_back`` it.

        Raises ``NoAccountError``.
        """
        waited = False
        """Who has waited takes no more than a share, and waits on for an account that is still being tried."""
        while True:
            awake = [state for state in self._awake() if state.account.account_id not in barred]
            if not awake:
                raise self._all_resting(barred)
            awake = [state for state in awake if state.account.account_id not in asked] or awake
            share = (sum(state.in_flight for state in awake) + self._waiting + 1) / len(awake)
            ready = [state for state in awake if self._is_ready(state) and not (waited and state.in_flight >= share)]
            if ready:
                state = min(ready, key=lambda state: (state.in_flight, state.neurons + state.reserved, state.asked_at))
                state.asked_at = self._clock.monotonic()
                if state.in_flight == 0:
                    state.busy_since = state.asked_at
                state.in_flight += 1
                state.reserved += estimate
                return state
            # Of none when the patience with the last ran out a moment ago.
            since = min((state.busy_since for state in awake if not self._is_ready(state)), default=-math.inf)
            patience = since + PROBE_PATIENCE - self._clock.monotonic()
            waited = True
            self._waiting += 1
            try:
                await asyncio.wait_for(self._changed.wait(), max(patience, 0.01))
            except TimeoutError:
                continue
            finally:
                self._waiting -= 1

    def count_spent(self, neurons: Mapping[str, float]) -> None:
        """Adds what the accounts, by their ids, spent today before."""
        self._begin_day()
        for state in self.states:
            state.neurons += neurons.get(state.account.account_id, 0.0)

    def give_back(self, state: AccountState, estimate: float, spent: float) -> None:
        """``estimate``: as it was taken for."""
        state.in_flight -= 1
        state.reserved -= estimate
        state.neurons += spent
        self._notify()

    def succeeded(self, state: AccountState) -> None:
        state.proven = True
        state.rate_rest = FIRST_RATE_REST

    def refused(self, state: AccountState, failure: UpstreamError) -> None:
        """Sends the account to rest where the failure is the account's."""
        until = None
        match failure.meaning.action:
            case Action.REST_UNTIL_RESTART:
                pass
            case Action.REST_UNTIL_RESET:
                until = self._reset()
            case Action.REST_BRIEFLY:
                until = self._clock.now() + self._rate_rest(state, failure)
            case _:
                # Whatever else is wrong, the account was let in.
                state.proven = True
                return
        if state.refusal is None:
            log.warning(
                "Workers AI account …%s rests until %s: %s (code %s)",
                state.account.account_id[-4:],
                until or "restart",
                failure.meaning.says,
                failure.code,
            )
        elif state.until is None or (until is not None and until <= state.until):
            # It rests for longer already: this call was under way when that began.
            return
        state.refusal, state.until = failure, until
        self._notify()

    def has_other(self, ids: Collection[str]) -> bool:
        """Whether an account that is not among ``ids`` is awake."""
        return any(state.account.account_id not in ids for state in self._awake())

    def _reset(self) -> datetime:
        """When an account wakes that has just said that its day's neurons are used up."""
        now, reset = self._clock.now(), next_reset(self._clock)
        return now + RESET_REST if now - (reset - timedelta(days=1)) < RESET_PASSED else reset

    def _rate_rest(self, state: AccountState, failure: UpstreamError) -> timedelta:
        """Calls that were under way together are refused together, which is the account's rate once and not many times:
        without a ``retry-after`` of their own those that come second add nothing.
        """
        if state.refusal is not None:
            return timedelta(seconds=failure.retry_after or 0.0)
        rest, state.rate_rest = state.rate_rest, min(state.rate_rest * 2, LONGEST_RATE_REST)
        return timedelta(seconds=max(failure.retry_after or rest, FIRST_RATE_REST))

    def _begin_day(self) -> None:
        """What was spent the day before is forgotten."""
        today = self._clock.now().date()
        if today != self._day:
            self._day = today
            for state in self.states:
                state.neurons = 0.0

    def _awake(self) -> list[AccountState]:
        now = self._clock.now()
        self._begin_day()
        for state in self.states:
            if state.refusal is not None and state.until is not None and state.until <= now:
                if state.refusal.meaning.action is Action.REST_UNTIL_RESET:
                    state.proven = False
                state.refusal = state.until = None
        return [state for state in self.states if state.refusal is None]

    def _is_ready(self, state: AccountState) -> bool:
        """A lone account has no alternative, so nobody waits for its first outcome."""
        if state.proven or state.in_flight == 0 or len(self.states) == 1:
            return True
        return self._clock.monotonic() - state.busy_since >= PROBE_PATIENCE

    def _all_resting(self, barred: Collection[str]) -> NoAccountError:
        """The error of the account that wakes first: rate before neurons before credentials."""
        resting = [
            state for state in self.states if state.refusal is not None and state.account.account_id not in barred
        ]
        waking = [state for state in resting if state.until is not None]
        first = min(waking, key=lambda state: state.until or self._clock.now()) if waking else resting[0]
        seconds = (first.until - self._clock.now()).total_seconds() if first.until is not None else None
        assert first.refusal is not None  # noqa: S101 - chosen by it above
        return NoAccountError(first.refusal, seconds)

    def _notify(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
