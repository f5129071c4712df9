"""Work that outlives the request that asked for it: started, watched, cancelled and looked up by id.

A door that may lose its caller (an MCP host gives up after a minute) starts a job, waits for a while, and hands out
the id. The images are stored as they are finished, so that a job keeps little once it is over.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

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
"""Jobs under way at once; one more is refused (503)."""
MAX_FINISHED: Final = 4096
"""Finished jobs that are remembered; the one that finished first is forgotten first."""
KEEP_SECONDS: Final = 3600.0
"""How long a finished job is remembered. Its images live in the store, for as long as the store keeps them."""
RECENT_BYTES: Final = 64 * 1024 * 1024
"""Images of finished jobs held in memory, the newest first; the others are read from the store."""


class JobState(StrEnum):
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(slots=True, eq=False, weakref_slot=True)
class Job:
    """One request under way or over. Read it freely; only ``Jobs`` changes it."""

    id: str
    request: ImageRequest
    """Without its input images once the job is over: they may be 25 MiB each."""
    model: Model
    """What was asked for; ``result`` says what really ran."""
    created: datetime
    began: float
    """By the monotonic clock, in seconds; so is ``ended``."""
    state: JobState = JobState.RUNNING
    images: tuple[ResultImage, ...] = ()
    """Those that are finished so far; in order once the job is completed."""
    result: ImageResult | None = None
    error: GatewayError | None = None
    ended: float | None = None
    changed: datetime | None = None
    over: asyncio.Event = field(default_factory=asyncio.Event, repr=False)
    poll: float | None = None
    """As ``Jobs``."""

    @property
    def is_over(self) -> bool:
        return self.state is not JobState.RUNNING

    async def wait(self, seconds: float) -> bool:
        """Whether the job was over within so many seconds. Giving up waiting does nothing to the job."""
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
        """``poll``: seconds after which somebody who waits for a job looks again. None: the job wakes them, which a
        Worker must not do, where a request may only be woken by what it began itself.
        """
        self._gateway = gateway
        self._poll = poll
        self._jobs: dict[str, Job] = {}
        self._work: dict[str, asyncio.Future[ImageResult]] = {}

    def start(self, request: ImageRequest) -> Job:
        """Begins the work and returns at once. The images will be stored, whatever the request says.

        Raises ``GatewayError`` when no such model exists (404) or too much is under way (503); what else is wrong
        with the request becomes the job's error.
        """
        self._forget()
        if len(self._work) >= MAX_RUNNING:
            raise GatewayError("overloaded", f"{MAX_RUNNING} jobs are under way already", retry_after=10)
        gateway = self._gateway
        job = Job(
            id=gateway.ids.name(),
            request=replace(request, response_format="url", stream=False),
            model=gateway.options.names.resolve(request.model, request.operation),
            created=gateway.clock.now(),
            began=gateway.clock.monotonic(),
            poll=self._poll,
        )
        self._jobs[job.id] = job
        work = self._work[job.id] = asyncio.ensure_future(self._carry_out(job))
        gateway.defer(self._settle(job, work))
        return job

    def find(self, job_id: str) -> Job:
        """Raises ``GatewayError`` (404) when there is none, or it was forgotten."""
        job = self._jobs.get(job_id)
        if job is None:
            raise GatewayError(
                "not_found",
                f"there is no job {job_id[:40]!r}: it never was, or ended over {KEEP_SECONDS / 60:.0f} minutes ago "
                "(its images may still be stored)",
                param="job_id",
            )
        return job

    async def cancel(self, job_id: str) -> Job:
        """Stops a job; one that is over stays as it is. The images that were finished stay stored. Raises as
        ``find``.
        """
        job = self.find(job_id)
        if job_id in self._work:
            self._work[job_id].cancel()
            await job.wait(5)
        return job

    async def _carry_out(self, job: Job) -> ImageResult:
        prepared = await self._gateway.prepare(job.request)

        def note(image: ResultImage) -> None:
            job.images = (*job.images, image)
            job.changed = self._gateway.clock.now()

        return await self._gateway.carry_out(prepared, on_image=note)

    async def _settle(self, job: Job, work: asyncio.Future[ImageResult]) -> None:
        """Waits for the work, whatever becomes of it, and writes down what did."""
        try:
            job.result = await work
            job.images = job.result.images
            job.state = JobState.COMPLETED
        except asyncio.CancelledError:
            job.state = JobState.CANCELLED
        except GatewayError as error:
            job.state, job.error = JobState.FAILED, _alone(error)
        except Exception as error:
            _log.exception("job %s failed unexpectedly", job.id)
            job.state = JobState.FAILED
            job.error = GatewayError(
                "internal_error", f"something went wrong inside the gateway ({type(error).__name__})"
            )
        del self._work[job.id]
        job.request = replace(job.request, images=(), mask=None)
        job.ended = self._gateway.clock.monotonic()
        job.changed = self._gateway.clock.now()
        job.over.set()
        self._trim()

    def _finished(self) -> Iterator[Job]:
        """The last to end first."""
        return iter(sorted((job for job in self._jobs.values() if job.is_over), key=lambda job: -(job.ended or 0)))

    def _forget(self) -> None:
        oldest = self._gateway.clock.monotonic() - KEEP_SECONDS
        for index, job in enumerate(self._finished()):
            if index >= MAX_FINISHED or (job.ended or 0) < oldest:
                del self._jobs[job.id]

    def _trim(self) -> None:
        """Lets go of the bytes of older images: the store has them."""
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


def _alone(error: GatewayError) -> GatewayError:
    """The same without its traceback, which holds on to all that the failed call had in hand."""
    return GatewayError(error.kind, error.message, param=error.param, retry_after=error.retry_after)
