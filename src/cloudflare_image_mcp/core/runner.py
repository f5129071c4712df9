"""Runs a plan: makes the images side by side, finishes, stamps and stores each one."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from cloudflare_image_mcp.catalog import Operation
from cloudflare_image_mcp.core.access import access
from cloudflare_image_mcp.core.ports import OWNER
from cloudflare_image_mcp.core.result import ResultImage
from cloudflare_image_mcp.core.spending import spending_of
from cloudflare_image_mcp.core.tracing import NO_SPAN
from cloudflare_image_mcp.errors import EditRefused, GatewayError, UnreadableImage
from cloudflare_image_mcp.imagefile.provenance import Provenance, SourceType, stamp

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator, Mapping
    from contextlib import AbstractContextManager

    from cloudflare_image_mcp.catalog import Size
    from cloudflare_image_mcp.core.metrics import Metrics
    from cloudflare_image_mcp.core.plan import Plan
    from cloudflare_image_mcp.core.ports import (
        Backend,
        Call,
        Clock,
        Defer,
        Finish,
        Ids,
        ImageSigner,
        ImageStore,
        OnPartial,
        Pixels,
        Rendered,
        StoredImage,
    )
    from cloudflare_image_mcp.core.result import OnImage
    from cloudflare_image_mcp.core.tracing import Tracer
    from cloudflare_image_mcp.imagefile.image import Image


_Made: TypeAlias = tuple[ResultImage, tuple[str, ...], bool]
"""An image and its warnings."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependencies:
    """The ports that a run of a plan uses."""

    backend: Backend
    store: ImageStore
    pixels: Pixels
    clock: Clock
    ids: Ids
    defer: Defer
    signer: ImageSigner | None
    stamp_prompt: bool
    parallel: int
    metrics: Metrics


class Timings:
    """Seconds spent in each phase, summed over all images, for the header ``server-timing``. Each is a span too."""

    def __init__(self, clock: Clock, tracer: Tracer) -> None:
        self._clock = clock
        self._tracer = tracer
        self.seconds: dict[str, float] = {}

    def phase(self, name: str, *, traced: bool = True) -> AbstractContextManager[None]:
        """``traced``: whether it is a span, which it need not be where there is nothing to do."""
        return _Phase(name, self._tracer.span(name) if traced else NO_SPAN, self.seconds, self._clock)


class _Phase:
    """Adds the seconds of a block to those of its phase. A class, because every request has four of them, and a
    generator under ``contextmanager`` costs three times as much.
    """

    __slots__ = ("_begun", "_clock", "_name", "_seconds", "_span")

    def __init__(
        self, name: str, span: AbstractContextManager[object], seconds: dict[str, float], clock: Clock
    ) -> None:
        self._name = name
        self._span = span
        self._seconds = seconds
        self._clock = clock
        self._begun = 0.0

    def __enter__(self) -> None:
        self._begun = self._clock.monotonic()
        self._span.__enter__()

    def __exit__(self, *error: Any) -> None:
        try:
            self._span.__exit__(*error)
        finally:
            seconds = self._clock.monotonic() - self._begun
            self._seconds[self._name] = self._seconds.get(self._name, 0.0) + seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What becomes of the images of a request."""

    on_partial: OnPartial | None
    on_image: OnImage | None
    """Gets each image as it is finished, also after the run was cancelled."""
    must_keep: bool
    """Whether an image that cannot be stored is an error; otherwise it is returned without a URL, with a warning."""
    keep: bool = False
    """Whether the images are stored even where the request itself does not need it."""
    is_shielded: bool = False
    """Whether the run goes on when its caller is cancelled."""
    finished: list[ResultImage] = field(default_factory=list)
    """The images that were finished so far, also after the run was cancelled."""
    under_way: list[asyncio.Future[Any]] = field(default_factory=list)
    """Billed images that are finished in the background after the run was cancelled."""


@dataclass(frozen=True, slots=True)
class RunResult:
    """The images of a run, at least one, and its warnings."""

    images: tuple[ResultImage, ...]
    warnings: tuple[str, ...]
    degraded: bool
    """Whether something failed that may work the next time."""


class Runner:
    """Runs one plan."""

    def __init__(
        self,
        dependencies: Dependencies,
        plan: Plan,
        delivery: Delivery,
        *,
        keep: bool,
        timings: Timings,
    ) -> None:
        """``keep``: store each image as soon as it is finished."""
        self._ports = dependencies
        self._plan = plan
        self._keep = keep
        self._delivery = delivery
        self._timings = timings

    async def run(self, call: Call, finish: Finish) -> RunResult:
        """Runs ``call`` once for each seed. Raises the first ``GatewayError`` when every call failed, and
        ``EditRefused`` when one was refused.
        """
        on_partial = self._delivery.on_partial
        show = None if on_partial is None else self._finished_partials(on_partial, finish)

        limit = asyncio.Semaphore(self._ports.parallel)

        async def one(seed: int | None) -> _Made:
            async with limit:
                return await self._begun(self._noted(call if seed is None else replace(call, seed=seed), finish, show))

        ahead = self._plan.seeds[:1] if self._plan.doubtful else ()
        outcomes = await _side_by_side([one(seed) for seed in ahead])
        if not any(isinstance(outcome, EditRefused) for outcome in outcomes):
            outcomes += await _side_by_side([one(seed) for seed in self._plan.seeds[len(ahead) :]])
        return _result_of(outcomes)

    async def _begun(self, one: Coroutine[Any, Any, _Made]) -> _Made:
        """Awaits one image. When the run is cancelled, one that is billed is finished in the background."""
        if self._delivery.is_shielded or not self._ports.backend.billed:
            return await one
        work = asyncio.ensure_future(one)
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            if not work.done():
                self._delivery.under_way.append(work)
                self._ports.defer(_finished_after_cancel(work))
            raise

    async def _noted(self, call: Call, finish: Finish, show: OnPartial | None) -> _Made:
        made = await self._one(call, finish, show)
        self._delivery.finished.append(made[0])
        ports = self._ports
        ports.metrics.count_image(self._plan.call, ports.backend.name, access.get().name, spending_of(made[:1]))
        if self._delivery.on_image is not None:
            self._delivery.on_image(made[0])
        return made

    def _finished_partials(self, on_partial: OnPartial, finish: Finish) -> OnPartial:
        async def show(index: int, image: Image) -> None:
            await on_partial(index, await self._ports.pixels.finish(image, finish))

        return show

    async def _one(self, call: Call, finish: Finish, on_partial: OnPartial | None) -> _Made:
        ports = self._ports
        with self._timings.phase("backend"):
            rendered = await ports.backend.run(call, on_partial)
        seed = call.seed if rendered.seed is None else rendered.seed
        warnings = (*rendered.warnings, *_resizing(rendered.image.size, finish.size))
        with self._timings.phase("finish"):
            image = await self._finished(rendered, finish, seed)
        details = self._details(image, seed)
        made = ResultImage(
            image=image,
            seed=seed,
            neurons=rendered.neurons,
            usd=rendered.usd,
            stored=None,
            details=details,
            headers=rendered.headers,
        )
        if not self._keep:
            return made, warnings, rendered.degraded
        try:
            with self._timings.phase("store"):
                stored = await store_image(ports, image, details)
        except GatewayError as error:
            if self._delivery.must_keep:
                raise
            return made, (*warnings, f"the image is not stored and has no URL: {error}"), True
        return replace(made, stored=stored), warnings, rendered.degraded

    async def _finished(self, rendered: Rendered, finish: Finish, seed: int | None) -> Image:
        ports, call = self._ports, self._plan.call
        try:
            image = await ports.pixels.finish(rendered.image, finish)
        except UnreadableImage as error:
            raise GatewayError(
                "upstream_error", f"{call.model.id} answered with an unreadable image: {error}"
            ) from None
        trained, edited = ports.backend.trained, call.operation is not Operation.GENERATE
        provenance = Provenance(
            source_type=SourceType.of(trained=trained, edited=edited),
            model=ports.backend.engine or call.model.id,
            created=ports.clock.now(),
            prompt=call.prompt if ports.stamp_prompt and call.prompt else None,
            negative_prompt=call.negative_prompt if ports.stamp_prompt else None,
            seed=seed,
            steps=call.steps,
            guidance=call.guidance,
        )
        stamped = await stamp(image, provenance)
        return stamped if ports.signer is None else await ports.signer.sign(stamped, provenance)

    def _details(self, image: Image, seed: int | None) -> dict[str, str]:
        call, ports = self._plan.call, self._ports
        details = {
            "operation": call.operation.value,
            "model": ports.backend.engine or call.model.id,
            "backend": ports.backend.name,
            "width": str(image.size.width),
            "height": str(image.size.height),
        }
        if seed is not None:
            details["seed"] = str(seed)
        if owner := access.get().name:
            details[OWNER] = owner
        if ports.stamp_prompt and call.prompt:
            details["prompt"] = call.prompt
        return details


async def _side_by_side(images: list[Coroutine[Any, Any, _Made]]) -> list[_Made | BaseException]:
    """Awaits images. The exception of one that fails is returned in its place."""
    if len(images) != 1:
        return await asyncio.gather(*images, return_exceptions=True)
    try:  # most requests: without the task that gather makes
        return [await images[0]]
    except Exception as error:
        return [error]


async def _finished_after_cancel(work: asyncio.Future[Any]) -> None:
    """Awaits an image whose run was cancelled, and ignores its failure."""
    with suppress(GatewayError, asyncio.CancelledError):
        await work


def _resizing(rendered: Size, wanted: Size) -> Iterator[str]:
    """A warning where the image loses something on its way to the requested size. A smaller one of the same shape does
    not, and up to a hundredth of a side is rounding.
    """
    done = []
    if wanted.width > rendered.width or wanted.height > rendered.height:
        done.append("enlarged")
    if not 0.99 < wanted.aspect / rendered.aspect < 1.01:
        done.append("cropped")
    if done:
        yield f"the image was rendered at {rendered} and {' and '.join(done)} to {wanted}"


async def store_image(ports: Dependencies, image: Image, details: Mapping[str, str]) -> StoredImage:
    """Stores an image under a new name. Raises ``GatewayError``."""
    stored = await ports.store.put(f"{ports.ids.name()}.{image.format.extension}", image, details)
    ports.metrics.stored_bytes += stored.size
    return stored


def _result_of(outcomes: list[_Made | BaseException]) -> RunResult:
    errors = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    unexpected = next((error for error in errors if not isinstance(error, GatewayError)), None)
    refused = next((error for error in errors if isinstance(error, EditRefused)), None)
    made = [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
    if refused or not made or not (unexpected is None or isinstance(unexpected, Exception)):
        raise unexpected or refused or errors[0]
    warnings = [warning for _, image_warnings, _ in made for warning in image_warnings]
    if unexpected is not None:
        # A defect, but the other images may be paid for and are returned.
        _log.error("an image of several failed unexpectedly", exc_info=unexpected)
    if errors:
        reason = next((error for error in errors if isinstance(error, GatewayError)), None) or "an internal error"
        warnings.append(f"{len(errors)} of {len(outcomes)} images failed: {reason}")
    degraded = bool(errors) or any(is_degraded for _, _, is_degraded in made)
    return RunResult(tuple(image for image, _, _ in made), tuple(warnings), degraded)
