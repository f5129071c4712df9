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
from cloudflare_image_mcp.core.job_records import (
    KEEP_SECONDS,
    LEASE_SECONDS,
    RENEW_SECONDS,
    interrupted,
    job_of,
    record_of,
)
from cloudflare_image_mcp.core.prepared import released_if_cancelled
from cloudflare_image_mcp.core.stored_payload import StoredPayload
from cloudflare_image_mcp.errors import GatewayError, shown
from cloudflare_image_mcp.limits import MEBIBYTE
from cloudflare_image_mcp.request_context import is_cancelled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cloudflare_image_mcp.core.gateway import Gateway
    from cloudflare_image_mcp.core.job_records import JobRecord, JobRecords
    from cloudflare_image_mcp.core.ports import JobNotifier
    from cloudflare_image_mcp.core.prepared import Prepared
    from cloudflare_image_mcp.core.request import ImageRequest
    from cloudflare_image_mcp.core.result import ImageResult, OnImage, ResultImage

_log = logging.getLogger(__name__)

MAX_UNFINISHED: Final = 256
"""Jobs that run or wait for their turn; one more is refused with 503."""
MAX_RUNNING: Final = 64
"""Jobs that run at once. In a Worker no job waits for its turn, and one more is refused."""
MAX_FINISHED: Final = 4096
"""Finished jobs that are kept; the one that finished first is removed first."""
MAX_IN_MEMORY: Final = 256
"""Likewise in memory, of those whose records are kept elsewhere."""
RECENT_BYTES: Final = 16 * MEBIBYTE
"""Total size of the images of finished jobs kept in memory, the newest first; older ones are read from the store."""

_ALL: Final = ""
"""Stands for the id of every job."""
_ENDING: Final = ("request", "state", "result", "error", "ended", "changed")
"""Fields of a job that its end changes."""


class Jobs:
    """The jobs of one process over one gateway, and, by their records, those of other processes."""

    def __init__(
        self,
        gateway: Gateway,
        records: JobRecords | None = None,
        *,
        notifier: JobNotifier | None = None,
        poll: float | None = None,
    ) -> None:
        """``records``: where jobs are kept beyond this process; None: in its memory alone. ``notifier``: posts to the
        ``webhook_url`` of requests; None: they may have none. ``poll``: interval in seconds at which ``Job.wait``
        checks the state. None waits for an event instead. A Worker needs polling, because its runtime forbids one
        request to wake another, and ends what a request began when its time is over.
        """
        self._gateway = gateway
        self._records = records
        self._notifier = notifier
        self._poll = poll
        self._jobs: dict[str, Job] = {}
        self._work: dict[str, asyncio.Future[ImageResult]] = {}
        self._most = MAX_UNFINISHED if poll is None else MAX_RUNNING
        self._turns = asyncio.Semaphore(MAX_RUNNING) if poll is None else nullcontext()
        # By the id of the job that is renewed; ``_ALL`` for one task that renews all.
        self._renewing: dict[str, asyncio.Task[None]] = {}

    async def start(self, request: ImageRequest, prepared: Prepared | None = None) -> Job:
        """Starts the request and returns at once. The images are always stored.

        ``prepared``: the request after ``Gateway.prepare``, where the caller is to get its errors at once. Raises
        ``GatewayError`` when the model does not exist (404), the ``webhook_url`` cannot be used (400, 501) or there are
        too many jobs (503). Any other error of the request becomes the job's error.
        """
        self._forget()
        self._check_webhook(request)
        if len(self._work) >= self._most:
            raise GatewayError("overloaded", f"{self._most} jobs are running already", retry_after=10)
        gateway = self._gateway
        job = Job(
            id=gateway.ids.name(),
            request=_stored(request),
            model=gateway.options.names.resolve(request.model, request.operation),
            created=gateway.clock.now(),
            began=gateway.clock.monotonic(),
            alive=gateway.clock.monotonic(),
            owner=access.get().name,
            response_format=gateway.response_format(request),
            webhook_url=request.webhook_url,
            poll=self._poll,
        )
        if prepared is None:
            gateway.held_images.hold_sources(job.request)
        self._jobs[job.id] = job
        work = self._work[job.id] = asyncio.ensure_future(self._run(job, prepared))
        gateway.defer(self._settle(job, work, prepared))
        self._begin_renewing(job)
        if self._records is not None:
            await self._records.remove_expired(job.created.timestamp())
            await self._save(job)
        return job

    async def find(self, job_id: str) -> Job:
        """Returns the job. Raises ``GatewayError`` (404) when it does not exist, belongs to somebody else or is no
        longer kept.
        """
        self._end_abandoned()
        job = self._jobs.get(job_id) or await self._recorded(job_id)
        if job is None or not access.get().sees(job.owner):
            raise GatewayError(
                "not_found",
                f"there is no job {shown(job_id, 40)}: it never was, or ended over {KEEP_SECONDS / 60:.0f} minutes ago "
                "(its images may still be stored)",
                param="job_id",
            )
        return job

    async def own(self, limit: int = MAX_FINISHED) -> list[Job]:
        """Up to ``limit`` of the jobs that the caller may see, the newest first."""
        self._forget()
        caller = access.get()
        found = {job.id: job for job in self._jobs.values() if caller.sees(job.owner)}
        if self._records is not None and (caller.admin or caller.name):
            for record in await self._records.newest(None if caller.admin else caller.name, limit):
                job = None if record.id in found else self._job_of(record)
                if job is not None:
                    found[job.id] = job
        return sorted(found.values(), key=lambda job: job.created, reverse=True)[:limit]

    async def cancel(self, job_id: str) -> Job:
        """Stops a running job; an ended job does not change. Finished images stay stored, and so do those that are
        paid for: they are added to the cancelled job when they are finished. A job of another process is stopped by it
        within seconds. Raises like ``find``.
        """
        job = await self.find(job_id)
        if job_id in self._work:
            self._stop(job)
            await job.wait(5)
        elif self._records is not None and not job.is_over:
            await self._records.cancel(job_id)
        return job

    async def post_owed_events(self) -> None:
        """Posts the events of jobs whose process died before it had done so, that of an interrupted job included."""
        if self._records is None or self._notifier is None:
            return
        records = await self._records.newest(None, MAX_FINISHED)
        owed = [record for record in records if (job := self._job_of(record)) and job.webhook_url]
        for former in sorted(owed, key=lambda record: record.abandoned):
            await asyncio.sleep(max(0.0, former.abandoned - self._gateway.clock.now().timestamp()))
            record = await self._records.find(former.id)
            job = None if record is None or record.abandoned > former.abandoned else self._job_of(record)
            if job is not None and job.webhook_url:
                await self._notify(self._notifier, job.webhook_url, job)

    async def _notify(self, notifier: JobNotifier, url: str, job: Job) -> None:
        """Posts the event of an ended job, and notes that this was done. Its id is that of the job: a receiver that
        gets it twice can tell.
        """
        await notifier.send(url, job.id, _event(job))
        job.webhook_url = None
        await self._save(job)

    def _stop(self, job: Job) -> None:
        job.cancelled = True
        self._work[job.id].cancel()

    async def _run(self, job: Job, prepared: Prepared | None) -> ImageResult:
        is_cancelled.set(lambda: job.cancelled)

        def add_image(image: ResultImage) -> None:
            job.images = (*job.images, image)
            job.changed = self._gateway.clock.now()
            work = self._work.get(job.id)
            # A single image is saved with the job's end, unless that was before it.
            if self._records is not None and (job.request.n > 1 or work is None or work.done()):
                self._gateway.defer(self._save(job))

        # In the trace of the request that started it, whose own span it may outlast.
        with self._gateway.tracer.span("job", attributes={"image.job": job.id}):
            return await self._make(job, prepared, add_image)

    async def _make(self, job: Job, prepared: Prepared | None, on_image: OnImage) -> ImageResult:
        async with self._turns:
            ready = prepared or await self._prepare(job.request)
            ready = replace(ready, request=_stored(ready.request))
            job.request = ready.request
            self._gateway.held_images.hold(ready.inputs, ready.call, ready.finish)
            if not ready.has_joined:
                return await self._gateway.carry_out(ready, on_image=on_image)
        # The request that makes the images may still wait for its own turn.
        return await self._gateway.carry_out(ready, on_image=on_image)

    async def _prepare(self, request: ImageRequest) -> Prepared:
        gateway = self._gateway
        return await released_if_cancelled(gateway.prepare(request), gateway.release, gateway.defer)

    async def _settle(self, job: Job, work: asyncio.Future[ImageResult], prepared: Prepared | None) -> None:
        """Waits for the request to end and records its result, error or cancellation."""
        ended = await self._ended(job, work)
        if prepared is not None:
            await self._gateway.release(prepared)
        async with job.saving:
            self._work.pop(job.id, None)
            if self._records is not None:
                # Saved before anybody sees it, so that a kill in between does not change it.
                job.recorded = await self._records.save(self._record_of(ended))
            for changed in _ENDING:
                setattr(job, changed, getattr(ended, changed))
            if ended.result is not None:  # else an image may have been finished meanwhile
                job.images = ended.images
        job.over.set()
        if self._notifier is not None and job.webhook_url:
            self._gateway.defer(self._notify(self._notifier, job.webhook_url, job))
        self._stop_renewing(job.id)
        if not self._work:
            self._stop_renewing(_ALL)
        self._trim()

    def _check_webhook(self, request: ImageRequest) -> None:
        if request.webhook_url is None:
            return
        if self._notifier is None:
            message = "webhook_url cannot be used here: the operator has to set WEBHOOK_SECRET"
            raise GatewayError("not_supported_here", message, param="webhook_url")
        self._notifier.check(request.webhook_url)

    async def _ended(self, job: Job, work: asyncio.Future[ImageResult]) -> Job:
        """Waits for the request to end. Returns the job as it is then."""
        state, result, error = JobState.COMPLETED, None, None
        try:
            result = await work
        except asyncio.CancelledError:
            # Of the job, or of all background tasks, because the process is ending.
            state, error = (JobState.CANCELLED, None) if job.cancelled else (JobState.FAILED, interrupted())
        except GatewayError as failure:
            state, error = JobState.FAILED, copied(failure)
        except Exception as failure:
            _log.exception("job %s failed unexpectedly", job.id)
            message = f"something went wrong inside the gateway ({type(failure).__name__})"
            state, error = JobState.FAILED, GatewayError("internal_error", message)
        return replace(
            job,
            request=job.request.replace(images=(), mask=None),
            state=state,
            images=result.images if result else job.images,
            result=result,
            error=error,
            ended=self._gateway.clock.monotonic(),
            changed=self._gateway.clock.now(),
        )

    async def _save(self, job: Job) -> None:
        async with job.saving:
            if self._records is not None and (job.id in self._work or job.is_over):
                job.recorded = await self._records.save(self._record_of(job)) and job.is_over

    def _begin_renewing(self, job: Job) -> None:
        """In a Worker each job is renewed by a task of its own, which lives as long as the request that began it."""
        if self._records is None and self._poll is None:
            return
        which = _ALL if self._poll is None else job.id
        if which not in self._renewing or self._renewing[which].done():
            self._renewing[which] = asyncio.create_task(self._renew(which))

    async def _renew(self, which: str) -> None:
        """Prolongs the record of one running job, or of ``_ALL``, and stops those that another process was asked to
        cancel.
        """
        while running := [self._jobs[job_id] for job_id in self._work if which in {_ALL, job_id}]:
            await asyncio.sleep(RENEW_SECONDS)
            for job in running:
                job.alive = self._gateway.clock.monotonic()
            if self._records is None:
                continue
            until = self._gateway.clock.now().timestamp() + LEASE_SECONDS
            for job_id in await self._records.renew([job.id for job in running], until):
                if job_id in self._work:
                    self._stop(self._jobs[job_id])

    def _stop_renewing(self, which: str) -> None:
        if task := self._renewing.pop(which, None):
            task.cancel()

    def _end_abandoned(self) -> None:
        """Ends the jobs that the runtime of a Worker has stopped, which tells nobody."""
        if self._poll is None:
            return
        now = self._gateway.clock.monotonic()
        for job_id in [job_id for job_id in self._work if now - self._jobs[job_id].alive > LEASE_SECONDS]:
            job = self._jobs[job_id]
            job.state, job.error, job.ended = JobState.FAILED, interrupted(), now
            del self._work[job_id]
            self._stop_renewing(job_id)

    async def _recorded(self, job_id: str) -> Job | None:
        record = None if self._records is None else await self._records.find(job_id)
        return None if record is None else self._job_of(record)

    def _job_of(self, record: JobRecord) -> Job | None:
        gateway = self._gateway
        return job_of(record, gateway.store, gateway.clock, gateway.options.names.offered)

    def _record_of(self, job: Job) -> JobRecord:
        return record_of(job, self._gateway.clock, with_prompt=self._gateway.options.stamp_prompt)

    def _finished(self) -> Iterator[Job]:
        """Ended jobs, the latest first."""
        return iter(sorted((job for job in self._jobs.values() if job.is_over), key=lambda job: -(job.ended or 0)))

    def _forget(self) -> None:
        self._end_abandoned()
        oldest = self._gateway.clock.monotonic() - KEEP_SECONDS
        for index, job in enumerate(self._finished()):
            if index >= (MAX_IN_MEMORY if job.recorded else MAX_FINISHED) or (job.ended or 0) < oldest:
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


def _event(job: Job) -> dict[str, object]:
    """The event of an ended job, without its images: the receiver asks for the job."""
    data: dict[str, object] = {"id": job.id, "object": "image.job", "status": job.state.value}
    if job.error is not None:
        data |= job.error.envelope()
    created = int((job.changed or job.created).timestamp())
    return {"object": "event", "type": f"image.job.{job.state.value}", "created_at": created, "data": data}


def _stored(request: ImageRequest) -> ImageRequest:
    """The request with its images stored, whatever the form of the answer."""
    return request.replace(response_format="url", stream=False, asynchronous=False)
