"""Completions: model ids, styles and stored images, as a user types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mcp_types import Completion

from cloudflare_image_mcp.catalog import models
from cloudflare_image_mcp.mcp_server.prompts import STYLES

if TYPE_CHECKING:
    from mcp.server.mcpserver import MCPServer
    from mcp_types import CompletionArgument

    from cloudflare_image_mcp.mcp_server.door import Door

MOST: Final = 100
"""Values in one answer, by the protocol."""
_IMAGES: Final = frozenset({"image", "mask"})


def add_completions(server: MCPServer[Any], door: Door) -> None:
    @server.completion()  # type: ignore[no-untyped-call, untyped-decorator]  # the SDK gives it no types
    async def complete(ref: object, argument: CompletionArgument, context: object) -> Completion:
        found = await _candidates(door, argument.name, argument.value)
        return Completion(values=found[:MOST], total=len(found), has_more=len(found) > MOST)


async def _candidates(door: Door, name: str, typed: str) -> list[str]:
    """What begins with the text typed first, then what contains it."""
    values: list[str] = []
    if name == "model":
        values = [model.id for model in models().values()]
    elif name == "style":
        values = list(STYLES)
    elif name == "id":
        values = [stored.key for stored in await door.gateway.store.list(MOST)]
    elif name in _IMAGES:
        values = [f"image://{stored.key}" for stored in await door.gateway.store.list(MOST)]
    text = typed.casefold()
    matching = [value for value in values if text in value.casefold()]
    return sorted(matching, key=lambda value: not value.casefold().startswith(text))
