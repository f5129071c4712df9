"""Counters that stand in for shared ones while these fail, and hand over what they counted when they are back."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from cloudflare_image_mcp.core.quota import CountersFailed
from cloudflare_image_mcp.usage.local_counters import LocalCounters

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudflare_image_mcp.core.quota import Charge, Outcome, UsageCounters

RETRY_EVERY: Final = 1.0
"""Seconds between two tries of shared counters that failed. The requests meanwhile do not wait for them."""

_log = logging.getLogger(__name__)


class FallbackCounters:
    """Implements ``UsageCounters``. While the shared counters fail, it counts in this process, beginning with what they
    held last; with ``strict`` it raises ``CountersFailed`` instead.
    """

    def __init__(self, shared: UsageCounters, *, strict: bool) -> None:
        self._shared = shared
        self._strict = strict
        self._local = LocalCounters()
        self._failure: CountersFailed | None = None
        self._next_try = 0.0
        self._owed: dict[str, Charge] = {}

    async def reserve(self, charges: Sequence[Charge]) -> Outcome:
        if self._failure is None or await self._is_back():
            try:
                outcome = await self._shared.reserve(charges)
            except CountersFailed as error:
                self._fail(error)
            else:
                self._local.learn(charges, outcome)
                return outcome
        self._refuse_if_strict()
        outcome = await self._local.reserve(charges)
        if outcome.admitted:
            self._owe(charges)
        return outcome

    async def add(self, charges: Sequence[Charge]) -> None:
        if self._failure is None or await self._is_back():
            try:
                await self._shared.add(charges)
            except CountersFailed as error:
                self._fail(error)
            else:
                await self._local.add(charges)
                return
        await self._local.add(charges)
        self._owe(charges)

    async def read(self, counters: Sequence[str]) -> list[float]:
        if self._failure is None or await self._is_back():
            try:
                return await self._shared.read(counters)
            except CountersFailed as error:
                self._fail(error)
        self._refuse_if_strict()
        return await self._local.read(counters)

    async def aclose(self) -> None:
        await self._shared.aclose()

    async def _is_back(self) -> bool:
        """Whether the shared counters that failed are to be used again. One caller in ``RETRY_EVERY`` seconds tries
        them, by adding what was counted here meanwhile.
        """
        now = time.monotonic()
        if now < self._next_try:
            return False
        self._next_try = now + RETRY_EVERY
        owed: dict[str, Charge] = {}
        try:
            await self._shared.read(["-"])
            while self._owed:  # others count on meanwhile
                owed, self._owed = self._owed, {}
                await self._shared.add(list(owed.values()))
                owed = {}
        except CountersFailed as error:
            self._failure = error
            return False
        finally:  # also after a cancelled request, whose amounts may have come: rather twice than never
            self._owe(list(owed.values()))
        self._failure = None
        _log.warning("the limits of API keys are counted in all processes together again")
        return True

    def _fail(self, error: CountersFailed) -> None:
        self._next_try = time.monotonic() + RETRY_EVERY
        if self._failure is None:
            what = "requests of limited API keys are refused" if self._strict else "limits are counted in this process"
            _log.warning("%s; until it does, %s", error, what)
        self._failure = error

    def _refuse_if_strict(self) -> None:
        if self._strict:
            raise self._failure or CountersFailed("the counters of limits failed")

    def _owe(self, charges: Sequence[Charge]) -> None:
        for charge in charges:
            before = self._owed.get(charge.counter)
            self._owed[charge.counter] = (
                charge if before is None else replace(charge, amount=before.amount + charge.amount)
            )
