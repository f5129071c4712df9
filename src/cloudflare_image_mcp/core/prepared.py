"""What a gateway is made with, and a request that it has checked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from cloudflare_image_mcp.core.fallbacks import Fallbacks
from cloudflare_image_mcp.request_context import RequestRecord

if TYPE_CHECKING:
    from cloudflare_image_mcp.core.fallbacks import Failure
    from cloudflare_image_mcp.core.limiter import Reservation
    from cloudflare_image_mcp.core.model_names import ModelNames
    from cloudflare_image_mcp.core.plan import Plan
    from cloudflare_image_mcp.core.ports import Backend, Call, Finish
    from cloudflare_image_mcp.core.request import ImageRequest
    from cloudflare_image_mcp.core.runner import Timings
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
