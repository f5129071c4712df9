"""The way of an image: request, plan, calls side by side, finish, store, result."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from cloudflare_image_mcp.core.access import access
from cloudflare_image_mcp.core.byte_budget import ByteBudget
from cloudflare_image_mcp.core.edit_costs import edit_cost, editor_of
from cloudflare_image_mcp.core.enhancing import enhance
from cloudflare_image_mcp.core.fallbacks import LOCAL, Failure, decisive, suited
from cloudflare_image_mcp.core.held_images import HeldImages
from cloudflare_image_mcp.core.image_cache import ImageCache
from cloudflare_image_mcp.core.image_sources import SourceReader, without_data
from cloudflare_image_mcp.core.model_names import has_mask_in_alpha, natural_response
from cloudflare_image_mcp.core.plan import fit_size, longest_prompt, make_plan
from cloudflare_image_mcp.core.prepared import Prepared, released_if_cancelled
from cloudflare_image_mcp.core.recorder import Recorder
from cloudflare_image_mcp.core.refusals import Refusals
from cloudflare_image_mcp.core.result import ImageResult
from cloudflare_image_mcp.core.runner import Delivery, Dependencies, Runner, Timings, store_image
from cloudflare_image_mcp.core.spending import NOTHING_SPENT, estimated_spending
from cloudflare_image_mcp.core.staging import Inputs, stage, with_own_mask
from cloudflare_image_mcp.core.tracing import NO_TRACER
from cloudflare_image_mcp.errors import EditRefused, GatewayError
from cloudflare_image_mcp.logs import log_failure

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator

    from cloudflare_image_mcp.catalog import Model, Operation, Size
    from cloudflare_image_mcp.core.limiter import Limiter, Reservation
    from cloudflare_image_mcp.core.plan import Plan
    from cloudflare_image_mcp.core.ports import (
        Backend,
        Call,
        Clock,
        Defer,
        Finish,
        Ids,
        ImageFetcher,
        ImageSigner,
        ImageStore,
        OnPartial,
        Pixels,
        PromptFilter,
        PromptWriter,
    )
    from cloudflare_image_mcp.core.prepared import Options
    from cloudflare_image_mcp.core.request import ImageRequest
    from cloudflare_image_mcp.core.result import OnImage, ResultImage
    from cloudflare_image_mcp.core.tracing import Tracer
    from cloudflare_image_mcp.request_context import RequestRecord


class Gateway:
    """The core: interfaces call ``run``, or ``prepare`` and ``make``. Its only state is which edits were refused."""

    def __init__(
        self,
        *,
        backend: Backend,
        local: Backend | None = None,
        store: ImageStore,
        pixels: Pixels,
        fetcher: ImageFetcher,
        clock: Clock,
        ids: Ids,
        defer: Defer,
        options: Options,
        budget: ByteBudget | None = None,
        fetch_budget: ByteBudget | None = None,
        limiter: Limiter | None = None,
        prompt_writer: PromptWriter | None = None,
        prompt_filter: PromptFilter | None = None,
        signer: ImageSigner | None = None,
        tracer: Tracer = NO_TRACER,
    ) -> None:
        """``local`` is the embedded engine as a fallback; it is needed where a list of fallbacks names it.
        ``budget`` limits request bodies; fetched images count in it too, unless ``fetch_budget`` is given.
        ``limiter`` is needed where API keys have limits, ``prompt_writer`` where prompts are to be enhanced.
        ``prompt_filter`` refuses prompts. ``signer`` signs every finished image. ``tracer`` reports what is done.
        """
        self.budget = budget or ByteBudget()
        self.backend = backend
        self._local = local
        self.store = store
        self.pixels = pixels
        self.clock = clock
        self.ids = ids
        self.options = options
        self.defer = defer
        self.limiter = limiter
        self.tracer = tracer
        self.recorder = Recorder(clock, tracer, log_prompts=options.log_prompts)
        self._prompt_writer = prompt_writer
        self._prompt_filter = prompt_filter
        self.held_images = HeldImages(self.budget, fetch_budget or self.budget)
        self._sources = SourceReader(fetcher, store, pixels, fetch_budget or self.budget)
        self._refusals = Refusals(clock)
        self._cache = (
            ImageCache(store, defer, options, self.response_format, signs=signer is not None)
            if options.image_cache
            else None
        )
        self._dependencies = Dependencies(
            backend=backend,
            store=store,
            pixels=pixels,
            clock=clock,
            ids=ids,
            defer=defer,
            signer=signer,
            stamp_prompt=options.stamp_prompt,
            parallel=options.parallel,
            metrics=self.recorder.metrics,
        )

    def edit_cost(self, model: Model) -> dict[str, Any] | None:
        """Returns which model makes this model's edits, and at what price; None when it makes them itself."""
        backend = self.backend
        abilities = backend.abilities(model)
        editor = editor_of(model, abilities, self.options.fallbacks)
        return None if editor is None else edit_cost(editor, backend.abilities(editor))

    def response_format(self, request: ImageRequest) -> Literal["url", "b64_json"]:
        """What the request asks for; else what OpenAI answers under the name that it used; else the operator's."""
        return request.response_format or natural_response(request.model) or self.options.response_format

    async def prepare(self, request: ImageRequest) -> Prepared:
        """Reads the input images and decides what will be done. Raises every ``GatewayError`` that is the caller's
        fault; nothing has been paid for yet. Counts the request, and reserves what it may cost, for an API key with
        limits.
        """
        record = self.recorder.begin(request)
        try:
            return await self._admitted(request, record)
        except Exception as error:
            self.recorder.refused(record, error)
            raise

    async def _admitted(self, request: ImageRequest, record: RequestRecord) -> Prepared:
        rights = access.get()
        model = self.options.names.resolve(request.model, request.operation)
        record.model = model.id
        rights.check(model, request.operation)
        # Reading input images takes time and network, so that such requests are counted before.
        is_counted = bool(request.images) or request.mask is not None
        if is_counted:
            await self._count_request()
        checked = await self._checked(request, model, record)
        if self._cache is None or request.seed is None:
            return await self._reserved(checked, counts_request=not is_counted)
        if not is_counted:
            await self._count_request()
        return await self._cache.claim(checked, self._reserved)

    async def _count_request(self) -> None:
        if self.limiter is not None:
            await self.limiter.count_request(access.get())

    async def _reserve(self, call: Call, plan: Plan, backend: Backend, *, counts_request: bool) -> Reservation | None:
        """Reserves what a request may cost; None where the API key has no daily limits."""
        rights, limiter = access.get(), self.limiter
        if limiter is None or not rights.quota.is_limited:
            return None
        is_free = backend.engine is not None
        if rights.quota.usd_per_day is not None and not is_free and not call.model.price.known:
            name = call.model.short_name
            raise GatewayError("not_allowed", f"this API key has a budget, and the price of {name} is not known")
        expected = estimated_spending(call, len(plan.seeds), is_free=is_free)
        return await limiter.reserve(rights, expected, counts_request=counts_request)

    async def _checked(self, request: ImageRequest, model: Model, record: RequestRecord) -> Prepared:
        timings = Timings(self.clock, self.tracer)
        if self._prompt_filter is not None:
            with timings.phase("filter"):
                await self._prompt_filter.check(request.prompt)
        with timings.phase("input", traced=bool(request.images)):
            images = await self._sources.read_all((*request.images, *filter(None, (request.mask,))))
            inputs = Inputs(images[: len(request.images)], None if request.mask is None else images[-1])
        request = without_data(request)
        if request.mask is None and inputs.images and has_mask_in_alpha(request):
            request, inputs = await with_own_mask(request, inputs, self.pixels)
        plan = self._plan(request, inputs, model, self.backend)
        return Prepared(request, inputs, plan, plan.call, plan.finish, timings, self.backend, record=record)

    async def _reserved(self, checked: Prepared, *, counts_request: bool = False) -> Prepared:
        """The request with its prompt enhanced and its input images as the model takes them, and with what it may cost
        reserved; that of a fallback where the model is known to refuse it.
        """
        request, inputs, plan, timings = checked.request, checked.inputs, checked.plan, checked.timings
        model = plan.call.model
        if self._refusals.include(model, request.operation):
            failure = Failure(model, self.backend, EditRefused(f"{model.short_name} takes no input image."))
            instead = await self._next(request, inputs, plan.finish.size, timings, (failure,))
            if instead is not None:
                reservation = await self._reserve(
                    instead.call, instead.plan, instead.backend, counts_request=counts_request
                )
                return replace(instead, record=checked.record, reservation=reservation)
        written = await self._enhanced(request, model, timings)
        if written is not request:
            request, plan = written, self._plan(written, inputs, model, self.backend)
        call, finish = await self._stage(request, inputs, plan, timings)
        reservation = await self._reserve(call, plan, checked.backend, counts_request=counts_request)
        return replace(checked, request=request, plan=plan, call=call, finish=finish, reservation=reservation)

    async def _reserved_anew(self, checked: Prepared) -> Prepared:
        return await released_if_cancelled(self._reserved(checked), self.release, self.defer)

    async def _enhanced(self, request: ImageRequest, model: Model, timings: Timings) -> ImageRequest:
        if not self.options.enhances(request):
            return request
        longest = longest_prompt(request, model, self.backend.abilities(model))
        with timings.phase("enhance"):
            return await enhance(request, model, self.backend, self._prompt_writer, longest=longest)

    async def make(self, prepared: Prepared, on_partial: OnPartial | None = None) -> ImageResult:
        """Makes the images. ``on_partial`` gets the partial images, where the backend has them.

        A caller that goes away does not stop the work: what was paid for is finished and stored. An image that was to
        be stored and cannot be comes back all the same, unstored, and a warning says so. Raises ``GatewayError``.
        """
        joined = prepared.has_joined
        delivery = Delivery(on_partial=on_partial, on_image=None, must_keep=False, is_shielded=not joined)
        if joined:  # nothing of it is paid for
            return await self._delivered(prepared, delivery)
        work = asyncio.create_task(self._delivered(prepared, delivery))
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            if not work.cancelled():
                self.defer(self._keep(work))
            raise

    async def carry_out(self, prepared: Prepared, on_image: OnImage | None = None) -> ImageResult:
        """Like ``make``, but cancelling the caller stops the work, and an image that cannot be stored is an error.
        ``on_image`` gets each image as it is finished, in the order of completion. Raises ``GatewayError``.
        """
        return await self._delivered(prepared, Delivery(on_partial=None, on_image=on_image, must_keep=True))

    async def _delivered(self, prepared: Prepared, delivery: Delivery) -> ImageResult:
        """Makes the images and records the request."""
        prepared.note_maker()
        if self._cache is None or prepared.claim is None:
            work = self._settled(prepared, delivery)
        else:
            work = self._cache.answer(prepared, delivery, self._reserved_anew, self._settled)
        return await self.recorder.recorded(prepared.record, work)

    def _settled(self, prepared: Prepared, delivery: Delivery) -> Coroutine[Any, Any, ImageResult]:
        """Makes the images, and settles what was reserved for them."""
        work, reservation = self._carry_out(prepared, delivery), prepared.reservation
        if reservation is not None and self.limiter is not None:
            work = self.limiter.settled(reservation, delivery, work, self.defer)
        return self.recorder.in_flight(prepared.plan, work)

    async def _carry_out(self, prepared: Prepared, delivery: Delivery) -> ImageResult:
        current = prepared
        while True:
            try:
                return await self._attempt(current, delivery)
            except GatewayError as error:
                if not error.row.another_model:
                    raise
                model = current.plan.call.model
                if isinstance(error, EditRefused) and error.lacks_input:
                    self._refusals.add(model, prepared.request.operation)
                failures = (*current.failures, Failure(model, current.backend, error))
                instead = await self._next(
                    prepared.request, prepared.inputs, prepared.plan.finish.size, prepared.timings, failures
                )
                if instead is None:
                    raise decisive(failures) from error
                current = instead

    async def release(self, prepared: Prepared) -> None:
        """Gives back what is reserved for a request, unless it was carried out."""
        if self._cache is not None and prepared.claim is not None:
            self._cache.release(prepared.claim)
        if prepared.reservation is not None and not prepared.reservation.in_use and self.limiter is not None:
            await self.limiter.settle(prepared.reservation, NOTHING_SPENT)

    async def run(self, request: ImageRequest, on_partial: OnPartial | None = None) -> ImageResult:
        """``prepare`` and ``make`` in one."""
        return await self.make(await self.prepare(request), on_partial)

    async def store_all(self, result: ImageResult) -> ImageResult:
        """The same result with every image stored."""
        images = [image if image.stored else await self._stored(image) for image in result.images]
        return replace(result, images=tuple(images))

    async def _stored(self, image: ResultImage) -> ResultImage:
        with self.tracer.span("store"):
            stored = await store_image(self._dependencies, image.image, image.details)
        return replace(image, stored=stored)

    async def aclose(self) -> None:
        """Closes the backends, the store and the counters of limits, and sends the last spans."""
        writer, filter_ = self._prompt_writer, self._prompt_filter
        for part in (self.backend, writer, filter_, self._local, self.store, self.limiter, self.tracer):
            if part is not None:
                await part.aclose()

    async def _keep(self, work: asyncio.Future[ImageResult]) -> None:
        try:
            result = await work
        except GatewayError:  # the caller is gone, so nobody reads the error
            return
        await self.store_all(result)

    def _plan(self, request: ImageRequest, inputs: Inputs, model: Model, backend: Backend) -> Plan:
        return make_plan(
            request,
            model,
            backend.abilities(model),
            sources=tuple(image.size for image in inputs.images),
            new_seed=self.ids.seed,
            offered=self.options.names.offered,
        )

    async def _stage(self, request: ImageRequest, inputs: Inputs, plan: Plan, timings: Timings) -> tuple[Call, Finish]:
        with timings.phase("input", traced=bool(inputs.images)):
            return await stage(plan, request, inputs, self.pixels)

    async def _next(
        self, request: ImageRequest, inputs: Inputs, size: Size, timings: Timings, failures: tuple[Failure, ...]
    ) -> Prepared | None:
        """Prepares the request for the next fallback that can make it, at the ``size`` that the model asked for would
        have delivered; None when there is none left.
        """
        for model, backend in self._candidates(failures, request.operation):
            maker = backend.engine or model.short_name
            warnings = (*request.warnings, *(failure.warning(maker) for failure in failures))
            instead = suited(request, model, backend).replace(
                size=fit_size(size, model.promise.sizes), aspect_ratio=None, warnings=warnings
            )
            try:
                access.get().check(model, request.operation)
                plan = self._plan(instead, inputs, model, backend)
            except GatewayError:  # the key may not use it, or the prompt is too long for it
                continue
            plan = replace(plan, finish=replace(plan.finish, size=size))
            call, finish = await self._stage(instead, inputs, plan, timings)
            return Prepared(request, inputs, plan, call, finish, timings, backend, failures)
        return None

    def _candidates(self, failures: tuple[Failure, ...], operation: Operation) -> Iterator[tuple[Model, Backend]]:
        """Yields the fallbacks of the model asked for that were not tried and are not known to be refused."""
        asked, refused = failures[0].model, any(isinstance(failure.error, EditRefused) for failure in failures)
        tried = {(failure.model.id, failure.backend.name) for failure in failures}
        for fallback in self.options.fallbacks.after(asked, refused=refused):
            if fallback != LOCAL:
                model, backend = fallback, self.backend
            elif self._local is not None:
                model, backend = asked, self._local
            else:
                continue
            known = backend is self.backend and self._refusals.include(model, operation)
            if (model.id, backend.name) not in tried and not known:
                yield model, backend

    async def _attempt(self, prepared: Prepared, delivery: Delivery) -> ImageResult:
        plan, timings = prepared.plan, prepared.timings
        response_format = self.response_format(prepared.request)
        # A stream's images are base64 by default: one is stored only where the request itself asks for a URL.
        asked = prepared.request.response_format if prepared.request.stream else response_format
        keep = delivery.keep or asked == "url"
        backend = prepared.backend
        dependencies = self._dependencies
        if backend is not dependencies.backend:
            dependencies = replace(dependencies, backend=backend)
        runner = Runner(dependencies, plan, delivery, keep=keep, timings=timings)
        began = self.clock.monotonic()
        try:
            made = await runner.run(prepared.call, prepared.finish)
        except GatewayError as error:
            what = f"{plan.call.operation} with {backend.engine or plan.call.model.id} on {backend.name}"
            log_failure(error, what, seconds=self.clock.monotonic() - began)
            raise
        return ImageResult(
            created=self.clock.now(),
            operation=plan.call.operation,
            model=plan.call.model,
            engine=backend.engine,
            requested_model=prepared.request.model,
            backend=backend.name,
            prompt=plan.call.prompt,
            size=plan.finish.size,
            images=made.images,
            response_format=response_format,
            warnings=tuple(dict.fromkeys((*plan.warnings, *made.warnings))),
            timings=timings.seconds,
            safety_identifier=prepared.request.safety_identifier,
            degraded=prepared.is_degraded or made.degraded,
        )
