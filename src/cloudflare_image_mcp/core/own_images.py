"""Stored images that the caller may list, describe and delete: those of its own API key, or all for an admin key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudflare_image_mcp.core.access import access
from cloudflare_image_mcp.core.image_sources import find_stored

if TYPE_CHECKING:
    from cloudflare_image_mcp.core.ports import ImageStore, StoredImage

FIRST_LOOK = 256
"""Records read at first; twice as many each time that too few of them are the caller's."""


def is_own(stored: StoredImage) -> bool:
    return access.get().sees(stored.owner)


async def find_own(store: ImageStore, name: str) -> StoredImage | None:
    """The caller's image under a key, or under a key without its extension."""
    found = await find_stored(store, name)
    return found if found is not None and is_own(found) else None


async def list_own(store: ImageStore, limit: int) -> list[StoredImage]:
    """Up to ``limit`` of the caller's images, the newest first."""
    look = limit if access.get().admin else max(limit, FIRST_LOOK)
    while True:
        records = await store.list(look)
        own = [record for record in records if is_own(record)]
        if len(own) >= limit or len(records) < look:
            return own[:limit]
        look *= 2
