"""Completions: model ids, styles and stored images, as a user types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mcp_types import CompleteResult, Completion

from cloudflare_image_mcp.core.own_images import list_own
from cloudflare_image_mcp.mcp_server.prompts import STYLES

if TYPE_CHECKING:
    from mcp.server.context import ServerRequestContext
    from mcp_types import CompleteRequestParams

    from cloudflare_image_mcp.mcp_server.endpoint import McpEndpoint

MAX_VALUES: Final = 100
"""Values in one answer, by the protocol."""
_IMAGE_ARGUMENTS: Final = frozenset({"image", "mask"})


class Completions:
    """Answers ``completion/complete``."""

    def __init__(self, endpoint: McpEndpoint) -> None:
        self._endpoint = endpoint

    async def complete(self, ctx: ServerRequestContext[Any, Any], params: CompleteRequestParams) -> CompleteResult:
        found = await self._candidates(params.argument.name, params.argument.value)
        values = Completion(values=found[:MAX_VALUES], total=len(found), has_more=len(found) > MAX_VALUES)
        return CompleteResult(completion=values)

    async def _candidates(self, name: str, typed: str) -> list[str]:
        """Returns the values that begin with the typed text, then those that contain it."""
        store = self._endpoint.gateway.store
        values: list[str] = []
        if name == "model":
            values = [model.id for model in self._endpoint.gateway.options.names.usable()]
        elif name == "style":
            values = list(STYLES)
        elif name == "id":
            values = [stored.key for stored in await list_own(store, MAX_VALUES)]
        elif name in _IMAGE_ARGUMENTS:
            values = [f"image://{stored.key}" for stored in await list_own(store, MAX_VALUES)]
        text = typed.casefold()
        matching = [value for value in values if text in value.casefold()]
        return sorted(matching, key=lambda value: not value.casefold().startswith(text))
