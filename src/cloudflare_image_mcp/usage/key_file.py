"""The file of named API keys (``API_KEYS_FILE``): reading it, and reading it again when it changes."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final

from cloudflare_image_mcp.errors import SettingError
from cloudflare_image_mcp.usage.api_key import Keyring
from cloudflare_image_mcp.usage.named_keys import parse_named_keys

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from cloudflare_image_mcp.core.access import Access
    from cloudflare_image_mcp.usage.api_key import ApiKey

LOOK_EVERY: Final = 1.0
"""Seconds between two looks at the file, which happen with a request."""

_log = logging.getLogger(__name__)


def read_keys(path: Path) -> dict[str, ApiKey]:
    """Reads the keys by their names. Raises ``SettingError`` saying what is wrong where; it holds no hash."""
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        raise SettingError(
            f"API_KEYS_FILE is {path}, which does not exist; `cloudflare-image-mcp keys add NAME` makes it"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise SettingError(f"API_KEYS_FILE is {path}, which cannot be read: {reason}") from None
    try:
        return parse_named_keys(text)
    except ValueError as error:
        raise SettingError(f"API_KEYS_FILE is {path}, which cannot be used: {error}") from None


class KeyFile:
    """The keys of the file and of ``API_KEYS``. A file that becomes unreadable leaves the last good keys in force."""

    def __init__(self, path: Path, others: Mapping[str, ApiKey]) -> None:
        """``others``: keys that are not in the file. Raises ``SettingError``."""
        self._path = path
        self._others = dict(others)
        self._seen = self._stamp()
        self._keyring = Keyring({**self._others, **read_keys(path)})
        self._looked = time.monotonic()

    def find(self, written: bytes, now: datetime) -> Access | None:
        """Returns the rights of a valid key."""
        if time.monotonic() - self._looked >= LOOK_EVERY:
            self._look()
        return self._keyring.find(written, now)

    def _look(self) -> None:
        self._looked = time.monotonic()
        stamp = self._stamp()
        if stamp == self._seen:
            return
        self._seen = stamp
        try:
            self._keyring = Keyring({**self._others, **read_keys(self._path)})
        except SettingError as error:
            _log.error("%s; the keys read before stay in force", error)
        else:
            _log.info("API_KEYS_FILE was read again")

    def _stamp(self) -> tuple[int, ...]:
        """What changes with the file; empty when it is gone."""
        try:
            stat = self._path.stat()
        except OSError:
            return ()
        return stat.st_mtime_ns, stat.st_size, stat.st_ino
