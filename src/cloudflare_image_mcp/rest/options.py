"""What the REST API takes from the settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cloudflare_image_mcp.limits import READ_TIMEOUT

if TYPE_CHECKING:
    from datetime import timedelta

    from cloudflare_image_mcp.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class AppOptions:
    """The options of the HTTP application."""

    api_keys: tuple[str, ...] = ()
    public_base_url: str | None = None
    # How long stored images are kept, from when they were made; None: for good.
    image_lifetime: timedelta | None = None
    # Whether the Markdown of a chat answer holds the image itself instead of its URL.
    chat_data_urls: bool = False
    # Origins whose web pages may use the server; "*" is any.
    allowed_origins: tuple[str, ...] = ("*",)
    # Seconds without data after which a request is given up.
    read_timeout: float = READ_TIMEOUT

    @classmethod
    def of(cls, settings: Settings) -> AppOptions:
        """Reads the options from the settings."""
        return cls(
            api_keys=settings.api_keys,
            public_base_url=settings.public_base_url,
            image_lifetime=settings.image_lifetime,
            chat_data_urls=settings.image_chat_data_urls,
            allowed_origins=settings.allowed_origins,
            read_timeout=settings.read_timeout,
        )
