"""Waiting for a job: the progress notifications meanwhile, with a clock and timers that the test controls."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cloudflare_image_mcp.assembly import assemble
from cloudflare_image_mcp.catalog import Operation, models
from cloudflare_image_mcp.core.job import Job, JobState
from cloudflare_image_mcp.core.jobs import Jobs
from cloudflare_image_mcp.core.request import ImageRequest
from cloudflare_image_mcp.mcp_server.endpoint import McpEndpoint
from cloudflare_image_mcp.mcp_server.tools import TICK, watch
from cloudflare_image_mcp.settings import Settings
from tests.mcp_server.backends import NoiseBackend

BEGUN = 1_000.0
EARLY = 0.001
"""Seconds by which a timer may fire before its time: the loop's clock is no finer than that on some systems."""


@dataclass
class Timers:
    """A clock that only waiting moves."""

    seconds: float = BEGUN

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds


@dataclass(eq=False)
class TimedJob(Job):
    """A job that is over at a time of the clock, and whose waits end a little early."""

    timers: Timers = field(kw_only=True)
    until: float = field(kw_only=True)

    async def wait(self, seconds: float) -> bool:
        self.timers.seconds += max(seconds - EARLY, seconds / 2)
        if self.timers.seconds >= self.until:
            self.state = JobState.COMPLETED
        return self.is_over


@dataclass
class Client:
    """Records the progress notifications."""

    reports: list[tuple[float, str]] = field(default_factory=list)

    async def report_progress(self, progress: float, total: float | None = None, message: str | None = None) -> None:
        self.reports.append((progress, message or ""))


async def watched(seconds: float, *, lasting: float, age: float = 0.0, n: int = 1) -> tuple[Job, list[Any], float]:
    """The job, the notifications, and the duration of the wait."""
    timers, client = Timers(), Client()
    job = TimedJob(
        id="job",
        request=ImageRequest(operation=Operation.GENERATE, prompt="x", n=n),
        model=models()["@cf/black-forest-labs/flux-1-schnell"],
        created=timers.now(),
        began=BEGUN - age,
        timers=timers,
        until=BEGUN + lasting,
    )
    gateway = assemble(Settings.read({"IMAGE_STORAGE_URL": "memory:"}), backend=NoiseBackend()).gateway
    gateway.clock = timers
    await watch(job, seconds, client.report_progress, McpEndpoint(gateway=gateway, jobs=Jobs(gateway)))
    return job, client.reports, timers.seconds - BEGUN


async def test_timers_that_fire_early_bring_no_burst_of_reports() -> None:
    job, reports, waited = await watched(5, lasting=60)
    assert not job.is_over
    assert [progress for progress, _ in reports] == [2.0, 4.0]
    assert waited == pytest.approx(5, abs=3 * EARLY)


@pytest.mark.parametrize("seconds", [2 * TICK, 40.0, 300.0])
async def test_reports_rise_and_no_silence_is_longer_than_a_tick(seconds: float) -> None:
    _, reports, waited = await watched(seconds, lasting=600)
    values = [0.0, *(progress for progress, _ in reports)]
    assert values == sorted(set(values))
    assert all(later - earlier <= TICK for earlier, later in zip(values, [*values[1:], waited], strict=True))


async def test_the_wait_ends_with_the_job() -> None:
    job, reports, waited = await watched(40, lasting=5)
    assert job.is_over
    assert waited < 5 + TICK
    assert len(reports) == 2


async def test_progress_counts_from_the_jobs_own_beginning() -> None:
    """``get_job`` goes on where ``run_model`` left off."""
    _, reports, _ = await watched(5, lasting=60, age=40, n=4)
    assert reports == [
        (42.0, "0 of 4 images made by flux-1-schnell, 42 s"),
        (44.0, "0 of 4 images made by flux-1-schnell, 44 s"),
    ]


@pytest.mark.parametrize(("seconds", "lasting"), [(0, 60), (40, 0)])
async def test_no_progress_is_sent_without_time_or_need(seconds: float, lasting: float) -> None:
    _, reports, _ = await watched(seconds, lasting=lasting)
    assert reports == []
