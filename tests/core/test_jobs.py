"""Jobs: they run on after their callers have gone, keep the finished images, and need little memory."""

from __future__ import annotations

import asyncio
import base64
import gc
import weakref
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from tests.mcp_server.backends import NoiseBackend, noise
from tests.waiting import LONGEST

from cloudflare_image_mcp.assembly import assemble
from cloudflare_image_mcp.catalog import Operation, Size
from cloudflare_image_mcp.core import jobs as module
from cloudflare_image_mcp.core.access import Access, access
from cloudflare_image_mcp.core.job import Job, JobState
from cloudflare_image_mcp.core.jobs import Jobs
from cloudflare_image_mcp.core.limiter import Limiter
from cloudflare_image_mcp.core.quota import Quota
from cloudflare_image_mcp.core.request import ImageRequest, ImageSource
from cloudflare_image_mcp.core.stored_payload import StoredPayload
from cloudflare_image_mcp.errors import GatewayError
from cloudflare_image_mcp.imagefile.payload import BytesPayload
from cloudflare_image_mcp.settings import Settings
from cloudflare_image_mcp.system import SystemClock
from cloudflare_image_mcp.usage.job_database import FILE_NAME, JobDatabase
from cloudflare_image_mcp.usage.local_counters import LocalCounters

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from cloudflare_image_mcp.core.job_records import JobRecord, JobRecords
    from cloudflare_image_mcp.core.ports import Call, OnPartial, Rendered
    from cloudflare_image_mcp.core.quota import Charge, Outcome


class Gated(NoiseBackend):
    """Each call waits for its turn; seeds in ``refused`` fail."""

    def __init__(self) -> None:
        self.turns = asyncio.Semaphore(0)
        self.begun = asyncio.Semaphore(0)
        self.refused: set[int | None] = set()
        self.calls = 0

    async def run(self, call: Call, on_partial: OnPartial | None = None) -> Rendered:
        self.calls += 1
        self.begun.release()
        await self.turns.acquire()
        if call.seed in self.refused:
            raise GatewayError("upstream_error", f"seed {call.seed} failed")
        return await super().run(call, on_partial)


class HeldRecords(JobDatabase):
    """Saves while ``opened`` is set."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.opened = asyncio.Event()
        self.opened.set()

    async def save(self, record: JobRecord) -> bool:
        await self.opened.wait()
        return await super().save(record)


class SlowCounters(LocalCounters):
    """As shared ones: what was asked of them is done, and the answer is on its way until ``answered``."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = asyncio.Semaphore(0)
        self.answered = asyncio.Event()

    async def reserve(self, charges: Sequence[Charge]) -> Outcome:
        outcome = await super().reserve(charges)
        self.asked.release()
        await self.answered.wait()
        return outcome


class SlowSettling(SlowCounters):
    """Answers reservations at once; adds only when ``answered``."""

    async def reserve(self, charges: Sequence[Charge]) -> Outcome:
        return await LocalCounters.reserve(self, charges)

    async def add(self, charges: Sequence[Charge]) -> None:
        if charges[0].amount < 0:
            self.asked.release()
            await self.answered.wait()
        await super().add(charges)


@asynccontextmanager
async def started(poll: float | None = None, records: JobRecords | None = None) -> AsyncIterator[tuple[Jobs, Gated]]:
    backend = Gated()
    assembly = assemble(Settings.read({"IMAGE_STORAGE_URL": "memory:"}), backend=backend)
    try:
        yield Jobs(assembly.gateway, records, poll=poll), backend
    finally:
        for _ in range(100):
            backend.turns.release()
        await assembly.aclose()
        if records is not None:
            await records.aclose()


async def first_image(job: Job) -> None:
    for _ in range(6000):
        if job.images:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("no image was finished within a minute")


def request(**fields: Any) -> ImageRequest:
    return ImageRequest(
        operation=Operation.GENERATE, **{"prompt": "x", "size": Size(256, 256), "seed": 1, "n": 1, **fields}
    )


@pytest.mark.parametrize("poll", [None, 0.02], ids=["woken", "looking again"])
async def test_a_job_goes_on_when_its_caller_does_not_wait(poll: float | None) -> None:
    async with started(poll) as (jobs, backend):
        job = await jobs.start(request(response_format="b64_json"))
        assert not await job.wait(0.05)
        assert not job.is_over
        waiter = asyncio.create_task(job.wait(LONGEST))
        await asyncio.sleep(0)
        waiter.cancel()
        backend.turns.release()
        assert await job.wait(LONGEST)
        assert job.state is JobState.COMPLETED
        assert job.images[0].stored is not None
        assert await jobs.find(job.id) is job
        assert backend.calls == 1


async def test_a_paid_image_that_is_finished_while_its_job_is_saved_as_cancelled_is_in_the_job(tmp_path: Path) -> None:
    records = HeldRecords(tmp_path)
    async with started(records=records) as (jobs, backend):
        backend.billed = True
        job = await jobs.start(request())
        await backend.begun.acquire()
        records.opened.clear()
        cancelling = asyncio.create_task(jobs.cancel(job.id))
        await asyncio.sleep(0.05)
        backend.turns.release()
        await first_image(job)
        assert not job.is_over
        records.opened.set()
        assert await cancelling is job
        assert (job.state, len(job.images)) == (JobState.CANCELLED, 1)
        await asyncio.sleep(0.05)
        again = await Jobs(jobs._gateway, records).find(job.id)
        assert (again.state, len(again.images)) == (JobState.CANCELLED, 1)


@pytest.mark.parametrize("counters", [SlowCounters, SlowSettling])
async def test_a_job_that_is_cancelled_while_counters_answer_gives_back_what_it_reserved(
    counters: type[SlowCounters],
) -> None:
    async with started() as (jobs, backend):
        backend.refused.add(1)
        backend.turns.release()
        slow = counters()
        limiter = jobs._gateway.limiter = Limiter(slow, SystemClock())
        access.set(caller := Access("alice", quota=Quota(images_per_day=10)))
        job = await jobs.start(request())
        await slow.asked.acquire()
        assert await limiter.used(caller) == {"images": (1, 10)}
        assert (await jobs.cancel(job.id)).state is JobState.CANCELLED
        slow.answered.set()
        for _ in range(20):
            await asyncio.sleep(0)
        assert await limiter.used(caller) == {"images": (0, 10)}


async def test_a_job_whose_work_stood_still_in_a_worker_is_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The runtime of a Worker ends what a request began, and tells nobody; on a server nothing does."""
    for poll, state in ((0.02, JobState.FAILED), (None, JobState.RUNNING)):
        async with started(poll) as (jobs, backend):
            job = await jobs.start(request())
            await backend.begun.acquire()
            monkeypatch.setattr(module, "LEASE_SECONDS", -1.0)
            found = await jobs.find(job.id)
            assert found.state is state
            assert (found.error is not None and found.error.kind == "interrupted") is (state is JobState.FAILED)
            backend.turns.release()  # it was only late: what it made counts
            await asyncio.wait_for(job.over.wait(), LONGEST)
            assert (job.state, job.error) == (JobState.COMPLETED, None)


async def test_images_are_seen_as_they_are_made_and_in_order_at_the_end() -> None:
    async with started() as (jobs, backend):
        job = await jobs.start(request(n=3))
        backend.turns.release()
        await first_image(job)
        assert len(job.images) == 1
        assert not job.is_over
        for _ in range(2):
            backend.turns.release()
        assert await job.wait(LONGEST)
        assert [image.seed for image in job.images] == [1, 2, 3]


async def test_cancelling_keeps_what_was_result_of() -> None:
    async with started() as (jobs, backend):
        job = await jobs.start(request(n=2))
        backend.turns.release()
        await first_image(job)
        await jobs.cancel(job.id)
        assert job.state is JobState.CANCELLED
        assert len(job.images) == 1
        assert job.images[0].stored is not None
        await jobs.cancel(job.id)


async def test_a_billed_call_is_finished_and_stored_when_its_job_is_cancelled() -> None:
    async with started() as (jobs, backend):
        backend.billed = True
        job = await jobs.start(request(n=2))
        await backend.begun.acquire()
        await backend.begun.acquire()
        await jobs.cancel(job.id)
        assert (job.state, job.images) == (JobState.CANCELLED, ())
        backend.turns.release()
        await first_image(job)
        assert job.images[0].stored is not None
        assert await jobs._gateway.store.find(job.images[0].stored.key) is not None


@pytest.mark.parametrize("billed", [False, True])
async def test_a_cancelled_job_counts_what_it_spent(billed: bool) -> None:
    """Of three images one is finished before. Billed calls go on: one more image is made, and one call fails."""
    async with started() as (jobs, backend):
        backend.billed = billed
        backend.refused = {3}
        limiter = jobs._gateway.limiter = Limiter(LocalCounters(), SystemClock())
        caller = Access("alice", quota=Quota(images_per_day=10))
        access.set(caller)
        job = await jobs.start(request(n=3))
        for _ in range(3):
            await backend.begun.acquire()
        assert await limiter.used(caller) == {"images": (3, 10)}
        backend.turns.release()
        await first_image(job)
        await jobs.cancel(job.id)
        for _ in range(2):
            backend.turns.release()
        wanted = 2 if billed else 1
        for _ in range(6000):
            if (await limiter.used(caller))["images"] == (wanted, 10):
                break
            await asyncio.sleep(0.01)
        assert await limiter.used(caller) == {"images": (wanted, 10)}
        assert len(job.images) == wanted
        assert jobs._gateway.recorder.metrics.images.total() == wanted


async def test_a_job_that_is_cancelled_before_its_turn_gives_back_what_was_reserved(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_RUNNING", 1)
    async with started() as (jobs, _):
        gateway = jobs._gateway
        limiter = gateway.limiter = Limiter(LocalCounters(), SystemClock())
        caller = Access("alice", quota=Quota(images_per_day=10))
        access.set(caller)
        _, waiting = [await jobs.start(wanted, await gateway.prepare(wanted)) for wanted in (request(), request(n=2))]
        assert await limiter.used(caller) == {"images": (3, 10)}
        await jobs.cancel(waiting.id)
        assert waiting.is_over
        assert await limiter.used(caller) == {"images": (1, 10)}


async def test_jobs_beyond_the_limit_wait_for_their_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_RUNNING", 2)
    async with started() as (jobs, backend):
        begun = [await jobs.start(request(seed=seed)) for seed in range(5)]
        await jobs.cancel(begun[4].id)
        for _ in begun:
            backend.turns.release()
            await asyncio.sleep(0.01)
            assert backend.calls <= 4
        for job in begun[:4]:
            assert await job.wait(LONGEST)
            assert job.state is JobState.COMPLETED
        assert begun[4].state is JobState.CANCELLED
        assert await jobs.own() == begun[::-1]


async def test_what_goes_wrong_is_the_jobs_error() -> None:
    async with started() as (jobs, backend):
        backend.refused = {1}
        backend.turns.release()
        failed = await jobs.start(request())
        wrong = await jobs.start(request(steps=99))
        assert await failed.wait(LONGEST)
        assert await wrong.wait(LONGEST)
        assert failed.state is wrong.state is JobState.FAILED
        assert failed.error is not None
        assert failed.error.kind == "upstream_error"
        assert wrong.error is not None
        assert wrong.error.param == "steps"
        assert backend.calls == 1
        with pytest.raises(GatewayError, match="does not exist"):
            await jobs.start(request(model="flux-9"))


async def test_older_images_are_read_from_the_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RECENT_BYTES", 300_000)
    async with started() as (jobs, backend):
        done = []
        for seed in range(3):
            backend.turns.release()
            job = await jobs.start(request(seed=seed))
            assert await job.wait(LONGEST)
            done.append((job, await job.images[0].image.payload.read()))
        kinds = [type(job.images[0].image.payload) for job, _ in done]
        assert kinds[0] is StoredPayload
        assert kinds[2] is not StoredPayload
        for job, data in done:
            assert await job.images[0].image.payload.read() == data
            assert job.result is not None
            assert await job.result.images[0].image.payload.read() == data


class Held(str):
    """Text that supports weak references, to see whether it was freed."""

    __slots__ = ("__weakref__",)


@pytest.mark.parametrize("refused", [set(), {1}])
async def test_a_job_that_is_over_lets_go_of_its_input_images(refused: set[int | None]) -> None:
    """They may be 25 MiB each; the job itself is remembered for an hour, with its error if it failed."""
    picture = base64.b64encode(noise(Size(256, 256), 1)).decode()
    texts = [Held(f"data:image/png;base64,{picture}") for _ in range(2)]
    references = [weakref.ref(text) for text in texts]
    async with started() as (jobs, backend):
        backend.refused = refused
        backend.turns.release()
        edit = ImageRequest(
            operation=Operation.EDIT,
            prompt="x",
            model="flux-2-klein-4b",
            seed=1,
            images=(ImageSource("image", texts.pop()),),
            mask=ImageSource("mask", texts.pop()),
        )
        job = await jobs.start(edit)
        del edit
        assert await job.wait(LONGEST)
        assert job.state is (JobState.FAILED if refused else JobState.COMPLETED)
        assert (job.request.prompt, job.request.n) == ("x", 1)
        gc.collect()
        assert [reference() for reference in references] == [None, None]
        if job.error is not None:
            assert (job.error.kind, job.error.message) == ("upstream_error", "seed 1 failed")


async def test_old_jobs_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_FINISHED", 2)
    async with started() as (jobs, backend):
        ids = []
        for seed in range(4):
            backend.turns.release()
            job = await jobs.start(request(seed=seed))
            assert await job.wait(LONGEST)
            ids.append(job.id)
        with pytest.raises(GatewayError, match="there is no job") as caught:
            await jobs.find(ids[0])
        assert caught.value.row.status == 404
        assert (await jobs.find(ids[3])).images


@pytest.mark.parametrize("readable", [True, False])
async def test_jobs_with_a_record_leave_the_memory(
    readable: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And stay in it where the database cannot be used."""
    monkeypatch.setattr(module, "MAX_IN_MEMORY", 2)
    if not readable:
        (tmp_path / FILE_NAME).mkdir()
    async with started(records=JobDatabase(tmp_path)) as (jobs, backend):
        done = []
        for seed in range(5):
            backend.turns.release()
            job = await jobs.start(request(seed=seed))
            assert await job.wait(LONGEST)
            done.append((job.id, await job.images[0].image.payload.read()))
        assert len(jobs._jobs) == (3 if readable else 5)
        for job_id, data in done:
            found = await jobs.find(job_id)
            assert found.state is JobState.COMPLETED
            assert await found.images[0].image.payload.read() == data
        newest_first = [job_id for job_id, _ in reversed(done)]
        assert [job.id for job in await jobs.own()] == newest_first
        assert [job.id for job in await jobs.own(4)] == newest_first[:4]


async def test_a_stored_payload_reads_like_any() -> None:
    async with started() as (jobs, backend):
        backend.turns.release()
        job = await jobs.start(request())
        assert await job.wait(LONGEST)
        stored = job.images[0].stored
        assert stored is not None
        store = jobs._gateway.store
        payload, whole = StoredPayload(store, stored), await job.images[0].image.payload.read()
        other = BytesPayload(whole)
        assert payload.size == len(whole)
        assert await payload.slice(5, 50) == whole[5:50]
        assert b"".join([chunk async for chunk in payload.chunks()]) == whole
        encoded = [b"".join([chunk async for chunk in each.base64_chunks()]) for each in (payload, other)]
        assert encoded[0] == encoded[1]
