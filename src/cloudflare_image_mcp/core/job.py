"""One background job: an image request that runs on after the call that started it, and its state."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

from cloudflare_image_mcp.errors import GatewayError

if TYPE_CHECKING:
    from datetime import datetime

    from cloudflare_image_mcp.catalog import Model
    from cloudflare_image_mcp.core.request import ImageRequest
    from cloudflare_image_mcp.core.result import ImageResult, ResultImage


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
    """Without the data of its input images once they are read: they may be 25 MiB each."""
    model: Model
    """The requested model; ``result`` names the one that ran."""
    created: datetime
    began: float
    """Monotonic clock, in seconds; ``ended`` too."""
    owner: str = ""
    """The name of the API key that started it; another one does not find it. Empty where there are no keys."""
    response_format: Literal["url", "b64_json"] = "url"
    """The form in which the REST API answers. The images are stored in any case."""
    webhook_url: str | None = None
    """Where the event of its end is posted; None once it was taken or given up."""
    state: JobState = JobState.RUNNING
    images: tuple[ResultImage, ...] = ()
    """The finished images so far; in the order of the request once the job is completed."""
    result: ImageResult | None = None
    error: GatewayError | None = None
    ended: float | None = None
    changed: datetime | None = None
    cancelled: bool = False
    """Whether somebody asked for it to be cancelled."""
    over: asyncio.Event = field(default_factory=asyncio.Event, repr=False)
    saving: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)
    """Held while its record is written, so that an older state does not replace a newer one."""
    alive: float = 0.0
    """When its work was last seen to go on, by the monotonic clock."""
    recorded: bool = False
    """Whether its end is in the records, so that it need not stay in memory."""
    poll: float | None = None
    """See ``Jobs``."""

    @property
    def is_over(self) -> bool:
        return self.state is not JobState.RUNNING

    @property
    def progress(self) -> int:
        """Percent of the images that are finished; 100 once the job is completed."""
        if self.state is JobState.COMPLETED:
            return 100
        return min(99, len(self.images) * 100 // self.request.n)

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

    def answer(self) -> ImageResult:
        """The result in the form that the request asked for. Raises the job's ``GatewayError``."""
        if self.error is not None:
            raise copied(self.error)
        if self.result is None:
            raise ValueError(f"job {self.id} has no result: it is {self.state}")
        return replace(self.result, response_format=self.response_format)


def copied(error: GatewayError) -> GatewayError:
    """Copies the error without its traceback, which would keep the failed call's objects in memory."""
    return GatewayError(error.kind, error.message, param=error.param, retry_after=error.retry_after)
