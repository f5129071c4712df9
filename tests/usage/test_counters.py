"""The counters of limits: the same behaviour in the process, in SQLite and in Redis, and shared by several users."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from typing import TYPE_CHECKING

import pytest

from cloudflare_image_mcp.core.quota import Charge, CounterReading, CountersFailed
from cloudflare_image_mcp.usage.fallback_counters import FallbackCounters
from cloudflare_image_mcp.usage.local_counters import LocalCounters
from cloudflare_image_mcp.usage.redis_counters import RedisCounters
from cloudflare_image_mcp.usage.sqlite_counters import FILE_NAME, SqliteCounters
from tests.redis_server import redis_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from cloudflare_image_mcp.core.quota import Outcome, UsageCounters

    Make = Callable[[], UsageCounters]


@pytest.fixture(params=["local", "sqlite", "redis"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    """Opens the counters; those that are shared, as often as asked."""
    if request.param == "local":
        counters = LocalCounters()
        yield lambda: counters
    elif request.param == "sqlite":
        yield lambda: SqliteCounters(tmp_path)
    else:
        with redis_server(tmp_path) as server:
            yield lambda: RedisCounters(server.url)


def charge(counter: str, amount: float, limit: float) -> Charge:
    return Charge(counter=counter, amount=amount, limit=limit, kept=60)


async def test_all_amounts_are_added_or_none(make: Make) -> None:
    counters = make()
    images, neurons = charge("a:images:d", 2, 4), charge("a:neurons:d", 10.5, 25)
    first = await counters.reserve([images, neurons])
    assert (first.admitted, first.readings) == (True, (CounterReading(0), CounterReading(0)))
    second = await counters.reserve([images, neurons])
    assert (second.admitted, second.readings) == (True, (CounterReading(2), CounterReading(10.5)))
    third = await counters.reserve([images, charge("a:neurons:d", 1, 25)])
    assert (third.admitted, third.readings) == (False, (CounterReading(4), CounterReading(21)))
    assert await counters.read(["a:images:d", "a:neurons:d", "a:usd:d"]) == [4, 21, 0]
    await counters.add([charge("a:neurons:d", -20.25, 25), charge("a:images:d", 3, 4)])
    assert await counters.read(["a:images:d", "a:neurons:d"]) == [7, 0.75]
    await counters.add([])
    assert await counters.read([]) == []
    await counters.aclose()


async def test_sums_of_fractions_reach_their_limit(make: Make) -> None:
    counters = make()
    tenth = charge("a:usd:d", 0.1, 1)
    admitted = [(await counters.reserve([tenth])).admitted for _ in range(12)]
    assert admitted == [True] * 10 + [False] * 2
    await counters.aclose()


async def test_a_share_of_the_window_before_counts(make: Make) -> None:
    counters = make()
    await counters.add([charge("a:requests:1", 10, 10)])
    half = Charge(counter="a:requests:2", amount=1, limit=10, kept=60, previous="a:requests:1", weight=0.5)
    outcomes = [await counters.reserve([half]) for _ in range(6)]
    assert [outcome.admitted for outcome in outcomes] == [True] * 5 + [False]
    assert outcomes[-1].readings == (CounterReading(5, 10),)
    await counters.aclose()


async def test_many_users_at_once_never_exceed_a_limit(make: Make) -> None:
    users = [make() for _ in range(4)]
    wanted = [charge("a:images:d", 3, 100), charge("a:neurons:d", 0.5, 1000)]

    async def use(counters: UsageCounters) -> int:
        return sum([(await counters.reserve(wanted)).admitted for _ in range(20)])

    assert sum(await asyncio.gather(*map(use, users))) == 33
    assert await users[0].read(["a:images:d", "a:neurons:d"]) == [99, 16.5]
    for counters in users:
        await counters.aclose()


async def test_sqlite_counters_notice_what_others_wrote_and_what_was_undone(tmp_path: Path) -> None:
    one, other = SqliteCounters(tmp_path), SqliteCounters(tmp_path)
    wanted = [charge("a:images:d", 1, 100)]
    for counters in (one, one, other, one, other, other):
        await counters.reserve(wanted)
    assert (await one.reserve(wanted)).readings == (CounterReading(6),)
    with sqlite3.connect(tmp_path / FILE_NAME) as database:
        refused = "SELECT RAISE(FAIL, 'refused')"
        database.execute(f"CREATE TRIGGER refuse BEFORE INSERT ON counters WHEN new.name = 'b' BEGIN {refused}; END")
    with pytest.raises(CountersFailed, match="refused"):
        await one.reserve([*wanted, charge("b", 1, 1)])
    assert (await one.reserve(wanted)).readings == (CounterReading(7),)
    shutil.rmtree(tmp_path)
    assert (await one.reserve(wanted)).readings == (CounterReading(0),)
    assert (await other.reserve(wanted)).readings == (CounterReading(1),)
    for counters in (one, other):
        await counters.aclose()


async def test_what_comes_soon_after_a_transaction_is_written_together(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("cloudflare_image_mcp.usage.sqlite_counters.JOIN_FOR", 1.0)
    counters, statements = SqliteCounters(tmp_path), list[str]()
    counters._database.open().set_trace_callback(statements.append)
    await counters.reserve([charge("a", 1, 9)])
    assert statements.count("BEGIN IMMEDIATE") == 1
    later = [asyncio.create_task(counters.reserve([charge("a", 1, 9)]))]
    await asyncio.sleep(0.01)
    later.append(asyncio.create_task(counters.reserve([charge("a", 1, 9)])))
    readings = [outcome.readings for outcome in await asyncio.gather(*later)]
    assert readings == [(CounterReading(1),), (CounterReading(2),)]
    assert statements.count("BEGIN IMMEDIATE") == 2
    await counters.aclose()


async def test_old_counters_are_deleted(tmp_path: Path) -> None:
    counters = SqliteCounters(tmp_path)
    await counters.add([Charge(counter="old", amount=1, limit=1, kept=-1)])
    await SqliteCounters(tmp_path).add([charge("new", 1, 1)])
    with sqlite3.connect(tmp_path / FILE_NAME) as database:
        assert [name for (name,) in database.execute("SELECT name FROM counters")] == ["new"]
    assert (tmp_path / FILE_NAME).stat().st_mode & 0o077 == 0


async def test_counters_that_fail_say_why_without_a_password(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"")
    with pytest.raises(CountersFailed, match=r"usage\.sqlite3 cannot be used"):
        await SqliteCounters(file).reserve([charge("a", 1, 1)])
    redis = RedisCounters("redis://user:hunter2@127.0.0.1:9/0")
    with pytest.raises(CountersFailed, match=r"redis://\*\*\*@127\.0\.0\.1:9/0 does not answer") as raised:
        await redis.add([charge("a", 1, 1)])
    assert "hunter2" not in str(raised.value)
    await redis.aclose()


class Switched(LocalCounters):
    """Counters that fail when they are switched off."""

    on = True

    async def reserve(self, charges: Sequence[Charge]) -> Outcome:
        self._check()
        return await super().reserve(charges)

    async def add(self, charges: Sequence[Charge]) -> None:
        self._check()
        await super().add(charges)

    async def read(self, counters: Sequence[str]) -> list[float]:
        self._check()
        return await super().read(counters)

    def _check(self) -> None:
        if not self.on:
            raise CountersFailed("off")


async def test_local_counters_go_on_from_the_shared_ones_and_are_handed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cloudflare_image_mcp.usage.fallback_counters.RETRY_EVERY", 0.0)
    shared = Switched()
    counters = FallbackCounters(shared, strict=False)
    image = charge("a:images:d", 1, 5)
    for _ in range(3):
        assert (await counters.reserve([image])).admitted
    shared.on = False
    assert [(await counters.reserve([image])).admitted for _ in range(3)] == [True, True, False]
    await counters.add([charge("a:images:d", -1, 5)])
    assert await counters.read(["a:images:d"]) == [4]
    shared.on = True
    assert await counters.read(["a:images:d"]) == [4]
    assert await shared.read(["a:images:d"]) == [4]


async def test_what_is_owed_is_kept_when_the_request_that_hands_it_over_is_cancelled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("cloudflare_image_mcp.usage.fallback_counters.RETRY_EVERY", 0.0)
    shared = Switched()
    counters = FallbackCounters(shared, strict=False)
    image = charge("a:images:d", 1, 5)
    shared.on = False
    await counters.reserve([image])
    shared.on = True
    adding = asyncio.Event()

    async def endless(_charges: Sequence[Charge]) -> None:
        adding.set()
        await asyncio.Event().wait()

    with monkeypatch.context() as patched:
        patched.setattr(shared, "add", endless)
        request = asyncio.create_task(counters.reserve([image]))
        await adding.wait()
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request
    assert (await counters.reserve([image])).admitted
    assert await shared.read(["a:images:d"]) == [2]


async def test_strict_counters_refuse_and_still_settle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cloudflare_image_mcp.usage.fallback_counters.RETRY_EVERY", 0.0)
    shared = Switched()
    counters = FallbackCounters(shared, strict=True)
    await counters.reserve([charge("a:images:d", 3, 5)])
    shared.on = False
    with pytest.raises(CountersFailed):
        await counters.reserve([charge("a:images:d", 1, 5)])
    with pytest.raises(CountersFailed):
        await counters.read(["a:images:d"])
    await counters.add([charge("a:images:d", -2, 5)])
    shared.on = True
    assert await counters.read(["a:images:d"]) == [1]
