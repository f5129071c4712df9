"""Jobs and streams of a few identical requests that are cancelled at random moments, while stores and counters answer
as slowly as shared ones: nothing stays reserved, joined or running.
"""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from tests.core.test_gateway import plain
from tests.core.test_image_cache import asked, gated
from tests.waiting import LONGEST

from cloudflare_image_mcp.core.access import Access, access
from cloudflare_image_mcp.core.jobs import Jobs
from cloudflare_image_mcp.core.limiter import Limiter
from cloudflare_image_mcp.core.quota import Quota
from cloudflare_image_mcp.core.result import CacheOutcome
from cloudflare_image_mcp.errors import GatewayError
from cloudflare_image_mcp.storage.memory import MemoryStore
from cloudflare_image_mcp.storage.record import Expiry
from cloudflare_image_mcp.system import SystemClock
from cloudflare_image_mcp.usage.local_counters import LocalCounters

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudflare_image_mcp.core.gateway import Gateway
    from cloudflare_image_mcp.core.job import Job
    from cloudflare_image_mcp.core.ports import Call, StoredImage
    from cloudflare_image_mcp.core.quota import Charge, Outcome


async def pause(random: Random) -> None:
    for _ in range(random.randrange(4)):
        await asyncio.sleep(0)


class SlowCounters(LocalCounters):
    def __init__(self, random: Random) -> None:
        super().__init__()
        self._random = random

    async def reserve(self, charges: Sequence[Charge]) -> Outcome:
        await pause(self._random)
        outcome = await LocalCounters.reserve(self, charges)
        await pause(self._random)
        return outcome

    async def add(self, charges: Sequence[Charge]) -> None:
        await pause(self._random)
        await LocalCounters.add(self, charges)


class SlowStore(MemoryStore):
    def __init__(self, random: Random) -> None:
        super().__init__(Expiry(None, SystemClock()))
        self._random = random

    async def find_answer(self, digest: str) -> str | None:
        await pause(self._random)
        return await super().find_answer(digest)

    async def put_answer(self, digest: str, text: str) -> None:
        await pause(self._random)
        await super().put_answer(digest, text)

    async def find(self, key: str) -> StoredImage | None:
        await pause(self._random)
        return await super().find(key)


async def stream(core: Gateway, random: Random) -> None:
    """As the REST API streams: the claim is said before the images are made, and the client may leave."""
    prepared = await core.prepare(asked(seed=random.randrange(3), stream=True))
    assert prepared.claim is not None
    work = asyncio.create_task(core.make(prepared))
    try:
        await pause(random)
        if random.random() < 0.5:
            work.cancel()
        result = await work
        assert result.cache == prepared.claim.outcome or prepared.claim.outcome is CacheOutcome.JOINED
        assert await result.images[0].image.payload.read()
    except (GatewayError, asyncio.CancelledError):
        pass
    finally:
        await core.release(prepared)


@pytest.mark.parametrize("seed", range(60))
async def test_what_is_reserved_is_what_was_made(seed: int) -> None:
    random, made = Random(seed), [0]

    def script(call: Call) -> bytes | Exception:
        if random.random() < 0.2:
            return GatewayError("upstream_error", "it failed")
        made[0] += 1
        return plain(call)

    backend, gate, background, core = gated(script, store=SlowStore(random))
    backend.billed = bool(seed % 4)
    limiter = core.limiter = Limiter(SlowCounters(random), SystemClock())
    access.set(key := Access("alice", quota=Quota(images_per_day=10_000)))
    jobs = Jobs(core)
    started: list[Job] = []
    tasks: list[asyncio.Task[Any]] = []
    for _ in range(80):
        if random.random() < 0.5:
            started.append(await jobs.start(asked(seed=random.randrange(3))))
        else:
            tasks.append(asyncio.create_task(stream(core, random)))
        if started and random.random() < 0.4:
            tasks.append(asyncio.create_task(jobs.cancel(random.choice(started).id)))
        random.choice((gate.opened.set, gate.opened.clear))()
        await pause(random)
        if random.random() < 0.1:
            for stored in await core.store.list():
                await core.store.delete(stored.key)
    gate.opened.set()
    await asyncio.wait_for(asyncio.gather(*tasks), LONGEST)
    for job in started:
        assert await job.wait(LONGEST)
    assert await background.drain(LONGEST) == 0
    await limiter.aclose()
    assert core._cache is not None
    assert core._cache._runs == {}
    assert core.recorder.metrics.images_in_flight == 0
    used = (await limiter.used(key))["images"][0]
    assert core.recorder.metrics.images.total() == used
    # An image that is not billed is dropped where its run is cancelled.
    assert used == made[0] if backend.billed else used <= made[0]
