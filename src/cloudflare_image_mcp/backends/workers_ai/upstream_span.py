"""The span of one call of Workers AI. https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/ names it and its
attributes; the convention has no operation for images yet, and lets one choose the name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from cloudflare_image_mcp.core.tracing import NO_SPAN

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from cloudflare_image_mcp.backends.workers_ai.accounts import Account
    from cloudflare_image_mcp.core.tracing import Span, Tracer

_OUTPUT: Final = {"image_generation": "image", "chat": "text"}


def upstream_span(
    tracer: Tracer, operation: Literal["image_generation", "chat"], model_id: str, account: Account, *, resends: int = 0
) -> AbstractContextManager[Span]:
    """``resends``: how often the same call was sent before. Of the account only the last four characters are shown."""
    if not tracer.is_on:
        return NO_SPAN
    attributes: dict[str, str | int | float] = {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": "cloudflare.workers_ai",
        "gen_ai.request.model": model_id,
        "gen_ai.output.type": _OUTPUT[operation],
        "cloudflare.account": account.account_id[-4:],
    }
    if resends:
        attributes["http.request.resend_count"] = resends
    return tracer.span(f"{operation} {model_id}", "client", attributes)
