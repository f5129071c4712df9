"""Jobs whose records are in D1: any isolate answers for them, also after a restart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx2
import pytest

from tests.emulator.calling import calls, holding
from tests.waiting import LONGEST, wait_for
from tests.worker.test_d1_limits import failing
from tests.worker.test_keys import KLEIN, Keyholder, with_keys
from tests.workerd import worker

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator
    from pathlib import Path

    from tests.workerd import Worker

NAMES = {"alice": "", "bob": "", "boss": "admin = true"}


def begin_job(holder: Keyholder) -> httpx2.Response:
    body = {"prompt": "a fox", "model": KLEIN, "size": "256x256", "response_format": "b64_json", "async": True}
    return holder.send("POST", "/v1/images/generations", json=body)


class Isolates:
    """Two isolates of one Worker, over models that do not answer before ``released`` is set."""

    def __init__(self, served: Worker, emulator: str, released: threading.Event) -> None:
        self.worker = served
        self.first, self.second = ([Keyholder(origin, name) for name in NAMES] for origin in served.origins)
        self.emulator = emulator
        self.released = released

    def start(self) -> str:
        """Starts a job of Alice in the first isolate, and waits until its model is called. Returns its path."""
        before = calls(self.emulator)
        begun = begin_job(self.first[0])
        assert begun.status_code == 202, begun.text
        wait_for(lambda: calls(self.emulator) > before, "the model was not called")
        return begun.headers["location"]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Isolates]:
    log = tmp_path_factory.mktemp("workerd") / "log"
    with (
        holding(daily_neurons=1e12, requests_per_minute=10**9) as (emulator, released),
        worker(f"{emulator}/client/v4/accounts/worker", log, *with_keys(NAMES), "--isolates", "2") as served,
    ):
        yield Isolates(served, emulator, released)


@pytest.fixture
def isolates(served: Isolates) -> Isolates:
    served.released.clear()
    return served


def status(holder: Keyholder, path: str) -> str:
    answer = holder.send("GET", path)
    return str(answer.json()["status"] if answer.status_code == 200 else answer.status_code)


def test_another_isolate_describes_follows_and_lists_a_job(isolates: Isolates) -> None:
    path = isolates.start()
    assert [status(holder, path) for holder in isolates.second] == ["running", "404", "running"]
    alice, bob, boss = isolates.second
    with httpx2.stream("GET", f"{alice.origin}{path}/events", headers=alice.headers, timeout=LONGEST) as stream:
        events = stream.iter_lines()
        assert "event: image.job.running" in events
        isolates.released.set()
        assert "event: image.job.completed" in events
    found = [isolate[0].send("GET", path).json() for isolate in (isolates.first, isolates.second)]
    assert found[0] == found[1]
    assert (found[0]["status"], len(found[0]["result"]["data"])) == ("completed", 1)
    listed = [len(holder.send("GET", "/v1/images/jobs").json()["data"]) for holder in (alice, bob, boss)]
    assert listed == [1, 0, 1]
    assert [status(holder, path) for holder in isolates.first] == ["completed", "404", "completed"]
    for holders in (isolates.first, isolates.second):
        results = [holder.call_tool("get_job", job_id=path.rsplit("/", 1)[1]) for holder in holders]
        assert [bool(result.get("isError")) for result in results] == [False, True, False]


def test_another_isolate_cancels_a_job(isolates: Isolates) -> None:
    path = isolates.start()
    alice, bob, _ = isolates.second
    assert bob.send("DELETE", path).status_code == 404
    assert alice.send("DELETE", path).status_code == 200
    wait_for(lambda: status(isolates.first[0], path) == "cancelled", "the isolate that runs it did not hear of it")
    wait_for(lambda: status(alice, path) == "cancelled", "its record was not written")


def test_a_job_runs_while_the_database_fails(isolates: Isolates) -> None:
    with failing(isolates.worker, "jobs"):
        path = isolates.start()
        assert status(isolates.first[0], path) == "running"
        assert status(isolates.second[0], path) == "404"
        isolates.released.set()
        wait_for(lambda: status(isolates.first[0], path) == "completed", "the job does not end")


def test_jobs_survive_a_restart(tmp_path: Path) -> None:
    arguments = (*with_keys(NAMES), "--state", str(tmp_path / "state"))
    with holding() as (emulator, released):
        address = f"{emulator}/client/v4/accounts/worker"
        with worker(address, tmp_path / "first.log", *arguments) as served:
            alice = Keyholder(served.origin, "alice")
            released.set()
            done = begin_job(alice).headers["location"]
            wait_for(lambda: status(alice, done) == "completed", "the job does not end")
            before = alice.send("GET", done).json()
            released.clear()
            cut_off = begin_job(alice).headers["location"]
            assert status(alice, cut_off) == "running"
        with worker(address, tmp_path / "second.log", *arguments) as served:
            alice = Keyholder(served.origin, "alice")
            wait_for(lambda: status(alice, cut_off) == "failed", "the runtime that ended still counts")
            assert alice.send("GET", cut_off).json()["error"]["code"] == "interrupted"
            after = alice.send("GET", done).json()
            assert after["result"]["data"][0]["b64_json"] == before["result"]["data"][0]["b64_json"]
            assert after["created_at"] == before["created_at"]
