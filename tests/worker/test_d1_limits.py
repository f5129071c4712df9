"""Limits of API keys that all isolates of a Worker count in one D1 database."""

from __future__ import annotations

import asyncio
import socket
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx2
import pytest

from tests.emulator.calling import emulating, holding
from tests.waiting import LONGEST, wait_for
from tests.worker.test_keys import KLEIN, Keyholder, with_keys
from tests.worker.test_long_work import RESET, begin, wait_until_begun
from tests.workerd import worker

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator
    from pathlib import Path

    from tests.workerd import Worker

NEURONS = 6.51
"""What an image of 256x256 with FLUX.2 klein costs, as Workers AI says in its answer."""
NAMES = {
    "budget": "images_per_day = 10\nneurons_per_day = 1000",
    "minute": "requests_per_minute = 3",
    "hasty": "images_per_day = 5\nneurons_per_day = 1000",
    "fallback": "images_per_day = 3",
    "strict": "images_per_day = 3",
    "swept": "images_per_day = 3",
}
OPTIONS = {"daily_neurons": 1e12, "requests_per_minute": 10**9}


def held(served: Worker, key: str) -> dict[str, float]:
    """What the counters of a key hold, by what they count."""
    rows = served.sql(f"SELECT name, value FROM counters WHERE name LIKE '{key}:%'")  # noqa: S608 - a name of this file
    return {row["name"].split(":")[1]: row["value"] for row in rows}


@contextmanager
def failing(served: Worker, table: str) -> Iterator[None]:
    """The database refuses every change of the table meanwhile."""
    served.sql(f"ALTER TABLE {table} RENAME TO kept")
    served.sql(f"CREATE VIEW {table} AS SELECT * FROM kept")  # noqa: S608 - a name of the tests
    yield
    served.sql(f"DROP VIEW {table}")
    served.sql(f"ALTER TABLE kept RENAME TO {table}")


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Worker, threading.Event]]:
    """Two isolates that refuse while the database fails, and the event without which no model answers."""
    log = tmp_path_factory.mktemp("workerd") / "log"
    arguments = [*with_keys(NAMES, LIMITS_STRICT="on"), "--isolates", "2"]
    with (
        holding(**OPTIONS) as (emulator, released),
        worker(f"{emulator}/client/v4/accounts/worker", log, *arguments) as served,
    ):
        released.set()
        yield served, released


async def statuses(served: Worker, key: str, count: int) -> list[int]:
    """Of requests that are under way together, in all isolates."""
    body = {"prompt": "a fox", "model": KLEIN, "size": "256x256", "response_format": "b64_json"}
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx2.AsyncClient(timeout=LONGEST, headers=headers) as client:
        urls = [f"{served.origins[index % len(served.origins)]}/v1/images/generations" for index in range(count)]
        answers = await asyncio.gather(*(client.post(url, json=body) for url in urls))
    return sorted(answer.status_code for answer in answers)


async def test_requests_in_two_isolates_together_never_exceed_a_limit(
    strict: tuple[Worker, threading.Event],
) -> None:
    served, _ = strict
    assert await statuses(served, "budget", 40) == [200] * 10 + [429] * 30
    assert held(served, "budget") == {"images": 10, "neurons": pytest.approx(10 * NEURONS)}
    assert await statuses(served, "minute", 12) == [200] * 3 + [429] * 9
    left = [Keyholder(origin, "minute").send("GET", "/v1/models").headers for origin in served.origins]
    assert [headers["x-ratelimit-remaining-requests"] for headers in left] == ["0", "0"]


async def test_the_rate_limiting_binding_stops_a_flood_before_the_database_is_asked(tmp_path: Path) -> None:
    names = dict.fromkeys(("flood", "flood-next-minute"), "requests_per_minute = 100")
    with (
        emulating(**OPTIONS) as emulator,
        worker(
            f"{emulator}/client/v4/accounts/worker",
            tmp_path / "log",
            *with_keys(names),
            *("--isolates", "2", "--rate-limit", "3"),
        ) as served,
    ):
        for name in names:
            minute = time.time() // 60
            found = await statuses(served, name, 10)
            refused = Keyholder(served.origin, name).make()
            if minute == time.time() // 60:  # else the binding began to count anew meanwhile
                break
        assert found == [200] * 3 + [429] * 7
        assert held(served, name) == {"requests": 3}
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "rate_limit_exceeded")
    assert refused.headers["retry-after"] == "60"
    assert refused.headers["x-ratelimit-remaining-requests"] == "0"


def test_what_clients_that_hung_up_have_made_is_counted(strict: tuple[Worker, threading.Event]) -> None:
    """All is reserved before the model is called; one image is refused and given back, one is made and counts."""
    served, released = strict
    released.clear()
    headers = {"Authorization": "Bearer hasty"}
    connections = [
        begin(
            served.origin,
            "/v1/images/generations",
            {"prompt": prompt, "model": KLEIN, "size": "256x256", "response_format": "b64_json"},
            **headers,
        )
        for prompt in ("a fox", "gore")
    ]
    wait_for(lambda: held(served, "hasty").get("images") == 2, "nothing was reserved")
    for connection in connections:
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        connection.close()
    wait_until_begun(served.origin)
    released.set()
    wait_for(lambda: held(served, "hasty")["images"] == 1, "nothing was given back")
    wait_for(lambda: held(served, "hasty")["neurons"] == pytest.approx(NEURONS), "too much was given back")


def test_limited_requests_are_refused_while_the_database_fails(strict: tuple[Worker, threading.Event]) -> None:
    served, _ = strict
    holder = Keyholder(served.origin, "strict")
    assert holder.make().status_code == 200
    with failing(served, "counters"):
        refused = holder.make()
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "overloaded")
    wait_for(lambda: holder.make().status_code == 200, "the isolate did not try the database again")
    assert held(served, "strict") == {"images": 2}


def run_cron_trigger(served: Worker) -> int:
    swept = httpx2.get(f"{served.origin}/cdn-cgi/local/scheduled", params={"cron": "17 * * * *"}, timeout=LONGEST)
    return swept.status_code


ENDED = "INSERT INTO counters VALUES ('swept:neurons:2020-01-01', 1, 1600000000)"


def test_the_cron_trigger_deletes_the_counters_of_days_gone_by(strict: tuple[Worker, threading.Event]) -> None:
    served, _ = strict
    assert Keyholder(served.origin, "swept").make().status_code == 200
    served.sql(ENDED)
    assert run_cron_trigger(served) == 200
    assert held(served, "swept") == {"images": 1}


def test_a_bucket_that_fails_does_not_keep_the_counters_of_days_gone_by(upstream: str, tmp_path: Path) -> None:
    address = f"http://{upstream}/client/v4/accounts/worker"
    with worker(address, tmp_path / "log", "--without", "BUCKET") as served:
        assert run_cron_trigger(served) != 200  # which makes the table
        served.sql(ENDED)
        assert held(served, "swept") == {"neurons": 1}
        assert run_cron_trigger(served) != 200
        assert held(served, "swept") == {}


def test_an_isolate_counts_alone_while_the_database_fails_and_hands_over_what_it_counted(tmp_path: Path) -> None:
    with (
        emulating(**OPTIONS) as emulator,
        worker(f"{emulator}/client/v4/accounts/worker", tmp_path / "log", *with_keys(NAMES)) as served,
    ):
        holder = Keyholder(served.origin, "fallback")
        assert holder.make().status_code == 200
        with failing(served, "counters"):
            assert [holder.make().status_code for _ in range(3)] == [200, 200, 429]
        assert held(served, "fallback") == {"images": 1}
        wait_for(
            lambda: holder.make().status_code == 429 and held(served, "fallback") == {"images": 3},
            "what was counted meanwhile was not handed over",
        )
    log = (tmp_path / "log").read_text("utf-8")
    assert "D1 database does not answer" in log
    assert "until it does, limits are counted in this process" in log
    assert "counted in all processes together again" in log
