"""Jobs over the REST API: ``Prefer: respond-async`` (RFC 7240) or ``async`` in a request, and ``/v1/images/jobs``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from starlette.responses import JSONResponse, StreamingResponse

from cloudflare_image_mcp.core.job import JobState
from cloudflare_image_mcp.core.job_records import KEEP_SECONDS
from cloudflare_image_mcp.core.stored_payload import StoredPayload
from cloudflare_image_mcp.errors import GatewayError, invalid, shown
from cloudflare_image_mcp.rest.answer import (
    compact_json,
    image_answer,
    image_url,
    json_answer,
    result_headers,
    result_pieces,
    written,
)
from cloudflare_image_mcp.rest.pages import page, read_limit
from cloudflare_image_mcp.rest.sse import KEEP_ALIVE, STREAM_HEADERS, error_event

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from cloudflare_image_mcp.core.gateway import Gateway
    from cloudflare_image_mcp.core.job import Job
    from cloudflare_image_mcp.core.jobs import Jobs
    from cloudflare_image_mcp.core.prepared import Prepared
    from cloudflare_image_mcp.core.result import ResultImage
    from cloudflare_image_mcp.imagefile.payload import Payload

JOBS_PATH: Final = "/v1/images/jobs"
MAX_WAIT: Final = 60.0
"""Seconds: the longest ``wait`` of a ``Prefer`` header that is obeyed."""
EVENT_POLL: Final = 0.5
"""Seconds between two looks at a job whose events are sent."""

_PREFERENCE: Final = re.compile(r"""\s*(?P<name>[\w-]+)\s*(?:=\s*"?(?P<value>[^",;]*)"?)?\s*(?:;.*)?""")


@dataclass(frozen=True, slots=True)
class Preference:
    """What the headers ``Prefer`` of a request say: https://www.rfc-editor.org/rfc/rfc7240."""

    respond_async: bool = False
    wait: float = 0.0
    """Seconds that the client waits for the images before it wants to hear of a job."""

    @classmethod
    def of(cls, request: Request) -> Preference:
        """Reads the headers. What is not understood is ignored, as the RFC has it."""
        headers = request.headers.getlist("prefer")
        if not headers:
            return _NO_PREFERENCE
        found: dict[str, str] = {}
        for written_ in headers:
            for one in written_.split(","):
                if match := _PREFERENCE.fullmatch(one):
                    found.setdefault(match["name"].lower(), (match["value"] or "").strip())
        seconds = found.get("wait", "")
        wait = float(seconds) if seconds.isascii() and seconds.isdecimal() and len(seconds) < 10 else 0.0
        return cls("respond-async" in found, min(wait, MAX_WAIT))


_NO_PREFERENCE: Final = Preference()


class JobAnswers:
    """Starts jobs and answers for them."""

    def __init__(self, gateway: Gateway, jobs: Jobs) -> None:
        self._gateway = gateway
        self._jobs = jobs

    async def start(self, prepared: Prepared, request: Request, preference: Preference, base_url: str) -> Response:
        """The 202 answer with the job, or the images where they are made within the preferred wait. Raises
        ``GatewayError`` (503), and the job's own where it fails within that time.
        """
        try:
            job = await self._jobs.start(prepared.request, prepared)
        except GatewayError:
            await self._gateway.release(prepared)
            raise
        applied = ["respond-async"] if preference.respond_async else []
        if preference.respond_async and preference.wait:
            applied.append(f"wait={preference.wait:.0f}")
            if await job.wait(preference.wait) and job.state is not JobState.CANCELLED:
                return image_answer(job.answer(), base_url)
        headers = {"location": f"{urlsplit(base_url).path}{JOBS_PATH}/{job.id}"}
        if applied:
            headers["preference-applied"] = ", ".join(applied)
        return JSONResponse(self._state(job), 202, headers)

    async def job(self, job_id: str, base_url: str) -> Response:
        """The job, with its result or error once it has ended. Raises ``GatewayError`` (404)."""
        job = await self._jobs.find(job_id)
        headers = result_headers(job.result) if job.result else {}
        return json_answer(await self._pieces(job, base_url), headers)

    async def cancel(self, job_id: str, base_url: str) -> Response:
        """Cancels the job and answers like ``job``."""
        await self._jobs.cancel(job_id)
        return await self.job(job_id, base_url)

    async def page(self, query: Mapping[str, str]) -> dict[str, Any]:
        """The caller's jobs, the newest first, without their results. Raises ``GatewayError`` (400)."""
        limit, after = read_limit(query), query.get("after") or None
        jobs = await (self._jobs.own(limit + 1) if after is None else self._jobs.own())
        if after is not None:
            at = next((index for index, job in enumerate(jobs) if job.id == after), None)
            if at is None:
                raise invalid("after", f"after must be the id of a job; {shown(after)} does not exist, or is forgotten")
            jobs = jobs[at + 1 :]
        return page([self._state(job) for job in jobs[:limit]], has_more=len(jobs) > limit)

    async def events(self, job_id: str, base_url: str) -> Response:
        """Server-sent events: one for each change of the job, the last one with its result or error. Raises
        ``GatewayError`` (404).
        """
        await self._jobs.find(job_id)
        return StreamingResponse(
            self._events(job_id, base_url), media_type="text/event-stream", headers=dict(STREAM_HEADERS)
        )

    async def _events(self, job_id: str, base_url: str) -> AsyncIterator[bytes | memoryview]:
        last, silence = None, 0.0
        while True:
            job = await self._jobs.find(job_id)
            if job.is_over:
                break
            state = self._state(job)
            if state != last:
                yield _event_name(job) + compact_json(state) + b"\n\n"
                last, silence = state, 0.0
            elif silence >= KEEP_ALIVE:
                yield b": still working\n\n"
                silence = 0.0
            await job.wait(EVENT_POLL)
            silence += EVENT_POLL
        try:
            pieces = await self._pieces(job, base_url)
        except GatewayError as error:
            yield error_event(error)
            return
        yield _event_name(job)
        async for piece in written(pieces):
            yield piece
        yield b"\n\ndata: [DONE]\n\n"

    async def _pieces(self, job: Job, base_url: str) -> list[bytes | Payload]:
        """The job as JSON, in pieces. Raises ``GatewayError`` (404) where its images are to be answered as base64 and
        are no longer stored.
        """
        if job.error is not None or job.result is None:
            state = self._state(job) | ({} if job.error is None else job.error.envelope())
            if job.is_over and job.images:
                state["images"] = [_made(image, base_url) for image in job.images]
            return [compact_json(state)]
        start, result = compact_json(self._state(job))[:-1], job.answer()
        for image in result.images:
            gone = isinstance(image.image.payload, StoredPayload) and image.stored is not None
            if gone and image.stored and await self._gateway.store.find(image.stored.key) is None:
                raise GatewayError("not_found", f"the images of the job {shown(job.id)} are no longer stored")
        return [start + b',"result":', *result_pieces(result, base_url), b"}"]

    def _state(self, job: Job) -> dict[str, Any]:
        """The job without its result."""
        expires = None
        if job.ended is not None:
            expires = int(job.created.timestamp() + job.ended - job.began + KEEP_SECONDS)
        return {
            "id": job.id,
            "object": "image.job",
            "status": job.state.value,
            "created_at": int(job.created.timestamp()),
            "expires_at": expires,
            "progress": job.progress,
            "operation": job.request.operation.value,
            "model": job.model.id,
        }


def _made(image: ResultImage, base_url: str) -> dict[str, Any]:
    """An image of a job that was cut off, which is stored in any case."""
    url = {} if image.stored is None else {"url": image_url(base_url, image.stored.key)}
    return url if image.seed is None else url | {"seed": image.seed}


def _event_name(job: Job) -> bytes:
    return f"event: image.job.{job.state.value}\ndata: ".encode()
