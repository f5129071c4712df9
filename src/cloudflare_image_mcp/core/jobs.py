"""Background jobs: image requests that run on after the call that started them, looked up by id.

The REST API starts one where the caller asks for it. An MCP host gives up on a call after about a minute, so the MCP
server always starts a job, waits for a while and returns the id. Each image is stored as soon as it is finished, so
that a finished job keeps little in memory.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from cloudflare_image_mcp.core.access import access
from cloudflare_image_mcp.core.job import Job, JobState, copied
from cloudflare_image_mcp.core.stored_payload import StoredPayload
from cloudflare_image_mcp.errors import GatewayError
from cloudflare_image_mcp.request_context import is_cancelled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cloudflare_image_mcp.core.gateway import Gateway, Prepared
    from cloudflare_image_mcp.core.request import ImageRequest
    from cloudflare_image_mcp.core.result import ImageResult, ResultImage

_log = logging.getLogger(__name__)

MAX_UNFINISHED: Final = 256
"""Jobs that run or wait for their turn; one more is refused with 503."""
MAX_RUNNING: Final = 64
"""Jobs that run at once. In a Worker no job waits for its turn, and one more is refused."""
MAX_FINISHED: Final = 4096
"""Finished jobs that are kept; the one that finished first is removed first."""
KEEP_SECONDS: Final = 3600.0
"""How long a finished job is kept. Its images stay in the store for as long as the store keeps them."""
RECENT_BYTES: Final = 64 * 1024 * 1024
"""Total size of the images of finished jobs kept in memory, the newest first; older ones are read from the store."""


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
        self._most = MAX_UNFINISHED if poll is None else MAX_RUNNING
        self._turns = asyncio.Semaphore(MAX_RUNNING) if poll is None else nullcontext()

    def start(self, request: ImageRequest, prepared: Prepared | None = None, *, held: int = 0) -> Job:
        """Starts the request and returns at once. The images are always stored.

        ``prepared``: the request after ``Gateway.prepare``, where the caller is to get its errors at once. ``held``:
        bytes of its input images that count in the gateway's budget, and count no more once the job has ended.
        Raises ``GatewayError`` when the model does not exist (404) or there are too many jobs (503). Any other error
        of the request becomes the job's error.
        """
        self._forget()
        if len(self._work) >= self._most:
            raise GatewayError("overloaded", f"{self._most} jobs are running already", retry_after=10)
        gateway = self._gateway
        job = Job(
            id=gateway.ids.name(),
            request=_stored(request),
            model=gateway.options.names.resolve(request.model, request.operation),
            created=gateway.clock.now(),
            began=gateway.clock.monotonic(),
            owner=access.get().name,
            response_format=gateway.response_format(request),
            poll=self._poll,
        )
        self._jobs[job.id] = job
        work = self._work[job.id] = asyncio.ensure_future(self._run(job, prepared))
        gateway.defer(self._settle(job, work, held))
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

    def own(self) -> list[Job]:
        """The jobs that the caller may see, the newest first."""
        self._forget()
        found = [job for job in self._jobs.values() if access.get().sees(job.owner)]
        return sorted(found, key=lambda job: job.created, reverse=True)

    async def cancel(self, job_id: str) -> Job:
        """Stops a running job; an ended job does not change. Finished images stay stored, and so do those that are
        paid for: they are added to the cancelled job when they are finished. Raises like ``find``.
        """
        job = self.find(job_id)
        if job_id in self._work:
            job.cancelled = True
            self._work[job_id].cancel()
            await job.wait(5)
        return job

    async def _run(self, job: Job, prepared: Prepared | None) -> ImageResult:
        is_cancelled.set(lambda: job.cancelled)

        def add_image(image: ResultImage) -> None:
            job.images = (*job.images, image)
            job.changed = self._gateway.clock.now()

        async with self._turns:
            ready = prepared or await self._gateway.prepare(job.request)
            ready = replace(ready, request=_stored(ready.request))
            return await self._gateway.carry_out(ready, on_image=add_image)

    async def _settle(self, job: Job, work: asyncio.Future[ImageResult], held: int) -> None:
        """Waits for the request to end and records its result, error or cancellation."""
        try:
            job.result = await work
            job.images = job.result.images
            job.state = JobState.COMPLETED
        except asyncio.CancelledError:
            job.state = JobState.CANCELLED
        except GatewayError as error:
            job.state, job.error = JobState.FAILED, copied(error)
        except Exception as error:
            _log.exception("job %s failed unexpectedly", job.id)
            job.state = JobState.FAILED
            job.error = GatewayError(
                "internal_error", f"something went wrong inside the gateway ({type(error).__name__})"
            )
        del self._work[job.id]
        job.request = job.request.replace(images=(), mask=None)
        self._gateway.budget.give_back(held)
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


def _stored(request: ImageRequest) -> ImageRequest:
    """The request with its images stored, whatever the form of the answer."""
    return request.replace(response_format="url", stream=False, asynchronous=False)
