from __future__ import annotations

from datetime import UTC, date, datetime

from cloudflare_image_mcp.backends.workers_ai.neurons import LocalNeuronCounter, next_reset
from tests.backends.workers_ai.conftest import SetClock

MONDAY, TUESDAY, THURSDAY = date(2026, 11, 23), date(2026, 11, 24), date(2026, 11, 26)


async def test_neurons_are_added_up_by_account_and_day() -> None:
    counter = LocalNeuronCounter()
    for account, day, neurons in (("a", MONDAY, 1.5), ("a", MONDAY, 2), ("b", MONDAY, 4), ("a", TUESDAY, 8)):
        await counter.add(account, day, neurons)
    assert await counter.spent(MONDAY) == {"a": 3.5, "b": 4}
    assert await counter.spent(TUESDAY) == {"a": 8}
    assert await counter.spent(THURSDAY) == {}


async def test_yesterday_is_kept_and_what_was_before_is_not() -> None:
    counter = LocalNeuronCounter()
    for day in (MONDAY, TUESDAY, THURSDAY):
        await counter.add("a", day, 1)
    assert await counter.spent(MONDAY) == await counter.spent(TUESDAY) == {}
    assert await counter.spent(THURSDAY) == {"a": 1}


def test_the_reset_is_at_midnight_utc() -> None:
    assert next_reset(SetClock("2026-12-31 23:59")) == datetime(2027, 1, 1, tzinfo=UTC)
    assert next_reset(SetClock("2026-11-23 00:00")) == datetime(2026, 11, 24, tzinfo=UTC)
