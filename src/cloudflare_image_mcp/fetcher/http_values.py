"""Values of HTTP that all fetchers share. Needs no aiohttp, which takes 70 ms to import and is not in a Worker."""

from __future__ import annotations

from typing import Final

ACCEPT: Final = "image/png, image/jpeg, image/webp, image/gif"
"""The header, with the formats that are taken."""
REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
"""Statuses."""
DEFAULT_PORTS: Final = {"http": 80, "https": 443}
