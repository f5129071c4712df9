"""Fetches images of one origin with one fetcher and all others with another."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cloudflare_image_mcp.fetcher.http_values import DEFAULT_PORTS

if TYPE_CHECKING:
    from cloudflare_image_mcp.core.ports import ImageFetcher
    from cloudflare_image_mcp.imagefile.payload import Payload


class OriginFetcher:
    """An ``ImageFetcher`` for the images that models answer with. Where the configured API is an emulator, on this
    machine or in its network, the images are there too; any other private address is refused.
    """

    def __init__(self, url: str, *, own: ImageFetcher, others: ImageFetcher) -> None:
        """``own`` fetches what has the host and port of ``url``."""
        self._origin = origin_of(url)
        self._own = own
        self._others = others

    async def fetch(self, url: str, param: str) -> Payload:
        same = self._origin is not None and origin_of(url) == self._origin
        return await (self._own if same else self._others).fetch(url, param)


def origin_of(url: str) -> tuple[str, str, int] | None:
    """Returns scheme, host and port; None for what is not an ``http`` or ``https`` URL."""
    try:
        parts = urlsplit(url)
        port = parts.port or DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return None
    return None if port is None or not parts.hostname else (parts.scheme, parts.hostname, port)
