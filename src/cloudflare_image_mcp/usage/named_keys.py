"""Parses the TOML of named API keys: the content of ``API_KEYS_FILE``, and the text of ``API_KEYS_TOML``."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from cloudflare_image_mcp.errors import shown
from cloudflare_image_mcp.usage.api_key import NAME, RESERVED, ApiKey

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


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
        raise ValueError(_reason(name, error.errors(include_url=False)[0])) from None


def _reason(name: str, error: ErrorDetails) -> str:
    if not error["loc"]:
        return f"keys.{name} must be a table [keys.{name}]"
    field = str(error["loc"][0])
    known = ApiKey.model_fields.get(field)
    if known is None:
        return f"keys.{name}.{field} is no field of a key; there are {', '.join(ApiKey.model_fields)}"
    if error["type"] == "missing":
        return f"keys.{name}.{field} is required: {known.description}"
    # The value is not shown where a key may stand in place of its hash.
    value = "" if field == "sha256" else f", not {shown(error['input'])}"
    return f"keys.{name}.{field} must be {known.description}{value}"


def check_name(name: str) -> None:
    """Raises ``ValueError`` for what cannot be a key's name."""
    if not NAME.fullmatch(name) or name.startswith(RESERVED):
        raise ValueError(
            f"a key's name must be up to 64 letters, digits, dots, hyphens and underscores, and not begin with "
            f'"{RESERVED}"; {shown(name)} is not'
        )
