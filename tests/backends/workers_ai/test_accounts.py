from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from cloudflare_image_mcp.backends.workers_ai.accounts import PROBE_PATIENCE, Account, AccountPool
from cloudflare_image_mcp.errors import GatewayError
from tests.backends.workers_ai.conftest import LIGHTNING, SetClock, backend_at, call, set_account, stats
from tests.emulator.calling import emulating

HEALTHY = Account("healthy", "demo")
SPENT = Account("spent", "demo")
WRONG = Account("bad", "wrong")


async def test_a_hundred_requests_waste_one_call_on_each_bad_account() -> None:
    with emulating() as address:
        set_account(address, "spent", neurons=10_000)
        async with backend_at(address, SPENT, WRONG, HEALTHY) as backend:
            made = await asyncio.gather(*[backend.run(call(seed=1)) for _ in range(100)])
            calls = dict(backend.traffic.calls)
        answers = stats(address)["answers"]
    assert len(made) == 100
    assert all(rendered.image.size == (256, 256) for rendered in made)
    assert calls == {"spent": 1, "bad": 1, "healthy": 100}
    assert answers == {"200": 100, "4006": 1, "10000": 1}


async def test_the_load_is_shared_evenly() -> None:
    with emulating() as address:
        async with backend_at(address, HEALTHY, Account("other", "demo")) as backend:
            for _ in range(2):
                await backend.run(call(seed=1))
            await asyncio.gather(*[backend.run(call(seed=1)) for _ in range(40)])
            calls = dict(backend.traffic.calls)
    assert calls == {"healthy": 21, "other": 21}


async def test_an_account_out_of_neurons_rests_until_midnight() -> None:
    clock = SetClock("2026-11-23 21:30")
    with emulating() as address:
        set_account(address, "spent", neurons=10_000)
        async with backend_at(address, SPENT, clock=clock) as backend:
            for _ in range(3):
                with pytest.raises(GatewayError) as caught:
                    await backend.run(call(seed=1))
                assert caught.value.kind == "insufficient_quota"
                assert caught.value.retry_after == timedelta(hours=2.5).total_seconds()
            assert backend.traffic.calls["spent"] == 1
            set_account(address, "spent", neurons=0)
            clock.time += timedelta(hours=2, minutes=31)
            await backend.run(call(seed=1))


async def test_bad_credentials_rest_until_a_restart_and_are_not_told() -> None:
    clock = SetClock("2026-11-23 12:00")
    with emulating() as address:
        async with backend_at(address, WRONG, clock=clock) as backend:
            for _ in range(2):
                with pytest.raises(GatewayError) as caught:
                    await backend.run(call(seed=1))
                clock.time += timedelta(days=2)
            assert caught.value.kind == "upstream_authentication_error"
            assert caught.value.retry_after is None
            assert "wrong" not in caught.value.message
            assert backend.traffic.calls["bad"] == 1


async def test_when_all_rest_the_error_is_of_the_one_that_wakes_first() -> None:
    with emulating() as address:
        set_account(address, "spent", neurons=10_000)
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


async def test_a_slow_first_image_holds_nobody_up_for_long() -> None:
    """Once an account has had the time to refuse, it is taken for good, and all who wait go ahead."""

    class StoppedClock(SetClock):
        seconds = 100.0

        def monotonic(self) -> float:
            return self.seconds

    clock = StoppedClock("2026-11-23 12:00")
    pool = AccountPool([HEALTHY, Account("other", "demo")], clock)
    first = [await pool.take((), 0) for _ in range(2)]
    assert {state.account.account_id for state in first} == {"healthy", "other"}
    third = asyncio.create_task(pool.take((), 0))
    await asyncio.sleep(0.05)
    assert not third.done()
    clock.seconds += PROBE_PATIENCE
    taken = [await third, *[await asyncio.wait_for(pool.take((), 0), 1) for _ in range(5)]]
    assert sorted(state.in_flight for state in pool.states) == [4, 4]
    assert len(taken) == 6


def test_a_token_is_not_shown() -> None:
    assert "hunter2" not in repr(Account("a", "hunter2"))
