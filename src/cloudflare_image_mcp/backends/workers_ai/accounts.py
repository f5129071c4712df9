"""The account pool: chooses the least loaded account, and rests accounts that cannot answer."""

from __future__ import annotations

import asyncio
import logging
import math
from contextlib import suppress
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
# Without configure_logging nothing is printed: a command prints its error itself.
log.addHandler(logging.NullHandler())

RESET_PASSED: Final = timedelta(minutes=5)
"""How long after 00:00 UTC an account's "neurons are used up" may mean the day before: the answer was on its way, or
the service's clock is behind ours.
"""
RESET_REST: Final = timedelta(seconds=20)
"""How long it rests then, instead of another day."""
PROBE_SECONDS: Final = 2.0
"""Seconds until a call under way counts as accepted: an account that refuses does so at once."""
PROBE_POLL: Final = 0.1
"""Seconds between two looks at the probe of a lone account."""
FIRST_RATE_REST: Final = 1.0
"""Seconds, also where ``retry-after`` says less. Doubled each time that the account is still at its rate limit after
the rest, up to ``LONGEST_RATE_REST``.
"""
LONGEST_RATE_REST: Final = 32.0
FIRST_CREDENTIALS_REST: Final = 60.0
"""Seconds. Doubled each time that the credentials are still rejected after the rest, up to
``LONGEST_CREDENTIALS_REST``.
"""
LONGEST_CREDENTIALS_REST: Final = 15 * 60.0


@dataclass(frozen=True, slots=True)
class Account:
    """A Cloudflare account and a token that may use its Workers AI."""

    account_id: str
    api_token: str = field(repr=False)
    name: str | None = None

    @property
    def label(self) -> str:
        """The account in messages and logs: its name, or the last four characters of its id."""
        return self.name or f"Workers AI account …{self.account_id[-4:]}"


@dataclass(slots=True)
class AccountState:
    """The state of an account in the pool."""

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
    """When the rest ends."""
    rate_rest: float = FIRST_RATE_REST
    """Seconds of the next rest for a rate limit."""
    credentials_rest: float = FIRST_CREDENTIALS_REST
    """Seconds of the next rest for rejected credentials."""
    probing: bool = False
    """Whether its credentials were rejected before its last rest, and it has not answered since."""


class NoAccountError(Exception):
    """No account can be asked. ``seconds``: until the first rest ends."""

    def __init__(self, refusal: UpstreamError, seconds: float) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal
        self.seconds = seconds


class AccountPool:
    """Hands out accounts.

    An account that is not proven gets one call, and the others wait for its outcome: a bad account then costs one call
    and not as many as there are callers. Meanwhile a proven account gets its share of the waiting calls, not more.
    """

    def __init__(self, accounts: Sequence[Account], clock: Clock) -> None:
        if not accounts:
            raise ValueError("Workers AI needs at least one account.")
        self._clock = clock
        self._day = clock.now().date()
        self._changed = asyncio.Event()
        self._waiting = 0  # calls without an account so far
        # An account that is listed twice is used as one.
        self.states: Final = tuple(AccountState(account) for account in dict.fromkeys(accounts))

    async def take(self, barred: Collection[str], estimate: float, asked: Collection[str] = ()) -> AccountState:
        """Returns the least loaded account that does not rest, without the ids in ``barred``, and with those in
        ``asked`` only when there is no other. Return it with ``give_back``.

        Raises ``NoAccountError``.
        """
        # A call that has waited takes no more than its share, and waits on for an account that is still being tried.
        waited = False
        while True:
            awake = [state for state in self._awake() if state.account.account_id not in barred]
            if not awake:
                raise self._all_resting(barred)
            awake = [state for state in awake if state.account.account_id not in asked] or awake
            ready = [state for state in awake if self._is_ready(state)]
            if waited:
                share = (sum(state.in_flight for state in awake) + self._waiting + 1) / len(awake)
                ready = [state for state in ready if state.in_flight < share]
            if ready:
                state = min(ready, key=lambda state: (state.in_flight, state.neurons + state.reserved, state.asked_at))
                state.asked_at = self._clock.monotonic()
                if state.in_flight == 0:
                    state.busy_since = state.asked_at
                state.in_flight += 1
                state.reserved += estimate
                return state
            # -inf: the last probe got its result a moment ago.
            since = min((state.busy_since for state in awake if not self._is_ready(state)), default=-math.inf)
            wait = since + PROBE_SECONDS - self._clock.monotonic()
            waited = True
            self._waiting += 1
            try:
                await self._wait(max(wait, 0.01))
            finally:
                self._waiting -= 1

    async def _wait(self, seconds: float) -> None:
        """Waits until something changed, at most ``seconds``."""
        if len(self.states) == 1:
            # In a Worker, which has one account, a request must not be woken by another request.
            await asyncio.sleep(min(seconds, PROBE_POLL))
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), seconds)

    def count_spent(self, neurons: Mapping[str, float]) -> None:
        """Adds the neurons that the accounts spent earlier today, by account id."""
        self._begin_day(self._clock.now())
        for state in self.states:
            state.neurons += neurons.get(state.account.account_id, 0.0)

    def give_back(self, state: AccountState, estimate: float, spent: float) -> None:
        """``estimate``: as given to ``take``."""
        state.in_flight -= 1
        state.reserved -= estimate
        state.neurons += spent
        self._notify()

    def succeeded(self, state: AccountState) -> None:
        state.proven = True
        state.probing = False
        state.rate_rest = FIRST_RATE_REST
        state.credentials_rest = FIRST_CREDENTIALS_REST

    def refused(self, state: AccountState, failure: UpstreamError) -> None:
        """Lets the account rest where the failure is the account's."""
        match failure.meaning.action:
            case Action.REST_AND_PROBE:
                until = self._clock.now() + self._credentials_rest(state)
            case Action.REST_UNTIL_RESET:
                until = self._reset()
            case Action.REST_BRIEFLY:
                until = self._clock.now() + self._rate_rest(state, failure)
            case _:
                # The credentials were accepted, even though the call failed.
                if failure.code is not None:
                    self._accepted(state)
                state.proven = True
                return
        if failure.meaning.action is not Action.REST_AND_PROBE:
            self._accepted(state)
        if state.refusal is None:
            log.warning(
                "%s rests until %s UTC (code %s)", state.account.label, f"{until:%Y-%m-%d %H:%M:%S}", failure.code
            )
        elif state.until is None or until <= state.until:
            # It rests for longer already: this call was under way when that began.
            return
        state.refusal, state.until = failure, until
        self._notify()

    def _accepted(self, state: AccountState) -> None:
        state.probing = False
        state.credentials_rest = FIRST_CREDENTIALS_REST

    def has_other(self, ids: Collection[str]) -> bool:
        """Whether there is an account that is not among ``ids`` and does not rest."""
        return any(state.account.account_id not in ids for state in self._awake())

    def has_unbarred(self, barred: Collection[str]) -> bool:
        """Whether there is an account that is not among ``barred``, also one that rests."""
        return any(state.account.account_id not in barred for state in self.states)

    def used_up(self, state: AccountState) -> bool:
        """Whether the account rests until 00:00 UTC because its day's neurons are used up."""
        return (
            state.refusal is not None
            and state.refusal.meaning.action is Action.REST_UNTIL_RESET
            and state.until == next_reset(self._clock)
        )

    def _reset(self) -> datetime:
        """Returns when an account's rest ends that has just said that its day's neurons are used up."""
        now, reset = self._clock.now(), next_reset(self._clock)
        return now + RESET_REST if now - (reset - timedelta(days=1)) < RESET_PASSED else reset

    def _rate_rest(self, state: AccountState, failure: UpstreamError) -> timedelta:
        """Calls that were under way together are refused together, which counts once: without a ``retry-after`` of
        their own the later ones add nothing.
        """
        if state.refusal is not None:
            return timedelta(seconds=failure.retry_after or 0.0)
        rest, state.rate_rest = state.rate_rest, min(state.rate_rest * 2, LONGEST_RATE_REST)
        return timedelta(seconds=max(failure.retry_after or rest, FIRST_RATE_REST))

    def _credentials_rest(self, state: AccountState) -> timedelta:
        """Likewise: only the first refusal since the last rest doubles the next one."""
        if state.refusal is not None:
            return timedelta(0)
        state.proven, state.probing = False, True
        rest = state.credentials_rest
        state.credentials_rest = min(rest * 2, LONGEST_CREDENTIALS_REST)
        return timedelta(seconds=rest)

    def _begin_day(self, now: datetime) -> None:
        """Resets the neurons spent when the day (UTC) has changed."""
        today = now.date()
        if today != self._day:
            self._day = today
            for state in self.states:
                state.neurons = 0.0

    def _awake(self) -> list[AccountState]:
        now = self._clock.now()
        self._begin_day(now)
        for state in self.states:
            if state.refusal is not None and state.until is not None and state.until <= now:
                if state.refusal.meaning.action is Action.REST_UNTIL_RESET:
                    state.proven = False
                state.refusal = state.until = None
        return [state for state in self.states if state.refusal is None]

    def _is_ready(self, state: AccountState) -> bool:
        """Whether calls may go to the account, or wait for the result of the one under way. A single account has no
        alternative: calls wait for the result of a probe alone.
        """
        if state.proven or state.in_flight == 0 or (len(self.states) == 1 and not state.probing):
            return True
        return self._clock.monotonic() - state.busy_since >= PROBE_SECONDS

    def _all_resting(self, barred: Collection[str]) -> NoAccountError:
        """Returns the error of the account that can make an image first. Rejected credentials come last: the end of
        their rest is only another try.
        """
        resting = [
            (state.refusal.meaning.action is Action.REST_AND_PROBE, state.until, index, state.refusal)
            for index, state in enumerate(self.states)
            if state.refusal is not None and state.until is not None and state.account.account_id not in barred
        ]
        _, until, _, refusal = min(resting)
        return NoAccountError(refusal, (until - self._clock.now()).total_seconds())

    def _notify(self) -> None:
        if not self._waiting:
            return
        self._changed.set()
        self._changed = asyncio.Event()
