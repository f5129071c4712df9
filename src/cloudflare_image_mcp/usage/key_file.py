"""The file of named API keys (``API_KEYS_FILE``, TOML): reading it, and reading it again when it changes."""

from __future__ import annotations

import logging
import time
import tomllib
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from cloudflare_image_mcp.errors import SettingError, shown
from cloudflare_image_mcp.usage.api_key import NAME, RESERVED, ApiKey, Keyring

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from cloudflare_image_mcp.core.access import Access

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
        return parse_keys(text)
    except ValueError as error:
        raise SettingError(f"API_KEYS_FILE is {path}, which cannot be used: {error}") from None


def parse_keys(text: str) -> dict[str, ApiKey]:
    """Raises ``ValueError`` saying what is wrong where."""
    document = tomllib.loads(text)
    tables = document.pop("keys", {})
    if document:
        raise ValueError(f"only tables [keys.NAME] are allowed, not {shown(next(iter(document)))}")
    if not isinstance(tables, dict):
        raise ValueError("keys must be tables [keys.NAME]")
    keys = {name: _key(name, table) for name, table in tables.items()}
    names: dict[str, str] = {}
    for name, key in keys.items():
        if other := names.get(key.sha256):
            raise ValueError(f"keys.{other} and keys.{name} are the same key")
        names[key.sha256] = name
    return keys


def _key(name: str, table: Any) -> ApiKey:
    check_name(name)
    try:
        return ApiKey.model_validate(table)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(["keys", name, *map(str, first["loc"])])
        # Only these values: a key may stand where its hash belongs, or under a name that is not known.
        value = f", not {shown(first['input'])}" if first["loc"][:1] in _SHOWN else ""
        raise ValueError(f"{place}: {first['msg']}{value}") from None


_SHOWN: Final = frozenset((field,) for field in ApiKey.model_fields if field != "sha256")
"""Where the value that is wrong may be shown."""


def check_name(name: str) -> None:
    """Raises ``ValueError`` for what cannot be a key's name."""
    if not NAME.fullmatch(name) or name.startswith(RESERVED):
        raise ValueError(
            f"a key's name must be up to 64 letters, digits, dots, hyphens and underscores, and not begin with "
            f'"{RESERVED}"; {shown(name)} is not'
        )


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
