"""Background jobs: image requests that run on after the call that started them, looked up by id.

An MCP host gives up on a call after about a minute, so the MCP server starts a job, waits for a while and returns the
id. Each image is stored as soon as it is finished, so that a finished job keeps little in memory.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from cloudflare_image_mcp.core.access import access
from cloudflare_image_mcp.core.stored_payload import StoredPayload
from cloudflare_image_mcp.errors import GatewayError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from cloudflare_image_mcp.catalog import Model
    from cloudflare_image_mcp.core.gateway import Gateway
    from cloudflare_image_mcp.core.request import ImageRequest
    from cloudflare_image_mcp.core.result import ImageResult, ResultImage

_log = logging.getLogger(__name__)

MAX_RUNNING: Final = 64
"""Jobs that run at once; one more is refused with 503."""
MAX_FINISHED: Final = 4096
"""Finished jobs that are kept; the one that finished first is removed first."""
KEEP_SECONDS: Final = 3600.0
"""How long a finished job is kept. Its images stay in the store for as long as the store keeps them."""
RECENT_BYTES: Final = 64 * 1024 * 1024
"""Total size of the images of finished jobs kept in memory, the newest first; older ones are read from the store."""


class JobState(StrEnum):
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(slots=True, eq=False, weakref_slot=True)
class Job:
    """One background request and its state. Only ``Jobs`` changes it."""

    id: str
    request: ImageRequest
    """Without its input images once the job has ended: they may be 25 MiB each."""
    model: Model
    """The requested model; ``result`` names the one that ran."""
    created: datetime
    began: float
    """Monotonic clock, in seconds; ``ended`` too."""
    owner: str = ""
    """Who started it (a digest of the API key); nobody else finds it. Empty where there are no keys."""
    state: JobState = JobState.RUNNING
    images: tuple[ResultImage, ...] = ()
    """The finished images so far; in the order of the request once the job is completed."""
    result: ImageResult | None = None
    error: GatewayError | None = None
    ended: float | None = None
    changed: datetime | None = None
    over: asyncio.Event = field(default_factory=asyncio.Event, repr=False)
    poll: float | None = None
    """See ``Jobs``."""

    @property
    def is_over(self) -> bool:
        return self.state is not JobState.RUNNING

    async def wait(self, seconds: float) -> bool:
        """Waits up to ``seconds`` for the job to end and returns whether it has. A timeout does not stop the job."""
        if self.poll is not None:
            while not self.is_over and seconds > 0:
                await asyncio.sleep(min(self.poll, seconds))
                seconds -= self.poll
            return self.is_over
        try:
            await asyncio.wait_for(self.over.wait(), max(0.0, seconds))
        except TimeoutError:
            return self.is_over
        return True


class Jobs:
    """The jobs of one process over one gateway."""

    def __init__(self, gateway: Gateway, *, poll: float | None = None) -> None:
        """``poll``: interval in seconds at which ``Job.wait`` checks the state. None waits for an event instead. A
        Worker needs polling, because its runtime forbids one request to wake another.
        """
        self._gateway = gateway
        self._poll = poll
        self._jobs: dict[str, Job] = {}
        self._work: dict[str, asyncio.Future[ImageResult]] = {}

    def start(self, request: ImageRequest) -> Job:
        """Starts the request and returns at once. The images are always stored.

        Raises ``GatewayError`` when the model does not exist (404) or too many jobs run (503). Any other error of
        the request becomes the job's error.
        """
        self._forget()
        if len(self._work) >= MAX_RUNNING:
            raise GatewayError("overloaded", f"{MAX_RUNNING} jobs are running already", retry_after=10)
        gateway = self._gateway
        job = Job(
            id=gateway.ids.name(),
            request=request.replace(response_format="url", stream=False),
            model=gateway.options.names.resolve(request.model, request.operation),
            created=gateway.clock.now(),
            began=gateway.clock.monotonic(),
            owner=access.get().name,
            poll=self._poll,
        )
        self._jobs[job.id] = job
        work = self._work[job.id] = asyncio.ensure_future(self._run(job))
        gateway.defer(self._settle(job, work))
        return job

    def find(self, job_id: str) -> Job:
        """Returns the job. Raises ``GatewayError`` (404) when it does not exist, belongs to somebody else or is no
        longer kept.
        """
        job = self._jobs.get(job_id)
        if job is None or not access.get().sees(job.owner):
            raise GatewayError(
                "not_found",
                f"there is no job {job_id[:40]!r}: it never was, or ended over {KEEP_SECONDS / 60:.0f} minutes ago "
                "(its images may still be stored)",
                param="job_id",
            )
        return job

    async def cancel(self, job_id: str) -> Job:
        """Stops a running job; an ended job does not change. Finished images stay stored. Raises like ``find``."""
        job = self.find(job_id)
        if job_id in self._work:
            self._work[job_id].cancel()
            await job.wait(5)
        return job

    async def _run(self, job: Job) -> ImageResult:
        prepared = await self._gateway.prepare(job.request)

        def add_image(image: ResultImage) -> None:
            job.images = (*job.images, image)
            job.changed = self._gateway.clock.now()

        return await self._gateway.carry_out(prepared, on_image=add_image)

    async def _settle(self, job: Job, work: asyncio.Future[ImageResult]) -> None:
        """Waits for the request to end and records its result, error or cancellation."""
        try:
            job.result = await work
            job.images = job.result.images
            job.state = JobState.COMPLETED
        except asyncio.CancelledError:
            job.state = JobState.CANCELLED
        except GatewayError as error:
            job.state, job.error = JobState.FAILED, _without_traceback(error)
        except Exception as error:
            _log.exception("job %s failed unexpectedly", job.id)
            job.state = JobState.FAILED
            job.error = GatewayError(
                "internal_error", f"something went wrong inside the gateway ({type(error).__name__})"
            )
        del self._work[job.id]
        job.request = job.request.replace(images=(), mask=None)
        job.ended = self._gateway.clock.monotonic()
        job.changed = self._gateway.clock.now()
        job.over.set()
        self._trim()

    def _finished(self) -> Iterator[Job]:
        """Ended jobs, the latest first."""
        return iter(sorted((job for job in self._jobs.values() if job.is_over), key=lambda job: -(job.ended or 0)))

    def _forget(self) -> None:
        oldest = self._gateway.clock.monotonic() - KEEP_SECONDS
        for index, job in enumerate(self._finished()):
            if index >= MAX_FINISHED or (job.ended or 0) < oldest:
                del self._jobs[job.id]

    def _trim(self) -> None:
        """Drops the bytes of older images from memory; the store has them."""
        room = RECENT_BYTES
        for job in self._finished():
            room -= sum(image.image.payload.size for image in job.images)
            if room < 0:
                job.images = tuple(map(self._from_store, job.images))
                job.result = job.result and replace(job.result, images=job.images)

    def _from_store(self, image: ResultImage) -> ResultImage:
        if image.stored is None or isinstance(image.image.payload, StoredPayload):
            return image
        payload = StoredPayload(self._gateway.store, image.stored)
        return replace(image, image=replace(image.image, payload=payload))


def _without_traceback(error: GatewayError) -> GatewayError:
    """Copies the error without its traceback, which would keep the failed call's objects in memory."""
    return GatewayError(error.kind, error.message, param=error.param, retry_after=error.retry_after)
