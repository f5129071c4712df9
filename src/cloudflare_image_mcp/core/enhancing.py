"""Has a text model write a better prompt, where the caller or the operator wants one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from cloudflare_image_mcp.errors import GatewayError

if TYPE_CHECKING:
    from cloudflare_image_mcp.catalog import Model
    from cloudflare_image_mcp.core.ports import Backend, PromptWriter
    from cloudflare_image_mcp.core.request import ImageRequest

TIMEOUT: Final = 5.0
"""Seconds after which the prompt is used as it came."""


async def enhance(
    request: ImageRequest, model: Model, backend: Backend, writer: PromptWriter | None, *, longest: int
) -> ImageRequest:
    """Returns the request with a new prompt; or as it is, with a warning where that failed. ``longest``: characters of
    a prompt that the model takes.
    """
    if not request.prompt.strip():
        return request
    if writer is None or backend.engine is not None:
        # The embedded engine reads the prompt as it is.
        return _with_warning(request, "enhance was ignored: it needs Workers AI") if request.enhance else request
    try:
        async with asyncio.timeout(TIMEOUT):
            text = await writer.write(request.prompt, request.operation, english=not model.proxied)
    except TimeoutError:
        reason = f"it took over {TIMEOUT:g} seconds"
    except GatewayError as error:
        reason = str(error).rstrip(".")
    else:
        if len(text) <= longest:
            return request.replace(prompt=text, original_prompt=request.prompt)
        reason = f"the new one is longer than {longest:,} characters"
    return _with_warning(request, f"the prompt was not enhanced: {reason}").replace(unenhanced=True)


def _with_warning(request: ImageRequest, warning: str) -> ImageRequest:
    return request.replace(warnings=(*request.warnings, warning))
