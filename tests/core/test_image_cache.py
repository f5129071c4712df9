"""The cache of ``IMAGE_CACHE`` in the core: who waits for whom, and what happens when somebody leaves or fails."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from tests.core.test_gateway import NAMES, Gate, Scripted, gateway, noise, plain, png
from tests.core.test_jobs import SlowCounters
from tests.storage.conftest import HandClock
from tests.waiting import LONGEST

from cloudflare_image_mcp.catalog import Operation
from cloudflare_image_mcp.core import jobs as jobs_module
from cloudflare_image_mcp.core.access import Access, access
from cloudflare_image_mcp.core.job import JobState
from cloudflare_image_mcp.core.jobs import Jobs
from cloudflare_image_mcp.core.limiter import Limiter
from cloudflare_image_mcp.core.parsing import parse_request
from cloudflare_image_mcp.core.quota import Quota
from cloudflare_image_mcp.core.result import CacheOutcome
from cloudflare_image_mcp.errors import GatewayError
from cloudflare_image_mcp.storage.memory import MemoryStore
from cloudflare_image_mcp.storage.record import Expiry
from cloudflare_image_mcp.system import Background, SystemClock
from cloudflare_image_mcp.usage.local_counters import LocalCounters

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from cloudflare_image_mcp.core.gateway import Gateway
    from cloudflare_image_mcp.core.ports import Call
    from cloudflare_image_mcp.core.request import ImageRequest
    from cloudflare_image_mcp.core.result import ImageResult

HIT, JOINED, MISS = CacheOutcome.HIT, CacheOutcome.JOINED, CacheOutcome.MISS
FIELDS = {"prompt": "p", "model": "flux-2-dev", "seed": 7, "size": "256x256"}


def asked(**fields: Any) -> ImageRequest:
    return parse_request(Operation.GENERATE, {**FIELDS, **fields})


def gated(script: Any = plain, **options: Any) -> tuple[Scripted, Gate, Background, Gateway]:
    backend, background = Scripted(script), Background()
    gate = backend.gate = Gate(asyncio.Event(), asyncio.Event())
    return backend, gate, background, gateway(backend, background, image_cache=True, **options)


async def begin(core: Gateway, gate: Gate, others: int, **fields: Any) -> list[asyncio.Task[ImageResult]]:
    """One request whose call has begun, then others that wait for it."""
    first = asyncio.create_task(core.run(asked()))
    await gate.reached.wait()
    tasks = [first, *(asyncio.create_task(core.run(asked(**fields))) for _ in range(others))]
    for _ in range(20):
        await asyncio.sleep(0)
    return tasks


async def test_requests_at_the_same_time_share_one_call() -> None:
    backend, gate, _, core = gated()
    tasks = await begin(core, gate, 19, response_format="b64_json")
    gate.opened.set()
    results = await asyncio.gather(*tasks)
    assert [result.cache for result in results] == [MISS] + [JOINED] * 19
    assert len(backend.calls) == 1
    assert [result.neurons for result in results] == [10.0] + [0.0] * 19
    assert {result.response_format for result in results[1:]} == {"b64_json"}
    assert results[0].response_format == "url"
    again = await core.run(asked())
    assert (again.cache, again.neurons) == (HIT, 0.0)
    assert again.images[0].stored == results[0].images[0].stored
    assert (core.recorder.metrics.images.total(), core.recorder.metrics.requests.total()) == (1, 21)
    assert core.recorder.metrics.cache == {("miss", ""): 1, ("joined", ""): 19, ("hit", ""): 1}
    assert sum(core.recorder.metrics.neurons.values()) == 10.0


async def test_all_that_come_before_the_call_has_begun_join_it_too() -> None:
    backend, gate, _, core = gated()
    gate.opened.set()
    results = await asyncio.gather(*(core.run(asked()) for _ in range(20)))
    assert [result.cache for result in results] == [MISS] + [JOINED] * 19
    assert len(backend.calls) == 1


async def test_a_failure_is_that_of_all_and_is_not_kept() -> None:
    backend, gate, _, core = gated(lambda _: GatewayError("overloaded", "no capacity", retry_after=3))
    tasks = await begin(core, gate, 4)
    gate.opened.set()
    errors = await asyncio.gather(*tasks, return_exceptions=True)
    assert [(str(error), getattr(error, "retry_after", 0)) for error in errors] == [("no capacity", 3)] * 5
    assert len(backend.calls) == 1
    with pytest.raises(GatewayError, match="no capacity"):
        await core.run(asked())
    assert len(backend.calls) == 2


async def test_a_defect_is_that_of_all() -> None:
    _, gate, _, core = gated(lambda _: ZeroDivisionError("inner"))
    tasks = await begin(core, gate, 2)
    gate.opened.set()
    errors = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(error) for error in errors] == [ZeroDivisionError] * 3


async def test_a_client_that_goes_away_does_not_take_the_call_with_it() -> None:
    backend, gate, _, core = gated()
    tasks = await begin(core, gate, 2)
    tasks[0].cancel()
    tasks[1].cancel()
    gate.opened.set()
    assert (await tasks[2]).cache is JOINED
    assert len(backend.calls) == 1
    assert (await core.run(asked())).cache is HIT


async def test_a_cancelled_job_does_not_cancel_the_call_that_others_wait_for() -> None:
    backend, gate, background, core = gated()
    backend.billed = False  # or its call would be finished in any case
    jobs = Jobs(core)
    job = await jobs.start(asked())
    await gate.reached.wait()
    waiting = asyncio.create_task(core.run(asked()))
    for _ in range(20):
        await asyncio.sleep(0)
    assert (await jobs.cancel(job.id)).state == "cancelled"
    gate.opened.set()
    assert (await waiting).cache is JOINED
    assert len(backend.calls) == 1
    assert await background.drain(LONGEST) == 0


async def test_a_job_that_nobody_else_waits_for_is_cancelled() -> None:
    backend, gate, background, core = gated()
    backend.billed = False
    jobs = Jobs(core)
    job = await jobs.start(asked())
    await gate.reached.wait()
    assert (await jobs.cancel(job.id)).state == "cancelled"
    gate.opened.set()
    assert await background.drain(LONGEST) == 0
    assert await core.store.list() == []
    assert (await core.run(asked())).cache is MISS
    assert len(backend.calls) == 2


@pytest.mark.parametrize("prepared", [True, False])
async def test_jobs_that_join_a_request_leave_it_its_turn(monkeypatch: pytest.MonkeyPatch, *, prepared: bool) -> None:
    monkeypatch.setattr(jobs_module, "MAX_RUNNING", 2)
    backend, gate, background, core = gated()
    gate.opened.set()
    jobs = Jobs(core)
    leading = await core.prepare(asked())
    others = [await jobs.start(asked(), await core.prepare(asked()) if prepared else None) for _ in range(3)]
    for _ in range(20):
        await asyncio.sleep(0)
    started = [await jobs.start(asked(), leading), *others]
    for job in started:
        await job.wait(LONGEST)
    assert [job.state for job in started] == [JobState.COMPLETED] * 4
    assert len(backend.calls) == 1
    assert await background.drain(LONGEST) == 0


async def test_those_that_wait_for_a_request_that_is_not_carried_out_take_its_place() -> None:
    backend, gate, _, core = gated()
    gate.opened.set()
    left = await core.prepare(asked())
    waiting = [asyncio.create_task(core.run(asked())) for _ in range(3)]
    for _ in range(20):
        await asyncio.sleep(0)
    assert backend.calls == []
    await core.release(left)
    results = await asyncio.gather(*waiting)
    assert sorted(result.cache or "" for result in results) == ["joined", "joined", "miss"]
    assert len(backend.calls) == 1


async def test_a_joined_job_has_its_images_stored() -> None:
    _, gate, background, core = gated()
    tasks = await begin(core, gate, 0, response_format="b64_json")
    job = await Jobs(core).start(asked())
    gate.opened.set()
    first = await tasks[0]
    assert await job.wait(LONGEST)
    assert job.result is not None
    assert job.result.cache is JOINED
    assert job.images[0].stored == first.images[0].stored
    await background.drain(LONGEST)


async def test_images_that_cannot_be_stored_fail_a_job_and_no_other_request() -> None:
    _, gate, background, core = gated(store=MemoryStore(Expiry(None, SystemClock()), max_bytes=10))
    tasks = await begin(core, gate, 0)
    job = await Jobs(core).start(asked())
    gate.opened.set()
    assert (await tasks[0]).cache is MISS
    assert await job.wait(LONGEST)
    assert job.error is not None
    assert job.error.kind == "storage_error"
    assert (await core.run(asked())).cache is MISS
    await background.drain(LONGEST)


async def test_some_of_several_images_are_not_kept() -> None:
    def script(call: Any) -> bytes | Exception:
        return GatewayError("upstream_error", "it failed") if call.seed == 8 else plain(call)

    backend, gate, _, core = gated(script)
    gate.opened.set()
    for calls in (3, 6):
        result = await core.run(asked(n=3))
        assert (result.cache, len(result.images), len(backend.calls)) == (MISS, 2, calls)


async def test_an_expired_image_is_a_miss() -> None:
    clock = HandClock()
    backend, gate, _, core = gated(store=MemoryStore(Expiry(timedelta(hours=1), clock)))
    gate.opened.set()
    outcomes = []
    for minutes in (0, 40, 30, 20):
        clock.advance(minutes=minutes)
        outcomes.append((await core.run(asked())).cache)
    assert outcomes == [MISS, HIT, MISS, HIT]  # a hit prolongs nothing
    assert len(backend.calls) == 2


class BrokenIndex(MemoryStore):
    """Keeps images, and no answers."""

    async def put_answer(self, digest: str, text: str) -> None:
        raise GatewayError("storage_error", "the disk is full")

    async def find_answer(self, digest: str) -> str | None:
        raise GatewayError("storage_error", "the disk is gone")


async def test_a_failing_index_is_a_miss_with_a_warning_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    backend, gate, _, core = gated(store=BrokenIndex(Expiry(None, SystemClock())))
    gate.opened.set()
    results = [await core.run(asked()) for _ in range(2)]
    assert [(result.cache, result.warnings) for result in results] == [(MISS, ())] * 2
    assert len(backend.calls) == 2
    logged = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(logged) == 4
    assert "the disk is gone" in logged[0]
    assert "the disk is full" in logged[1]


class HeldIndex(MemoryStore):
    """Finds answers while ``opened`` is set."""

    def __init__(self) -> None:
        super().__init__(Expiry(None, SystemClock()))
        self.opened = asyncio.Event()
        self.opened.set()
        self.looked = 0

    async def find_answer(self, digest: str) -> str | None:
        self.looked += 1
        await self.opened.wait()
        return await super().find_answer(digest)


async def waiting(*requests: Coroutine[Any, Any, Any]) -> list[asyncio.Task[Any]]:
    """Begins one request after another, until all of them wait."""
    tasks = []
    for request in requests:
        tasks.append(asyncio.create_task(request))
        for _ in range(20):
            await asyncio.sleep(0)
    return tasks


async def test_what_is_found_for_one_is_a_hit_for_all_with_the_bytes_that_they_need() -> None:
    store = HeldIndex()
    _, gate, _, core = gated(store=store)
    gate.opened.set()
    made = await core.run(asked())
    store.opened.clear()
    requests = [
        asked(),
        asked(response_format="b64_json"),
        asked(stream=True),
        asked().replace(inline=True),
        asked(response_format="url"),
    ]
    tasks = await waiting(*map(core.prepare, requests))
    store.looked = 0
    store.opened.set()
    prepared = await asyncio.gather(*tasks)
    assert store.looked == 1  # for all those that need the bytes; the first one's URL needs none
    assert [each.claim and each.claim.outcome for each in prepared] == [HIT] * 5
    for stored in await store.list():
        await store.delete(stored.key)
    results = [await core.carry_out(each) for each in prepared]
    assert [result.cache for result in results] == [HIT] * 5
    assert [result.response_format for result in results] == ["url", "b64_json", "url", "url", "url"]
    kept = await made.images[0].image.payload.read()
    assert [await result.images[0].image.payload.read() for result in results[1:4]] == [kept] * 3


async def test_a_request_that_is_refused_is_so_for_those_that_wait_before_their_answers_begin() -> None:
    store = HeldIndex()
    backend, _, _, core = gated(store=store)
    core.limiter = Limiter(LocalCounters(), SystemClock())
    access.set(Access("alice", quota=Quota(images_per_day=1)))
    store.opened.clear()
    tasks = await waiting(*(core.prepare(asked(n=2, stream=stream)) for stream in (False, True)))
    store.opened.set()
    errors = await asyncio.gather(*tasks, return_exceptions=True)
    assert [getattr(error, "kind", error) for error in errors] == ["insufficient_quota"] * 2
    assert store.looked == 1
    assert backend.calls == []
    assert core._cache is not None
    assert core._cache._runs == {}


@pytest.mark.parametrize("leaves", [0, 1])
async def test_a_request_that_leaves_while_the_store_is_asked_leaves_the_others_waiting(leaves: int) -> None:
    store = HeldIndex()
    backend, gate, background, core = gated(store=store)
    limiter = core.limiter = Limiter(LocalCounters(), SystemClock())
    access.set(key := Access("alice", quota=Quota(images_per_day=10)))
    gate.opened.set()
    store.opened.clear()
    tasks = await waiting(*(core.run(asked()) for _ in range(3)))
    tasks.pop(leaves).cancel()
    store.opened.set()
    results = await asyncio.gather(*tasks)
    assert [result.cache for result in results] == [MISS, JOINED]
    assert len(backend.calls) == 1
    assert await background.drain(LONGEST) == 0
    assert (await limiter.used(key))["images"] == (1, 10)
    assert core._cache is not None
    assert core._cache._runs == {}


async def test_a_request_that_joined_and_was_cancelled_takes_no_place() -> None:
    backend, gate, background, core = gated()
    gate.opened.set()
    left = await core.prepare(asked())
    (joined,) = await waiting(core.run(asked()))
    joined.cancel()
    await asyncio.wait({joined})
    await core.release(left)
    assert await background.drain(LONGEST) == 0
    assert backend.calls == []
    assert list(core.recorder.metrics.requests.values()) == [1]


async def test_a_job_that_is_cancelled_while_it_takes_a_place_gives_back_what_it_reserved() -> None:
    backend, gate, background, core = gated()
    gate.opened.set()
    counters = SlowCounters()
    counters.answered.set()
    limiter = core.limiter = Limiter(counters, SystemClock())
    access.set(key := Access("alice", quota=Quota(images_per_day=10)))
    left = await core.prepare(asked())
    await counters.asked.acquire()
    jobs = Jobs(core)
    job = await jobs.start(asked())
    for _ in range(20):
        await asyncio.sleep(0)
    counters.answered.clear()
    await core.release(left)
    await counters.asked.acquire()
    assert (await limiter.used(key))["images"] == (1, 10)
    assert (await jobs.cancel(job.id)).state is JobState.CANCELLED
    counters.answered.set()
    assert await background.drain(60) == 0
    assert (await limiter.used(key))["images"] == (0, 10)
    assert backend.calls == []


async def test_a_request_that_takes_a_place_is_recorded_with_the_model_that_it_uses() -> None:
    """By then the service is known to refuse edits with the model asked for."""
    _, gate, _, core = gated(lambda _: GatewayError("content_policy_violation", "no"))
    gate.opened.set()
    image = base64.b64encode(png(noise(64, 64))).decode()
    edit = parse_request(Operation.EDIT, {**FIELDS, "image": image})
    left = await core.prepare(edit)
    (joined,) = await waiting(core.run(edit))
    core._refusals.add(left.plan.call.model, Operation.EDIT)
    await core.release(left)
    with pytest.raises(GatewayError, match="no"):
        await joined
    ((_, model, backend, status, _),) = core.recorder.metrics.requests
    assert (model, backend, status) == (NAMES.default_edit.id, "workers-ai", "400")


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"images": [{}], "result": {}}', '{"images": 3}', "[" * 100_000]
)
async def test_a_broken_record_is_a_miss(text: str, caplog: pytest.LogCaptureFixture) -> None:
    store = MemoryStore(Expiry(None, SystemClock()))
    backend, gate, _, core = gated(store=store)
    gate.opened.set()
    await core.run(asked())
    digest, (_, kept) = next(iter(store._answers.items()))
    assert json.loads(kept)["result"]["prompt"] == ""
    await store.put_answer(digest, text)
    assert (await core.run(asked())).cache is MISS
    assert "cannot be read" in caplog.text
    assert (await core.run(asked())).cache is HIT
    assert len(backend.calls) == 2


async def test_a_hit_and_a_join_cost_a_key_a_request_and_nothing_else() -> None:
    backend, gate, background, core = gated()
    limiter = core.limiter = Limiter(LocalCounters(), SystemClock())
    quota = Quota(requests_per_minute=8, images_per_day=1, neurons_per_day=1000.0)
    access.set(key := Access("alice", quota=quota))
    tasks = await begin(core, gate, 4)
    gate.opened.set()
    results = [*await asyncio.gather(*tasks), await core.run(asked())]
    assert [result.cache for result in results] == [MISS, JOINED, JOINED, JOINED, JOINED, HIT]
    used = {kind: value for kind, (value, _) in (await limiter.used(key)).items()}
    assert {kind: round(value) for kind, value in used.items()} == {"requests": 6, "images": 1, "neurons": 10}
    with pytest.raises(GatewayError) as caught:
        await core.run(asked(seed=8))
    assert caught.value.kind == "insufficient_quota"
    await core.run(asked())
    with pytest.raises(GatewayError) as caught:
        await core.run(asked())
    assert caught.value.kind == "rate_limit_exceeded"
    assert len(backend.calls) == 1
    await background.drain(LONGEST)


@pytest.mark.parametrize("steps", range(6))
async def test_a_request_that_is_cancelled_at_any_moment_gives_back_what_it_reserved(steps: int) -> None:
    backend, _, background, core = gated()
    backend.billed = False
    limiter = core.limiter = Limiter(LocalCounters(), SystemClock())
    access.set(key := Access("alice", quota=Quota(images_per_day=5)))
    request = asyncio.create_task(core.carry_out(await core.prepare(asked())))
    assert (await limiter.used(key))["images"] == (1, 5)
    for _ in range(1 + steps):
        await asyncio.sleep(0)
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    for _ in range(20):
        await asyncio.sleep(0)
    assert await background.drain(LONGEST) == 0
    assert (await limiter.used(key))["images"] == (0, 5)


@pytest.mark.parametrize("seed", range(8))
async def test_whoever_leaves_when_all_others_are_answered_and_nothing_is_left_behind(seed: int) -> None:
    """Requests for three different images begin, leave and fail at random moments."""
    random = Random(seed)
    made: list[int] = []

    def script(call: Call) -> bytes | Exception:
        if random.random() < 0.2:
            return GatewayError("upstream_error", "it failed")
        made.append(1)
        return plain(call)

    backend, gate, background, core = gated(script)
    backend.billed = bool(seed % 2)
    limiter = core.limiter = Limiter(LocalCounters(), SystemClock())
    access.set(key := Access("alice", quota=Quota(images_per_day=10_000)))

    async def one() -> ImageResult | None:
        prepared = await core.prepare(asked(seed=random.randrange(3), size="256x256"))
        if random.random() < 0.1:
            await core.release(prepared)
            return None
        return await (core.carry_out(prepared) if random.random() < 0.5 else core.make(prepared))

    tasks = []
    for _ in range(120):
        tasks.append(asyncio.create_task(one()))
        if random.random() < 0.3:
            random.choice(tasks).cancel()
        random.choice((gate.opened.set, gate.opened.clear))()
        for _ in range(random.randrange(4)):
            await asyncio.sleep(0)
        if random.random() < 0.2:
            for stored in await core.store.list():
                await core.store.delete(stored.key)
    gate.opened.set()
    outcomes = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), LONGEST)
    assert {type(outcome).__name__ for outcome in outcomes} <= {
        "ImageResult",
        "GatewayError",
        "CancelledError",
        "NoneType",
    }
    assert sum(getattr(outcome, "cache", None) is MISS for outcome in outcomes) > 0
    await background.drain(LONGEST)
    assert core._cache is not None
    assert core._cache._runs == {}
    assert (await limiter.used(key))["images"][0] == len(made)


async def test_what_a_key_may_not_do_is_refused_in_spite_of_a_hit() -> None:
    _, gate, _, core = gated()
    gate.opened.set()
    access.set(Access("alice"))
    await core.run(asked())
    access.set(Access("alice", models=("flux-1-*",)))
    with pytest.raises(GatewayError) as caught:
        await core.run(asked())
    assert caught.value.kind == "not_allowed"
    access.set(Access("bob"))
    assert (await core.run(asked())).cache is MISS
    access.set(Access("alice"))
    assert (await core.run(asked())).cache is HIT
