"""What a gateway is made with, and a request that it has checked."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from cloudflare_image_mcp.core.fallbacks import Fallbacks
from cloudflare_image_mcp.core.result import CacheOutcome, Maker
from cloudflare_image_mcp.errors import EditRefused, GatewayError
from cloudflare_image_mcp.request_context import RequestRecord

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from cloudflare_image_mcp.core.fallbacks import Failure
    from cloudflare_image_mcp.core.limiter import Reservation
    from cloudflare_image_mcp.core.model_names import ModelNames
    from cloudflare_image_mcp.core.plan import Plan
    from cloudflare_image_mcp.core.ports import Backend, Call, Defer, Finish
    from cloudflare_image_mcp.core.request import ImageRequest
    from cloudflare_image_mcp.core.runner import Timings
    from cloudflare_image_mcp.core.shared_run import Claim
    from cloudflare_image_mcp.core.staging import Inputs


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The operator's settings that hold for every interface."""

    names: ModelNames
    response_format: Literal["url", "b64_json"] = "url"
    fallbacks: Fallbacks = field(default_factory=Fallbacks)
    stamp_prompt: bool = True
    log_prompts: bool = False
    enhance_prompts: bool = False
    """Whether a text model writes the prompt of a request that does not say."""
    parallel: int = 8
    """Calls of one request under way at once."""
    image_cache: bool = False
    """Whether identical requests with a seed are answered from the store."""
    join_requests: bool = True
    """Whether they also wait for one that is being answered: one request cannot wake another one in a Worker."""

    def enhances(self, request: ImageRequest) -> bool:
        """Whether a text model is to write the prompt."""
        return self.enhance_prompts if request.enhance is None else request.enhance


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request that was checked: no error of the caller is left in it."""

    request: ImageRequest
    inputs: Inputs
    plan: Plan
    call: Call
    finish: Finish
    timings: Timings
    backend: Backend
    failures: tuple[Failure, ...] = ()
    """The models that failed before this one, the one asked for first."""
    reservation: Reservation | None = None
    """What is reserved of the daily limits of the API key."""
    record: RequestRecord = field(default_factory=RequestRecord)
    claim: Claim | None = None
    """What the cache has for the request, where it counts. Before a request is staged, its input images are not in
    ``call`` and ``finish`` yet; a request that is answered from the cache or joins another one is never staged.
    """

    def note_maker(self) -> None:
        """Names in the record the model and the backend that are to make the images."""
        self.record.model, self.record.backend = self.plan.call.model.id, self.backend.name

    @property
    def maker(self) -> Maker:
        """Who is to make the images; of a hit, who has made them."""
        claim = self.claim
        if claim is not None and claim.answer is not None:
            return Maker(claim.answer.made_by, claim.answer.backend)
        if claim is not None and claim.run is not None and claim.run.maker is not None:
            return claim.run.maker
        return Maker(self.backend.engine or self.plan.call.model.id, self.backend.name)

    @property
    def is_degraded(self) -> bool:
        """Whether something failed before that may work the next time; a refused edit will not."""
        failed = any(not isinstance(failure.error, EditRefused) for failure in self.failures)
        return failed or self.request.unenhanced

    @property
    def has_joined(self) -> bool:
        """Whether it waits for the run of an identical request."""
        return self.claim is not None and self.claim.outcome is CacheOutcome.JOINED


async def released_if_cancelled(
    preparing: Coroutine[Any, Any, Prepared], release: Callable[[Prepared], Awaitable[None]], defer: Defer
) -> Prepared:
    """Prepares a request in a task of its own. Where the caller is cancelled meanwhile, what is reserved is released
    when that task ends: the answer of shared counters may be on its way.
    """
    task = asyncio.ensure_future(preparing)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        defer(_release(task, release))
        raise


async def _release(task: asyncio.Future[Prepared], release: Callable[[Prepared], Awaitable[None]]) -> None:
    with suppress(GatewayError):  # nobody reads it
        await release(await task)
