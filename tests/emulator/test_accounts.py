"""The emulator's day and minute, by a clock that a test sets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from cloudflare_image_mcp.emulator.accounts import Ledger
from cloudflare_image_mcp.emulator.errors import RefusalError


class Clock:
    now = datetime(2026, 11, 23, 23, 59, tzinfo=UTC)
    seconds = 1_000.0


def ledger_by(clock: Clock) -> Ledger:
    return Ledger(lambda: clock.seconds, lambda: clock.now)


def test_the_neurons_come_back_at_midnight_utc() -> None:
    clock = Clock()
    ledger = ledger_by(clock)
    ledger.account("a").spent_neurons = 10_000
    with pytest.raises(RefusalError) as caught:
        ledger.check_neurons(ledger.account("a"))
    assert caught.value.row.code == 4006
    clock.now += timedelta(seconds=59)
    assert ledger.account("a").spent_neurons == 10_000
    clock.now += timedelta(seconds=1)
    ledger.check_neurons(ledger.account("a"))
    assert ledger.account("a").spent_neurons == 0


def test_the_last_call_may_go_over_and_the_next_is_refused() -> None:
    ledger = ledger_by(Clock())
    account = ledger.account("a")
    for spent in (0, 9_999.9):
        account.spent_neurons = spent
        ledger.check_neurons(account)
    account.spent_neurons = 10_000.1
    with pytest.raises(RefusalError):
        ledger.check_neurons(account)


def test_720_calls_in_any_minute() -> None:
    clock = Clock()
    ledger = ledger_by(clock)
    account, other = ledger.account("a"), ledger.account("b")
    for _ in range(720):
        ledger.count(account)
        clock.seconds += 0.05
    with pytest.raises(RefusalError) as caught:
        ledger.count(account)
    assert caught.value.row.code == 3021
    ledger.count(other)
    clock.seconds = 1_060
    ledger.count(account)
    with pytest.raises(RefusalError):
        ledger.count(account)
