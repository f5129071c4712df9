"""Parses the values of settings from text. Each parser raises ``ValueError`` whose message says what is allowed."""

from __future__ import annotations

import json
import math
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class AccountSetting:
    """One Cloudflare account."""

    account_id: str
    api_token: str = field(repr=False)


# Names of accounts and gateways become part of a URL.
_NAME: Final = re.compile(r"[A-Za-z0-9_-]+")
# Text that every HTTP implementation sends in the same way: printable ASCII without a space.
_CREDENTIAL: Final = re.compile(r"[!-~]+")
# A client's key may hold spaces: OpenAI's own tests send "My API Key".
_KEY: Final = re.compile(r"[!-~](?:[ -~]*[!-~])?")


def parse_name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError("letters, digits, hyphens and underscores")
    return value


def parse_credential(value: str) -> str:
    if not _CREDENTIAL.fullmatch(value):
        raise ValueError("printable ASCII characters without a space")
    return value


def parse_hours(value: str) -> float:
    return _parse_number(value, 0, 24 * 365 * 10, "a number of hours from 0 (kept for good) to {}")


def parse_seconds(value: str) -> float:
    return _parse_number(value, 1, 3600, "a number of seconds from 1 to {}")


def _parse_number(value: str, least: int, most: int, allowed: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not least <= number <= most:
        raise ValueError(allowed.format(most))
    return number


def parse_address(value: str) -> str:
    """Parses an origin, with or without a path."""
    if not is_url(value) or re.search(r"[?#]", value):
        raise ValueError("an http or https address such as https://images.example.com")
    return value.rstrip("/")


def is_url(value: str) -> bool:
    """Whether it is an http or https URL."""
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and port != 0 and not re.search(r"\s", value)


def parse_list(value: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in value.split(",") if part.strip())


def parse_keys(value: str) -> tuple[str, ...]:
    keys = parse_list(value)
    # Commas alone are no keys: they must not leave a server open that somebody meant to protect.
    if (value and not keys) or not all(_KEY.fullmatch(key) for key in keys):
        raise ValueError("comma-separated keys of printable ASCII characters")
    return keys


def parse_key_tables(value: str) -> str:
    """Checks the text and returns it as it is: reading ``.env`` must not cost the import of the keys' model."""
    from cloudflare_image_mcp.usage.named_keys import parse_named_keys

    try:
        parse_named_keys(value)
    except ValueError as error:
        raise ValueError(f"TOML tables [keys.NAME], as in API_KEYS_FILE ({error})") from None
    return value


def parse_hosts(value: str) -> tuple[str, ...]:
    hosts = parse_list(value)
    if any("/" in host for host in hosts):
        raise ValueError("comma-separated host names such as images.example.com:3000, or *")
    return hosts


def parse_origins(value: str) -> tuple[str, ...]:
    origins = parse_list(value)
    if not all(origin == "*" or re.fullmatch(r"[a-z][a-z0-9+.-]*://[^/]+", origin) for origin in origins):
        raise ValueError("comma-separated origins such as https://chat.example.com, or *")
    return origins


def parse_folders(value: str) -> tuple[Path, ...]:
    folders = tuple(Path(part).expanduser() for part in value.split(os.pathsep) if part.strip())
    if not all(folder.is_absolute() for folder in folders):
        raise ValueError(f"absolute paths of folders, with {os.pathsep} between two")
    return folders


def parse_file(value: str) -> Path:
    path = Path(value).expanduser()
    if not path.is_absolute():
        raise ValueError("the absolute path of a file")
    return path


LLAMA_GUARD: Final = "llama-guard"


def parse_prompt_filter(value: str) -> str:
    """Returns ``llama-guard``, or the absolute path of a file as ``file:/path``."""
    scheme, _, path = value.partition(":")
    if value != LLAMA_GUARD and not (scheme == "file" and Path(path).expanduser().is_absolute()):
        raise ValueError(f"{LLAMA_GUARD}, or file:/path with an absolute path")
    return value


def parse_redis_url(value: str) -> str:
    if not re.match(r"(redis|rediss)://[^/]|unix:///", value):
        raise ValueError("redis://host:port/0, rediss:// for TLS, or unix:///path")
    return value


def parse_accounts(value: str) -> tuple[AccountSetting, ...]:
    wanted = 'a JSON list of {"account_id": "…", "api_token": "…"}, both without spaces'
    try:
        accounts = tuple(
            AccountSetting(parse_name(row["account_id"].strip()), parse_credential(row["api_token"].strip()))
            for row in json.loads(value)
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        raise ValueError(wanted) from None
    if not accounts:
        raise ValueError(wanted)
    return accounts


def parse_model_lists(value: str) -> dict[str, tuple[str, ...]]:
    wanted = 'a JSON object such as {"flux-1-schnell": ["flux-2-klein-4b", "local"]}'
    try:
        lists = json.loads(value)
    except ValueError:
        raise ValueError(wanted) from None
    if not isinstance(lists, dict) or not all(
        isinstance(names, list) and all(isinstance(name, str) for name in names) for names in lists.values()
    ):
        raise ValueError(wanted)
    return {model: tuple(names) for model, names in lists.items()}


def parse_model_aliases(value: str) -> dict[str, str]:
    wanted = 'a JSON object such as {"gpt-image-2": "flux-2-klein-9b"}'
    try:
        names = json.loads(value)
    except ValueError:
        raise ValueError(wanted) from None
    if not isinstance(names, dict) or not all(name.strip() and isinstance(model, str) for name, model in names.items()):
        raise ValueError(wanted)
    return {name.strip().lower(): model for name, model in names.items()}


def parse_text_model(value: str) -> str:
    if not re.fullmatch(r"@(?:cf|hf)/[\w.-]+/[\w.-]+", value):
        raise ValueError("the id of a text model of Workers AI such as @cf/meta/llama-3.2-3b-instruct")
    return value
