"""The cache of ``IMAGE_CACHE``: a request with a seed that was answered before gets the same images from the store, and
identical requests at the same time share one run.

Requests are identical when the same API key asks for the same images: their plans are equal, and so are the bytes of
their input images. The answer's record is kept in the store, beside the images, so that other processes find it.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, Final, Literal

from cloudflare_image_mcp.core.access import access
from cloudflare_image_mcp.core.job import copied
from cloudflare_image_mcp.core.result import CacheOutcome
from cloudflare_image_mcp.core.result_records import image_of, image_record, result_of, result_record
from cloudflare_image_mcp.core.shared_run import Claim, RunAbandonedError, SharedRun
from cloudflare_image_mcp.core.stored_payload import StoredPayload
from cloudflare_image_mcp.errors import GatewayError
from cloudflare_image_mcp.imagefile.payload import BytesPayload
from cloudflare_image_mcp.request_context import is_cancelled

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from cloudflare_image_mcp.core.ports import Call, Defer, Finish, ImageStore
    from cloudflare_image_mcp.core.prepared import Options, Prepared
    from cloudflare_image_mcp.core.request import ImageRequest
    from cloudflare_image_mcp.core.result import ImageResult, ResultImage
    from cloudflare_image_mcp.core.runner import Delivery
    from cloudflare_image_mcp.imagefile.image import Image

_log = logging.getLogger(__name__)

SCHEME: Final = 1
"""Version of the digest and of the record: answers of another one are not found."""
_LEFT_OUT: Final = frozenset({"model", "seed", "images", "mask", "original", "partial_images"})
"""Fields of a call and of its finish that stand in the digest in another form, or do not change the images."""


class ImageCache:
    """Of one gateway."""

    def __init__(
        self,
        store: ImageStore,
        defer: Defer,
        options: Options,
        response_format: Callable[[ImageRequest], Literal["url", "b64_json"]],
        *,
        signs: bool,
    ) -> None:
        """``signs``: whether finished images are signed."""
        self._store = store
        self._defer = defer
        self._options = options
        self._response_format = response_format
        self._signs = signs
        self._runs: dict[str, SharedRun] = {}

    async def claim(self, checked: Prepared, stage: Callable[[Prepared], Awaitable[Prepared]]) -> Prepared:
        """Finds the request's answer in the store, or joins the run of an identical request; otherwise ``stage`` makes
        the request ready, and it leads a run. Raises what ``stage`` raises, also where an identical request leads.
        """
        with checked.timings.phase("cache"):
            digest = await self._digest(checked)
        return await self._claim(checked, digest, stage)

    async def answer(
        self,
        prepared: Prepared,
        delivery: Delivery,
        stage: Callable[[Prepared], Awaitable[Prepared]],
        run: Callable[[Prepared, Delivery], Coroutine[Any, Any, ImageResult]],
    ) -> ImageResult:
        """The answer to a request with a claim. ``run`` makes the images of one that leads. Cancelling the caller ends
        a run that no other request waits for. Raises ``GatewayError``.
        """
        while (claim := prepared.claim) is not None and claim.run is not None:
            leads, claim.in_use = claim.outcome is CacheOutcome.MISS, True
            if leads:
                # Every image is stored, and one that cannot be is no error yet: others may want its bytes alone.
                work = run(prepared, replace(delivery, keep=True, must_keep=False, is_shielded=False))
                claim.run.start(self._led(claim.digest, claim.run, work, prepared.request), self._defer)
            try:
                return self._rendered(await claim.run.wait(), prepared, claim.outcome, delivery)
            except RunAbandonedError:
                if leads:
                    raise GatewayError("interrupted", "the gateway stopped while the images were made") from None
                prepared = await self._claim(replace(prepared, claim=None), claim.digest, stage)
                prepared.note_maker()
            except GatewayError as error:
                if leads:
                    raise
                raise copied(error) from None
            except asyncio.CancelledError:
                self._leave(claim.digest, claim.run)
                raise
        if claim is None or claim.answer is None:
            raise ValueError("the request has no claim")
        return self._rendered(claim.answer, prepared, claim.outcome, delivery)

    def release(self, claim: Claim) -> None:
        """Gives up a claim, unless its request has begun."""
        if claim.run is None or claim.in_use:
            return
        if claim.outcome is CacheOutcome.MISS:
            self._end(claim.digest, claim.run)
            claim.run.fail(asyncio.CancelledError())
        else:
            self._leave(claim.digest, claim.run)

    async def _claim(
        self, checked: Prepared, digest: str, stage: Callable[[Prepared], Awaitable[Prepared]]
    ) -> Prepared:
        while (run := self._runs.get(digest)) is not None:
            if (claim := await self._join(digest, run, checked.request)) is not None:
                return replace(checked, claim=claim)
        run = SharedRun()
        if self._options.join_requests:
            self._runs[digest] = run
        try:
            answer = await self._find(digest, checked)
            staged = checked if answer else await stage(checked)
        except BaseException as error:
            self._end(digest, run)
            run.fail(error)
            raise
        if answer is None:
            claim, run.maker = Claim(digest, CacheOutcome.MISS, run=run), staged.maker
        else:
            claim = Claim(digest, CacheOutcome.HIT, answer=answer)
            self._end(digest, run)
        run.note_found(answer)
        return replace(staged, claim=claim)

    async def _join(self, digest: str, run: SharedRun, request: ImageRequest) -> Claim | None:
        """Waits until the leading request has looked into the store and is ready, so that what is claimed is certain
        before an answer begins. None where the request has to look itself: the leading one left, or did not read the
        images that this one needs.
        """
        run.requests += 1
        try:
            answer = await run.found()
        except RunAbandonedError:
            return None
        except GatewayError as error:
            raise copied(error) from None
        except asyncio.CancelledError:
            self._leave(digest, run)
            raise
        if answer is None:
            return Claim(digest, CacheOutcome.JOINED, run=run)
        if self._needs_bytes(request) and any(isinstance(row.image.payload, StoredPayload) for row in answer.images):
            return None
        return Claim(digest, CacheOutcome.HIT, answer=answer)

    async def _led(
        self, digest: str, run: SharedRun, work: Coroutine[Any, Any, ImageResult], request: ImageRequest
    ) -> ImageResult:
        is_cancelled.set(lambda: run.requests == 0)
        try:
            result = replace(await work, cache=CacheOutcome.MISS)
            if not result.degraded:
                await self._save(digest, result, is_enhanced=request.original_prompt is not None)
            return result
        finally:
            self._end(digest, run)

    def _leave(self, digest: str, run: SharedRun) -> None:
        if run.leave():
            self._end(digest, run)

    def _end(self, digest: str, run: SharedRun) -> None:
        if self._runs.get(digest) is run:
            del self._runs[digest]

    def _rendered(
        self, result: ImageResult, prepared: Prepared, outcome: CacheOutcome, delivery: Delivery
    ) -> ImageResult:
        """The result as the answer to this request, which costs nothing unless it led the run."""
        images, request = result.images, prepared.request
        if delivery.must_keep:
            images = tuple(image for image in images if image.stored)
            if not images:
                raise GatewayError("storage_error", "the images could not be stored")
        if outcome is CacheOutcome.MISS:
            return replace(result, images=images)
        return replace(
            result,
            images=tuple(map(_free, images)),
            prompt=result.prompt or prepared.plan.call.prompt,
            requested_model=request.model,
            response_format=self._response_format(request),
            timings=prepared.timings.seconds,
            safety_identifier=request.safety_identifier,
            cache=outcome,
        )

    def _needs_bytes(self, request: ImageRequest) -> bool:
        """Whether the answer holds the images: they are read before it begins, because they may expire meanwhile."""
        return request.stream or request.inline or self._response_format(request) != "url"

    async def _find(self, digest: str, checked: Prepared) -> ImageResult | None:
        """The stored answer; None where there is none, or not all of its images are there. Raises nothing."""
        with checked.timings.phase("cache"):
            try:
                text = await self._store.find_answer(digest)
                return None if text is None else await self._read(text, checked)
            except GatewayError as error:
                reason: Exception = error
            except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
                reason = error
        _log.warning("an answer in the image cache cannot be read: %s: %s", type(reason).__name__, reason)
        return None

    async def _read(self, text: str, checked: Prepared) -> ImageResult | None:
        data, request = json.loads(text), checked.request
        read = self._needs_bytes(request)
        found = await asyncio.gather(*(self._image(row, read=read) for row in data["images"]))
        images = tuple(image for image in found if image is not None)
        if len(images) != request.n:
            return None
        result = result_of(
            data["result"],
            images,
            self._options.names.offered,
            operation=request.operation,
            requested_model=request.model,
            response_format=self._response_format(request),
        )
        try:
            access.get().check(result.model, request.operation)
        except GatewayError:  # a fallback made it, which the key may not use any more
            return None
        return replace(result, cache=CacheOutcome.HIT)

    async def _image(self, row: dict[str, Any], *, read: bool) -> ResultImage | None:
        """A stored image, with its bytes if they are to be ``read`` now; None where it is not there any more."""
        stored = await self._store.find(row["key"])
        if stored is None or stored.owner != access.get().name:
            return None
        image = replace(image_of(row, stored.created, self._store), stored=stored, details=stored.details)
        if not read:
            return image
        try:
            data = b"".join([chunk async for chunk in image.image.payload.chunks()])
        except GatewayError as error:
            if error.kind == "not_found":
                return None
            raise
        return replace(image, image=replace(image.image, payload=BytesPayload(data)))

    async def _save(self, digest: str, result: ImageResult, *, is_enhanced: bool) -> None:
        """Raises nothing: the images are made. Keeps the prompt only where a text model wrote it."""
        kept = replace(result, timings={}, safety_identifier=None)
        record = {
            "images": [image_record(image) for image in result.images],
            "result": result_record(kept, with_prompt=is_enhanced and self._options.stamp_prompt),
        }
        try:
            await self._store.put_answer(digest, json.dumps(record, separators=(",", ":")))
        except GatewayError as error:
            _log.warning("an answer could not be put into the image cache: %s", error)

    async def _digest(self, checked: Prepared) -> str:
        """Of all that decides the images, as 64 hexadecimal digits."""
        request, plan, options = checked.request, checked.plan, self._options
        values = {
            "scheme": SCHEME,
            "key": access.get().name,
            "backend": [checked.backend.name, checked.backend.engine],
            "model": plan.call.model.id,
            "call": _values(plan.call),
            "finish": _values(plan.finish),
            "seed": request.seed,
            "n": request.n,
            "enhance": options.enhances(request),
            "stamp_prompt": options.stamp_prompt,
            "signs": self._signs,
            "warnings": plan.warnings,
            "images": [await _sha256(image) for image in checked.inputs.images[: plan.images]],
            "mask": None if checked.inputs.mask is None else await _sha256(checked.inputs.mask),
        }
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _values(record: Call | Finish) -> dict[str, Any]:
    """A new parameter counts on its own, because every field does that is not left out."""
    values = {row.name: getattr(record, row.name) for row in fields(record) if row.name not in _LEFT_OUT}
    # 7 and 7.0 are the same guidance.
    return {name: float(value) if isinstance(value, int) else value for name, value in values.items()}


async def _sha256(image: Image) -> str:
    digest = hashlib.sha256()
    async for chunk in image.payload.chunks():
        digest.update(chunk)
    return digest.hexdigest()


def _free(image: ResultImage) -> ResultImage:
    """The image without its cost, which another request paid, and without the headers of that request's call."""
    return replace(
        image,
        neurons=None if image.neurons is None else 0.0,
        usd=None if image.usd is None else 0.0,
        headers={},
    )
