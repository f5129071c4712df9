"""``GET /v1/images``, ``GET`` and ``DELETE /v1/images/{id}``: the records of stored images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cloudflare_image_mcp.core.own_images import FIRST_LOOK, find_own, is_own
from cloudflare_image_mcp.errors import GatewayError, invalid, shown
from cloudflare_image_mcp.rest.answer import image_url
from cloudflare_image_mcp.rest.pages import page, read_limit

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from cloudflare_image_mcp.core.gateway import Gateway
    from cloudflare_image_mcp.core.ports import ImageStore, StoredImage


class StoredImages:
    """The store's records as the REST API shows them."""

    def __init__(self, gateway: Gateway, lifetime: timedelta | None) -> None:
        """``lifetime`` of stored images; None: they are kept for good."""
        self._store: ImageStore = gateway.store
        self._lifetime = lifetime

    async def page(self, query: Mapping[str, str], base_url: str) -> dict[str, Any]:
        """The newest images, at most ``limit``, those after the image ``after``, those that hold the words of ``q``.

        Raises ``GatewayError`` (400) naming the parameter.
        """
        limit = read_limit(query)
        words = query.get("q", "").casefold().split()
        after = query.get("after") or None
        look = max(FIRST_LOOK, limit + 1)
        while True:
            records = await self._store.list(look)
            rest = _following([record for record in records if is_own(record)], after, complete=len(records) < look)
            found = [record for record in rest if _matches(record, words)]
            if len(found) > limit or len(records) < look:
                break
            look *= 2
        return page([self._object(record, base_url) for record in found[:limit]], has_more=len(found) > limit)

    async def record(self, image_id: str, base_url: str) -> dict[str, Any]:
        """Raises ``GatewayError`` (404)."""
        return self._object(await self._find(image_id), base_url)

    async def delete(self, image_id: str) -> dict[str, Any]:
        """Raises ``GatewayError`` (404)."""
        stored = await self._find(image_id)
        return {"id": stored.id, "object": "image", "deleted": await self._store.delete(stored.key)}

    async def _find(self, image_id: str) -> StoredImage:
        stored = await find_own(self._store, image_id)
        if stored is None:
            raise GatewayError("not_found", f"image {shown(image_id)} does not exist, or has expired")
        return stored

    def _object(self, stored: StoredImage, base_url: str) -> dict[str, Any]:
        details = stored.details
        expires = None if self._lifetime is None else int((stored.created + self._lifetime).timestamp())
        seed = details.get("seed", "")
        return {
            "id": stored.id,
            "object": "image",
            "url": image_url(base_url, stored.key),
            "created": int(stored.created.timestamp()),
            "expires": expires,
            "bytes": stored.size,
            "media_type": stored.media_type,
            "size": f"{details['width']}x{details['height']}" if {"width", "height"} <= details.keys() else None,
            "operation": details.get("operation"),
            "model": details.get("model"),
            "backend": details.get("backend"),
            "seed": int(seed) if seed.isdecimal() else None,
            "prompt": details.get("prompt"),
        }


def _following(records: list[StoredImage], after: str | None, *, complete: bool) -> list[StoredImage]:
    """Those older than ``after``; none yet when it may be among records that were not read."""
    if after is None:
        return records
    for index, record in enumerate(records):
        if after in (record.id, record.key):
            return records[index + 1 :]
    if complete:
        raise invalid("after", f"after must be the id of a stored image; {shown(after)} does not exist, or has expired")
    return []


def _matches(stored: StoredImage, words: list[str]) -> bool:
    """Whether each word stands in the prompt, the model, the size or the seed."""
    details = stored.details
    text = " ".join(
        (
            details.get("prompt", ""),
            details.get("model", ""),
            f"{details.get('width', '')}x{details.get('height', '')}",
            details.get("seed", ""),
        )
    ).casefold()
    return all(word in text for word in words)
