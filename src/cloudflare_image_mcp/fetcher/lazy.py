"""An image fetcher that is made at its first use: importing aiohttp takes 70 ms, and most requests name no URL."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloudflare_image_mcp.core.ports import ImageFetcher
    from cloudflare_image_mcp.imagefile.payload import Payload


class LazyFetcher:
    """An ``ImageFetcher`` that passes each call to the one that ``make`` returns."""

    def __init__(self, make: Callable[[], ImageFetcher]) -> None:
        self._make = make
        self._fetcher: ImageFetcher | None = None

    async def fetch(self, url: str, param: str) -> Payload:
        if self._fetcher is None:
            self._fetcher = self._make()
        return await self._fetcher.fetch(url, param)
