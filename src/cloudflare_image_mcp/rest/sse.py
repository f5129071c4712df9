"""Streaming as OpenAI streams images: server-sent events, a comment now and then so that no proxy gives up."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import StreamingResponse

from cloudflare_image_mcp.catalog import Operation
from cloudflare_image_mcp.errors import GatewayError
from cloudflare_image_mcp.rest.answer import NO_TOKENS, background, compact_json, cost, image_url, result_fields
from cloudflare_image_mcp.rest.errors import internal_error

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import Receive, Scope, Send

    from cloudflare_image_mcp.core.gateway import Gateway
    from cloudflare_image_mcp.core.prepared import Prepared
    from cloudflare_image_mcp.core.result import ImageResult
    from cloudflare_image_mcp.imagefile.image import Image

KEEP_ALIVE: Final = 10.0
"""Seconds of silence after which a comment is sent."""

STREAM_HEADERS: Final = {"cache-control": "no-cache", "x-accel-buffering": "no"}
"""For every stream: proxies are neither to keep it nor to wait for its end."""


class ImageStream(StreamingResponse):
    """The events of a request whose images are made while they are sent. Where the client has left before they begin,
    nothing is made, and what was reserved of its key's limits is given back.
    """

    def __init__(
        self,
        gateway: Gateway,
        prepared: Prepared,
        events: AsyncIterator[bytes | memoryview],
    ) -> None:
        super().__init__(events, media_type="text/event-stream", headers=STREAM_HEADERS | _early_headers(prepared))
        self._gateway = gateway
        self._prepared = prepared

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._gateway.release(self._prepared)


def _early_headers(prepared: Prepared) -> dict[str, str]:
    """The headers of an answer that begins before the images are made."""
    headers = {"x-image-model": prepared.maker.name, "x-image-backend": prepared.maker.backend}
    return headers if prepared.claim is None else headers | {"x-image-cache": prepared.claim.outcome}


def event_answer(gateway: Gateway, prepared: Prepared, request_id: str, base_url: str) -> StreamingResponse:
    """The 200 answer to ``stream: true``: partial images as they come, then one completed event an image.

    ``request_id`` is the answer's, for the log. ``base_url``: origin of the image URLs, without a slash.
    """
    events = _EventStream(gateway, prepared, request_id, base_url).events()
    return ImageStream(gateway, prepared, events)


class _EventStream:
    def __init__(self, gateway: Gateway, prepared: Prepared, request_id: str, base_url: str) -> None:
        self._gateway = gateway
        self._prepared = prepared
        self._request_id = request_id
        self._base_url = base_url
        self._family = "image_generation" if prepared.call.operation is Operation.GENERATE else "image_edit"

    async def events(self) -> AsyncIterator[bytes | memoryview]:
        """The body. What goes wrong after the headers are out is an event with an ``error``, which SDKs raise."""
        try:
            async for chunk in self._images():
                yield chunk
            yield b"data: [DONE]\n\n"
        except GatewayError as error:
            yield error_event(error)
        except Exception as error:
            yield error_event(internal_error(error, self._request_id))

    async def _images(self) -> AsyncIterator[bytes | memoryview]:
        partials: asyncio.Queue[tuple[int, Image]] = asyncio.Queue()

        async def note(index: int, image: Image) -> None:
            await partials.put((index, image))

        work = asyncio.ensure_future(self._gateway.make(self._prepared, note))
        try:
            async for index, image in _until_done(partials, work):
                if image is None:
                    yield b": still working\n\n"
                    continue
                async for chunk in self._event("partial_image", image, {"partial_image_index": index}):
                    yield chunk
            async for chunk in self._completed(await work):
                yield chunk
        finally:
            work.cancel()

    async def _completed(self, result: ImageResult) -> AsyncIterator[bytes | memoryview]:
        for made in result.images:
            extra: dict[str, Any] = {"usage": NO_TOKENS | cost(made)}
            if made.seed is not None:
                extra["seed"] = made.seed
            if made.stored is not None:
                extra["url"] = image_url(self._base_url, made.stored.key)
            async for chunk in self._event("completed", made.image, extra | result_fields(result)):
                yield chunk

    async def _event(self, name: str, image: Image, extra: dict[str, Any]) -> AsyncIterator[bytes | memoryview]:
        kind = f"{self._family}.{name}"
        fields = {
            "type": kind,
            "created_at": int(self._gateway.clock.now().timestamp()),
            "size": str(image.size),
            "quality": self._prepared.request.quality if self._prepared.request.quality in _QUALITIES else "auto",
            "background": background(image),
            "output_format": image.format.value,
            **extra,
        }
        yield f"event: {kind}\ndata: ".encode() + b'{"b64_json":"'
        async for chunk in image.payload.base64_chunks():
            yield chunk
        yield b'",' + compact_json(fields)[1:] + b"\n\n"


def error_event(error: GatewayError) -> bytes:
    return b"event: error\ndata: " + compact_json(error.envelope()) + b"\n\n"


_QUALITIES: Final = frozenset({"low", "medium", "high", "xhigh", "max"})
"""What the event's schema allows beside ``auto``."""


async def _until_done(
    partials: asyncio.Queue[tuple[int, Image]], work: asyncio.Future[ImageResult]
) -> AsyncIterator[tuple[int, Image | None]]:
    """The partial images as they come, and None for each silence of ``KEEP_ALIVE`` seconds."""
    while True:
        waiting = asyncio.ensure_future(partials.get())
        try:
            both: set[asyncio.Future[Any]] = {waiting, work}
            done, _ = await asyncio.wait(both, timeout=KEEP_ALIVE, return_when=asyncio.FIRST_COMPLETED)
        finally:
            # Also where the client has gone: a task left waiting for ever would be complained of when it is collected.
            if not waiting.done():
                waiting.cancel()
        if waiting in done:
            yield waiting.result()
            continue
        if work in done:
            while not partials.empty():
                yield partials.get_nowait()
            return
        yield 0, None
