"""What the REST API takes from the settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cloudflare_image_mcp.errors import SettingError
from cloudflare_image_mcp.limits import READ_TIMEOUT
from cloudflare_image_mcp.usage.api_key import Keyring

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from cloudflare_image_mcp.core.metrics import Metrics
    from cloudflare_image_mcp.settings import Settings
    from cloudflare_image_mcp.usage.api_key import Keys


@dataclass(frozen=True, slots=True, kw_only=True)
class AppOptions:
    """The options of the HTTP application."""

    # None: everybody may do everything.
    keys: Keys | None = None
    public_base_url: str | None = None
    # How long stored images are kept, from when they were made; None: for good.
    image_lifetime: timedelta | None = None
    # Whether the Markdown of a chat answer holds the image itself instead of its URL.
    chat_data_urls: bool = False
    # Origins whose web pages may use the server; "*" is any.
    allowed_origins: tuple[str, ...] = ("*",)
    # Seconds without data after which a request is given up.
    read_timeout: float = READ_TIMEOUT
    # Whether /metrics needs no admin key.
    metrics_open: bool = False
    # Writes the answer to /metrics, and its media type; None where the client library is missing.
    write_metrics: Callable[[Metrics], tuple[bytes, str]] | None = None

    @classmethod
    def of(cls, settings: Settings, keys: Keys | None = None) -> AppOptions:
        """Reads the options from the settings. ``keys``: all, those of ``API_KEYS_FILE`` too. Without them only those
        of the other settings count, and a file that was not opened raises ``SettingError``: nobody must be let in
        without a key.
        """
        if keys is None and settings.api_keys_file:
            raise SettingError(
                "API_KEYS_FILE cannot be used here, where there are no files: set API_KEYS_TOML to its text"
            )
        if keys is None and settings.has_keys:
            keys = Keyring(settings.fixed_keys)
        return cls(
            keys=keys,
            public_base_url=settings.public_base_url,
            image_lifetime=settings.image_lifetime,
            chat_data_urls=settings.image_chat_data_urls,
            allowed_origins=settings.allowed_origins,
            read_timeout=settings.read_timeout,
            metrics_open=settings.metrics_open,
        )
