from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from cloudflare_image_mcp.backends.workers_ai.accounts import (
    FIRST_RATE_REST,
    PROBE_SECONDS,
    RESET_PASSED,
    RESET_REST,
    Account,
    AccountPool,
)
from cloudflare_image_mcp.backends.workers_ai.errors import CODES, UpstreamError
from cloudflare_image_mcp.backends.workers_ai.retry import RetryPolicy
from cloudflare_image_mcp.errors import GatewayError
from cloudflare_image_mcp.request_context import request_id
from tests.backends.workers_ai.conftest import LIGHTNING, SetClock, backend_at, call, set_account
from tests.backends.workers_ai.scripted import http, image_answer, refusal, scripted
from tests.emulator.calling import emulating, stats
from tests.waiting import LONGEST, settled

if TYPE_CHECKING:
    from cloudflare_image_mcp.backends.workers_ai.accounts import AccountState

HEALTHY = Account("healthy", "demo")
SPENT = Account("spent", "demo")
WRONG = Account("bad", "wrong")


class StoppedClock(SetClock):
    """A clock that stands still, so that no wait ends early on a slow machine."""

    seconds = 100.0

    def monotonic(self) -> float:
        return self.seconds


class RunningClock(SetClock):
    """A clock that starts now and runs."""

    def __init__(self) -> None:
        super().__init__("2026-11-23 12:00")
        self.begun = self.monotonic()

    def now(self) -> datetime:
        return self.time + timedelta(seconds=self.monotonic() - self.begun)


async def test_a_hundred_requests_waste_one_call_on_each_bad_account() -> None:
    with emulating() as address:
        set_account(address, "spent", spent_neurons=10_000)
        async with backend_at(address, SPENT, WRONG, HEALTHY, clock=StoppedClock("2026-11-23 12:00")) as backend:
            made = await asyncio.gather(*[backend.run(call(seed=1)) for _ in range(100)])
            calls = dict(backend.traffic.calls)
        answers = stats(address)["answers"]
    assert len(made) == 100
    assert all(rendered.image.size == (256, 256) for rendered in made)
    assert calls == {"spent": 1, "bad": 1, "healthy": 100}
    assert answers == {"200": 100, "4006": 1, "10000": 1}


async def test_calls_do_not_wait_for_an_account_after_its_rest_while_others_are_proven() -> None:
    pool = AccountPool([HEALTHY, Account("woken", "demo")], StoppedClock("2026-11-23 12:00"))
    pool.succeeded(pool.states[0])
    pool.states[0].in_flight = 5
    taking = [asyncio.create_task(pool.take((), 0)) for _ in range(3)]
    await settled()
    assert [task.result().account.account_id for task in taking] == ["woken", "healthy", "healthy"]


async def test_an_account_given_twice_is_one() -> None:
    async with scripted(refusal(401, 10000)) as server, backend_at(server.address, WRONG, WRONG) as backend:
        with pytest.raises(GatewayError):
            await backend.run(call())
        assert backend.traffic.calls == {"bad": 1}


async def test_the_load_is_shared_evenly() -> None:
    with emulating() as address:
        async with backend_at(address, HEALTHY, Account("other", "demo")) as backend:
            for _ in range(2):
                await backend.run(call(seed=1))
            await asyncio.gather(*[backend.run(call(seed=1)) for _ in range(40)])
            calls = dict(backend.traffic.calls)
    assert calls == {"healthy": 21, "other": 21}


async def test_the_account_that_answers_first_does_not_get_all_who_waited() -> None:
    pool = AccountPool([Account(name, "demo") for name in ("one", "two", "three")], SetClock("2026-11-23 12:00"))
    taking = [asyncio.create_task(pool.take((), 0)) for _ in range(30)]
    await settled()
    assert [state.in_flight for state in pool.states] == [1, 1, 1]
    for proven, *loads in ((0, 10, 1, 1), (1, 10, 10, 1), (2, 10, 10, 7)):
        pool.succeeded(pool.states[proven])
        pool.give_back(pool.states[proven], 0, 0)
        await settled()
        assert [state.in_flight for state in pool.states] == loads
    assert all(task.done() for task in taking)


async def test_an_account_out_of_neurons_rests_until_midnight() -> None:
    clock = SetClock("2026-11-23 21:30")
    with emulating() as address:
        set_account(address, "spent", spent_neurons=10_000)
        async with backend_at(address, SPENT, clock=clock) as backend:
            for _ in range(3):
                with pytest.raises(GatewayError) as caught:
                    await backend.run(call(seed=1))
                assert caught.value.kind == "insufficient_quota"
                assert caught.value.retry_after == timedelta(hours=2.5).total_seconds()
            assert backend.traffic.calls["spent"] == 1
            set_account(address, "spent", spent_neurons=0)
            clock.time += timedelta(hours=2, minutes=31)
            await backend.run(call(seed=1))


async def test_neurons_used_up_just_before_the_reset_cost_no_further_day() -> None:
    """The call goes out before 00:00 UTC and the refusal comes back after it."""
    clock = SetClock("2026-11-23 23:59")

    async def over_midnight(writer: asyncio.StreamWriter) -> None:
        clock.time += timedelta(minutes=1, seconds=2)
        writer.write(refusal(429, 4006))
        await writer.drain()

    policy = RetryPolicy(longest_obeyed=1)
    async with (
        scripted(over_midnight, image_answer()) as server,
        backend_at(server.address, SPENT, clock=clock, retry=policy) as backend,
    ):
        with pytest.raises(GatewayError) as caught:
            await backend.run(call(seed=1))
        assert (caught.value.kind, caught.value.retry_after) == ("insufficient_quota", RESET_REST.total_seconds())
        clock.time += RESET_REST
        await backend.run(call(seed=1))


async def test_neurons_used_up_on_the_day_itself_rest_until_the_next() -> None:
    clock = SetClock("2026-11-23 00:00")
    clock.time += RESET_PASSED
    async with scripted(refusal(429, 4006)) as server, backend_at(server.address, clock=clock) as backend:
        with pytest.raises(GatewayError) as caught:
            await backend.run(call(seed=1))
    assert caught.value.retry_after == (timedelta(days=1) - RESET_PASSED).total_seconds()


async def test_calls_refused_together_make_one_rest() -> None:
    pool = AccountPool([HEALTHY], SetClock("2026-11-23 12:00"))
    states = [await pool.take((), 0) for _ in range(10)]
    for state in states:
        pool.refused(state, UpstreamError(CODES[3021], code=3021))
    assert pool.states[0].until == datetime(2026, 11, 23, 12, 0, 1, tzinfo=UTC)
    pool.refused(states[0], UpstreamError(CODES[3021], code=3021, retry_after=7))
    assert pool.states[0].until == datetime(2026, 11, 23, 12, 0, 7, tzinfo=UTC)


async def test_a_rest_doubles_when_the_account_is_at_its_rate_again() -> None:
    clock = SetClock("2026-11-23 12:00")
    pool = AccountPool([HEALTHY], clock)
    for seconds in (1, 2, 4, 8, 16, 32, 32):
        pool.refused(await pool.take((), 0), UpstreamError(CODES[3021], code=3021))
        assert pool.states[0].until == clock.time + timedelta(seconds=seconds)
        clock.time += timedelta(seconds=seconds)
    pool.succeeded(await pool.take((), 0))
    pool.refused(pool.states[0], UpstreamError(CODES[3021], code=3021))
    assert pool.states[0].until == clock.time + timedelta(seconds=FIRST_RATE_REST)


@pytest.mark.parametrize("code", [4006, 10000])
async def test_a_long_rest_is_not_cut_short_by_a_call_that_was_under_way(code: int) -> None:
    clock = SetClock("2026-11-23 12:00")
    pool = AccountPool([HEALTHY], clock)
    states = [await pool.take((), 0) for _ in range(2)]
    pool.refused(states[0], UpstreamError(CODES[code], code=code))
    pool.refused(states[1], UpstreamError(CODES[3021], code=3021, retry_after=5))
    clock.time += timedelta(seconds=30)
    assert not pool.has_other(())


async def test_a_new_day_begins_at_nothing_spent() -> None:
    clock = SetClock("2026-11-23 23:59")
    pool = AccountPool([HEALTHY, Account("other", "demo")], clock)
    pool.count_spent({"healthy": 9_000})

    async def made(neurons: float) -> AccountState:
        state = await pool.take((), neurons)
        pool.succeeded(state)
        pool.give_back(state, neurons, neurons)
        return state

    assert {(await made(10)).account.account_id for _ in range(4)} == {"other"}
    clock.time += timedelta(minutes=2)
    pool.count_spent({"other": 15})
    assert [(await made(10)).account.account_id for _ in range(4)] == ["healthy", "healthy", "other", "healthy"]
    assert [state.neurons for state in pool.states] == [30, 25]


async def test_the_account_that_failed_is_asked_after_the_others_at_any_load() -> None:
    pool = AccountPool([HEALTHY, Account("other", "demo")], SetClock("2026-11-23 12:00"))
    for state in pool.states:
        pool.succeeded(state)
    pool.states[1].in_flight = 5
    assert (await pool.take((), 0)).account.account_id == "healthy"
    assert (await pool.take((), 0, asked={"healthy"})).account.account_id == "other"
    assert (await pool.take((), 0, asked={"healthy", "other"})).account.account_id == "healthy"


async def test_once_every_account_has_failed_there_is_a_pause() -> None:
    """A pause of 5 seconds and more is longer than this policy obeys: the call ends where one would begin."""
    policy = RetryPolicy(first=10, longest=10, longest_obeyed=1)
    accounts = [Account(name, "demo") for name in ("one", "two", "three")]
    async with scripted(http(502)) as server, backend_at(server.address, *accounts, retry=policy) as backend:
        with pytest.raises(GatewayError):
            await backend.run(call(seed=1))
        assert backend.traffic.calls == {"one": 1, "two": 1, "three": 1}


async def test_an_account_whose_credentials_were_rejected_comes_back() -> None:
    """502, then 200 within two minutes."""
    clock = SetClock("2026-11-23 12:00")
    async with (
        scripted(refusal(401, 10000), image_answer()) as server,
        backend_at(server.address, Account("refused-1234", "hunter2"), clock=clock) as backend,
    ):
        with pytest.raises(GatewayError) as caught:
            await backend.run(call(seed=1))
        clock.time += timedelta(seconds=59)
        with pytest.raises(GatewayError):
            await backend.run(call(seed=1))
        assert backend.traffic.calls == {"refused-1234": 1}
        clock.time += timedelta(seconds=2)
        assert (await backend.run(call(seed=1))).image.size == (256, 256)
    error = caught.value
    assert (error.kind, error.row.status, error.retry_after) == ("upstream_authentication_error", 502, 60)
    assert error.message == "Workers AI did not accept the credentials of Workers AI account …1234 (code 10000)."


async def test_with_a_second_account_rejected_credentials_fail_no_request() -> None:
    clock = SetClock("2026-11-23 12:00")
    with emulating() as address:
        async with backend_at(address, WRONG, HEALTHY, clock=clock) as backend:
            for _ in range(6):
                await asyncio.gather(*[backend.run(call(seed=1)) for _ in range(3)])
                clock.time += timedelta(seconds=61)
            # At the start, and after one, three and seven minutes at the earliest.
            assert backend.traffic.calls == {"bad": 3, "healthy": 18}


async def test_the_rest_for_rejected_credentials_doubles_up_to_15_minutes() -> None:
    clock = SetClock("2026-11-23 12:00")
    pool = AccountPool([HEALTHY], clock)
    for minutes in (1, 2, 4, 8, 15, 15):
        pool.refused(await pool.take((), 0), UpstreamError(CODES[9109], code=9109))
        assert pool.states[0].until == clock.time + timedelta(minutes=minutes)
        clock.time += timedelta(minutes=minutes)
    pool.succeeded(await pool.take((), 0))
    pool.refused(pool.states[0], UpstreamError(CODES[9109], code=9109))
    assert pool.states[0].until == clock.time + timedelta(minutes=1)


async def test_a_rested_account_is_tried_by_one_request_alone() -> None:
    """Also when it is the only one: the others get its refusal without asking."""
    clock = SetClock("2026-11-23 12:00")
    async with scripted(refusal(403, 10000)) as server, backend_at(server.address, HEALTHY, clock=clock) as backend:
        for rounds in (1, 2):
            outcomes = [backend.run(call(seed=1)) for _ in range(1 if rounds == 1 else 10)]
            failures = await asyncio.gather(*outcomes, return_exceptions=True)
            assert all(isinstance(failure, GatewayError) for failure in failures)
            assert backend.traffic.calls["healthy"] == rounds
            clock.time += timedelta(minutes=rounds)


async def test_an_account_at_its_rate_is_waited_for_when_the_other_may_not_use_the_model() -> None:
    answers = refusal(429, 3021, retry_after="1"), refusal(403, 3041), image_answer()
    clock = RunningClock()
    async with (
        scripted(*answers) as server,
        backend_at(server.address, HEALTHY, Account("other", "demo"), clock=clock) as backend,
    ):
        assert (await backend.run(call(seed=1))).image.size == (256, 256)
        assert len(server.requests) == 3


async def test_the_account_at_its_rate_decides_the_error_when_it_rests_for_too_long() -> None:
    answers = refusal(429, 3021, retry_after="90"), refusal(403, 3041)
    async with scripted(*answers) as server, backend_at(server.address, HEALTHY, Account("other", "demo")) as backend:
        with pytest.raises(GatewayError) as caught:
            await backend.run(call(seed=1))
    assert (caught.value.kind, caught.value.retry_after) == ("rate_limit_exceeded", 90)


async def test_used_up_neurons_name_the_account_and_count_as_its_day() -> None:
    clock = SetClock("2026-11-23 12:00")
    async with (
        scripted(refusal(429, 4006)) as server,
        backend_at(server.address, Account("abcdef-1234", "demo"), clock=clock) as backend,
    ):
        await backend.neurons.add("abcdef-1234", clock.time.date(), 172.8)
        for _ in range(2):
            with pytest.raises(GatewayError) as caught:
                await backend.run(call(seed=1))
        spent = await backend.neurons.spent(clock.time.date())
    assert caught.value.message == (
        "The day's neurons of Workers AI account …1234 are used up; they come back at 00:00 UTC (code 4006)."
    )
    assert spent == {"abcdef-1234": 10_000}


async def test_each_upstream_failure_is_one_log_line(caplog: pytest.LogCaptureFixture) -> None:
    accounts = [Account("account-aaaa", "hunter2-hunter2-hunter2"), Account("account-bbbb", "hunter2-hunter2-hunter2")]
    token = request_id.set("req_7")
    try:
        async with (
            scripted(refusal(500, 3043)) as server,
            backend_at(server.address, *accounts, retry=RetryPolicy(retries=2, first=0.01)) as backend,
        ):
            with pytest.raises(GatewayError):
                await backend.run(call(seed=1))
    finally:
        request_id.reset(token)
    lines = [record.getMessage() for record in caplog.records if record.name.endswith("workers_ai.backend")]
    seen = [
        re.fullmatch(r"upstream failure: (.*) seconds=\d+\.\d\d: Workers AI failed: x \(code 3043\)", line)
        for line in lines
    ]
    assert [found.group(1) if found else None for found in seen] == [
        f"request=req_7 model={LIGHTNING} account={account} code=3043 attempt={attempt}"
        for attempt, account in ((1, "aaaa"), (2, "bbbb"), (3, "aaaa"))
    ]
    assert "hunter2" not in caplog.text


async def test_when_all_rest_the_error_is_of_the_one_that_wakes_first() -> None:
    with emulating() as address:
        set_account(address, "spent", spent_neurons=10_000)
        async with backend_at(address, WRONG, SPENT) as backend:
            with pytest.raises(GatewayError) as caught:
                await backend.run(call(seed=1))
    assert (caught.value.kind, caught.value.retry_after) == ("insufficient_quota", 12 * 3600)


async def test_an_account_at_its_rate_passes_the_call_on() -> None:
    with emulating(requests_per_minute=3) as address:
        async with backend_at(address, HEALTHY, Account("other", "demo")) as backend:
            for _ in range(6):
                await backend.run(call(seed=1))
            assert sum(backend.traffic.calls.values()) <= 8
        assert stats(address)["answers"]["200"] == 6


async def test_a_model_that_one_account_may_not_use() -> None:
    """The next account is asked, and nothing rests."""
    img2img = "@cf/runwayml/stable-diffusion-v1-5-img2img"
    with emulating() as address:
        set_account(address, "other", img2img=True)
        async with backend_at(address, HEALTHY, Account("other", "demo")) as backend:
            for _ in range(2):
                await backend.run(call(img2img))
            await backend.run(call(LIGHTNING))


async def test_calls_do_not_wait_long_for_a_slow_first_image() -> None:
    """Once an account has had the time to refuse, it is taken for good, and all who wait go ahead."""
    clock = StoppedClock("2026-11-23 12:00")
    pool = AccountPool([HEALTHY, Account("other", "demo")], clock)
    first = [await pool.take((), 0) for _ in range(2)]
    assert {state.account.account_id for state in first} == {"healthy", "other"}
    third = asyncio.create_task(pool.take((), 0))
    await settled()
    assert not third.done()
    clock.seconds += PROBE_SECONDS
    taken = [await third, *[await asyncio.wait_for(pool.take((), 0), LONGEST) for _ in range(5)]]
    assert sorted(state.in_flight for state in pool.states) == [4, 4]
    assert len(taken) == 6


def test_a_token_is_not_shown() -> None:
    assert "hunter2" not in repr(Account("a", "hunter2"))
