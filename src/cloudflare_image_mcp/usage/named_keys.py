"""Parses the TOML of named API keys: the content of ``API_KEYS_FILE``, and the text of ``API_KEYS_TOML``."""

from __future__ import annotations

import tomllib
from typing import Any, Final

from pydantic import ValidationError

from cloudflare_image_mcp.errors import shown
from cloudflare_image_mcp.usage.api_key import NAME, RESERVED, ApiKey


def parse_named_keys(text: str) -> dict[str, ApiKey]:
    """Returns the keys by name. Raises ``ValueError`` saying what is wrong where; it holds no key and no hash."""
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
