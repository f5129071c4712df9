"""Records each image request when it ends: in the metrics, in the log line of its HTTP request, and in its span."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from cloudflare_image_mcp.core.access import access
from cloudflare_image_mcp.core.metrics import Metrics
from cloudflare_image_mcp.core.tracing import error_type
from cloudflare_image_mcp.errors import GatewayError
from cloudflare_image_mcp.logs import log_request
from cloudflare_image_mcp.request_context import RequestRecord, request_record

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from cloudflare_image_mcp.core.plan import Plan
    from cloudflare_image_mcp.core.ports import Clock
    from cloudflare_image_mcp.core.request import ImageRequest
    from cloudflare_image_mcp.core.result import ImageResult
    from cloudflare_image_mcp.core.tracing import Tracer

CANCELLED: Final = 499
"""The status of a cancelled job, as proxies log a client that went away."""
DEFECT: Final = 500


class Recorder:
    """Of one gateway."""

    def __init__(self, clock: Clock, tracer: Tracer, *, log_prompts: bool) -> None:
        self.metrics = Metrics()
        self._clock = clock
        self._tracer = tracer
        self._log_prompts = log_prompts

    def begin(self, request: ImageRequest) -> RequestRecord:
        """Returns the record of the HTTP request being answered, if this is its own image request, or a new one."""
        record = request_record.get()
        if record is None or record.ended or record.task is not asyncio.current_task():
            record = RequestRecord(key=access.get().name, began=self._clock.monotonic())
        record.operation = request.operation.value
        record.prompt = request.prompt if self._log_prompts else None
        return record

    def refused(self, record: RequestRecord, error: Exception) -> None:
        """Ends a request for which nothing was made."""
        record.error = error_type(error)
        self._end(record, error.row.status if isinstance(error, GatewayError) else DEFECT)

    async def recorded(self, record: RequestRecord, work: Awaitable[ImageResult]) -> ImageResult:
        """Waits for the answer and ends the request, whatever becomes of it."""
        status = DEFECT
        try:
            result = await work
            status = 200
            record.model, record.backend, record.cache = result.model.id, result.backend, result.cache or ""
            record.images, record.neurons = len(result.images), result.neurons
        except Exception as error:
            record.error = error_type(error)
            if isinstance(error, GatewayError):
                status = error.row.status
            raise
        except asyncio.CancelledError:
            status = CANCELLED
            raise
        finally:
            self._end(record, status)
        return result

    async def in_flight(self, plan: Plan, work: Awaitable[ImageResult]) -> ImageResult:
        """Waits for the images of a run, and counts them as being made until then."""
        images = len(plan.seeds)
        self.metrics.images_in_flight += images
        try:
            return await work
        finally:
            self.metrics.images_in_flight -= images

    def _end(self, record: RequestRecord, status: int) -> None:
        record.status, record.seconds, record.ended = status, self._clock.monotonic() - record.began, True
        self.metrics.count_request(record)
        if self._tracer.is_on:
            self._tracer.current.set(_attributes(record))
        if not record.method:  # it is the HTTP interface that logs its requests
            log_request(record)


def _attributes(record: RequestRecord) -> dict[str, str | int | float]:
    """What the span of a request says of it: what its log line says, and the code of its error."""
    values: dict[str, str | int | float | None] = {
        "image.operation": record.operation,
        "image.model": record.model,
        "image.backend": record.backend,
        "image.cache": record.cache,
        "image.key": record.key,
        "image.count": record.images,
        "image.neurons": record.neurons,
        "image.prompt": record.prompt,
        "error.type": record.error,
    }
    return {name: value for name, value in values.items() if value}
