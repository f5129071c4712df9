"""Records of jobs: what is kept of a job outside the memory of the process that runs it.

A record outlives its process. That of a running job counts for some seconds, and its process renews it; when it is no
longer renewed, the process has died and the job was interrupted.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Protocol

from cloudflare_image_mcp.catalog import Operation
from cloudflare_image_mcp.core.job import Job, JobState
from cloudflare_image_mcp.core.request import ImageRequest
from cloudflare_image_mcp.core.result_records import image_of, image_record, result_of, result_record
from cloudflare_image_mcp.errors import GatewayError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from cloudflare_image_mcp.catalog import Model
    from cloudflare_image_mcp.core.ports import Clock, ImageStore

LEASE_SECONDS: Final = 10.0
"""How long the record of a running job counts without being renewed."""
RENEW_SECONDS: Final = 3.0
KEEP_SECONDS: Final = 3600.0
"""How long an ended job is kept. Its images stay in the store for as long as the store keeps them."""
EVENT_SECONDS: Final = 90.0
"""How long after a job's end its process may take to post the event: three tries, the pauses between them, and more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRecord:
    """One record. Times are in seconds since 1970."""

    id: str
    owner: str
    created: float
    running: bool
    until: float
    """Of a running job: when it counts as interrupted. Of an ended one: when it is forgotten."""
    data: str
    """The rest, as JSON."""

    @property
    def abandoned(self) -> float:
        """When the process that ran the job must have died, if the record is as it is: it has not renewed it, or not
        noted that the event was posted.
        """
        return self.until if self.running else self.until - KEEP_SECONDS + EVENT_SECONDS


class JobRecords(Protocol):
    """Keeps records. Failures are logged and not raised: the process that runs a job knows it in any case."""

    async def save(self, record: JobRecord) -> bool:
        """Adds the record, or replaces the one of the same id. Returns whether it is kept."""
        ...

    async def renew(self, ids: Collection[str], until: float) -> Collection[str]:
        """Prolongs the records of running jobs. Returns the ids of those that somebody wants to be cancelled."""
        ...

    async def cancel(self, job_id: str) -> None:
        """Asks the process that runs the job to cancel it."""
        ...

    async def find(self, job_id: str) -> JobRecord | None: ...

    async def newest(self, owner: str | None, limit: int) -> Sequence[JobRecord]:
        """The records of one owner, or of all (None), the newest first."""
        ...

    async def remove_expired(self, now: float) -> None:
        """Removes the records of ended jobs after ``until``, and of interrupted ones ``KEEP_SECONDS`` later."""
        ...

    async def aclose(self) -> None: ...


def record_of(job: Job, clock: Clock, *, with_prompt: bool) -> JobRecord:
    """``with_prompt`` False leaves the prompt out."""
    now = clock.now().timestamp()
    data = {
        "state": job.state.value,
        "operation": job.request.operation.value,
        "model": job.model.id,
        "requested_model": job.request.model,
        "n": job.request.n,
        "response_format": job.response_format,
        "webhook_url": job.webhook_url,
        "request_warnings": list(job.request.warnings),
        "seconds": None if job.ended is None else job.ended - job.began,
        "changed": None if job.changed is None else job.changed.timestamp(),
        "images": [image_record(image) for image in job.images],
        "result": None if job.result is None else result_record(job.result, with_prompt=with_prompt),
        "error": None
        if job.error is None
        else {"kind": job.error.kind, "message": job.error.message, "param": job.error.param},
    }
    return JobRecord(
        id=job.id,
        owner=job.owner,
        created=job.created.timestamp(),
        running=not job.is_over,
        until=now + (KEEP_SECONDS if job.is_over else LEASE_SECONDS),
        data=json.dumps(data, separators=(",", ":")),
    )


def job_of(record: JobRecord, store: ImageStore, clock: Clock, offered: Mapping[str, Model]) -> Job | None:
    """The job of a record, its images in ``store``. None where the record cannot be read, or its model is not among
    the ``offered`` any more.
    """
    try:
        return _job(record, json.loads(record.data), store, clock, offered)
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _job(record: JobRecord, data: dict[str, Any], store: ImageStore, clock: Clock, offered: Mapping[str, Model]) -> Job:
    created = datetime.fromtimestamp(record.created, UTC)
    state, error, seconds = JobState(data["state"]), data["error"], data["seconds"]
    job = Job(
        id=record.id,
        request=ImageRequest.model_construct(
            operation=Operation(data["operation"]),
            model=data["requested_model"],
            n=data["n"],
            warnings=tuple(data["request_warnings"]),
        ),
        model=offered[data["model"]],
        created=created,
        began=clock.monotonic() - (clock.now() - created).total_seconds(),
        owner=record.owner,
        response_format=data["response_format"],
        webhook_url=data["webhook_url"],
        state=state,
        images=tuple(image_of(row, created, store) for row in data["images"]),
        error=None if error is None else GatewayError(error["kind"], error["message"], param=error["param"]),
        changed=None if data["changed"] is None else datetime.fromtimestamp(data["changed"], UTC),
    )
    job.ended = None if seconds is None else job.began + seconds
    if data["result"] is not None:
        job.result = result_of(
            data["result"],
            job.images,
            offered,
            operation=job.request.operation,
            requested_model=job.request.model,
            response_format="url",
        )
    if record.running and record.until <= clock.now().timestamp():
        job.state, job.error = JobState.FAILED, interrupted()
        job.ended = job.began + record.until - record.created
    if job.is_over:
        job.over.set()
    return job


def interrupted() -> GatewayError:
    """The error of a job whose process ended while it ran."""
    return GatewayError("interrupted", "the gateway stopped while the job ran; images made by then are stored")
