"""The settings: one table that the environment, the ``.env`` file, ``doctor`` and docs/configuration.md share."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, cast
from urllib.parse import urlsplit

from cloudflare_image_mcp.errors import GatewayError, SettingError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Set

    from cloudflare_image_mcp.catalog import Model, Operation
    from cloudflare_image_mcp.core.gateway import Options
    from cloudflare_image_mcp.core.model_names import ModelNames

CLOUDFLARE_API: Final = "https://api.cloudflare.com/client/v4"


@dataclass(frozen=True, slots=True)
class Account:
    """One Cloudflare account."""

    account_id: str
    api_token: str = field(repr=False)


_NAME: Final = re.compile(r"[A-Za-z0-9_-]+")
"""Of an account or a gateway: it becomes part of an address."""
_CREDENTIAL: Final = re.compile(r"[!-~]+")
"""What an HTTP header carries in one way alone: printable ASCII without a space."""
_KEY: Final = re.compile(r"[!-~](?:[ -~]*[!-~])?")
"""A client's key may hold spaces: OpenAI's own tests send "My API Key"."""


def _text(value: str) -> str:
    return value


def _name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError("letters, digits, hyphens and underscores")
    return value


def _credential(value: str) -> str:
    if not _CREDENTIAL.fullmatch(value):
        raise ValueError("printable ASCII characters without a space")
    return value


def _truth(value: str) -> bool:
    truths = {
        "on": True,
        "true": True,
        "1": True,
        "yes": True,
        "off": False,
        "false": False,
        "0": False,
        "no": False,
    }
    if value.lower() not in truths:
        raise ValueError("on or off")
    return truths[value.lower()]


def _one_of(*allowed: str) -> Callable[[str], str]:
    def parse(value: str) -> str:
        if value not in allowed:
            raise ValueError(f"one of {', '.join(allowed)}")
        return value

    return parse


def _hours(value: str) -> float:
    try:
        hours = float(value)
    except ValueError:
        hours = -1.0
    if not 0 <= hours <= 24 * 365 * 10:
        raise ValueError("a number of hours from 0 (kept for good) to 87600")
    return hours


def _address(value: str) -> str:
    """An origin, with or without a path behind it."""
    if not _is_address(value):
        raise ValueError("an http or https address such as https://images.example.com")
    return value.rstrip("/")


def _is_address(value: str) -> bool:
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        return False
    bare = not (parts.query or parts.fragment or re.search(r"\s", value))
    return bare and parts.scheme in {"http", "https"} and bool(parts.hostname) and port != 0


def _listed(value: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _keys(value: str) -> tuple[str, ...]:
    keys = _listed(value)
    # Commas alone are no keys, and must not open the door that somebody meant to lock.
    if (value and not keys) or not all(_KEY.fullmatch(key) for key in keys):
        raise ValueError("comma-separated keys of printable ASCII characters")
    return keys


def _hosts(value: str) -> tuple[str, ...]:
    hosts = _listed(value)
    if any("/" in host for host in hosts):
        raise ValueError("comma-separated host names such as images.example.com:3000, or *")
    return hosts


def _origins(value: str) -> tuple[str, ...]:
    origins = _listed(value)
    if not all(origin == "*" or re.fullmatch(r"[a-z][a-z0-9+.-]*://[^/]+", origin) for origin in origins):
        raise ValueError("comma-separated origins such as https://chat.example.com, or *")
    return origins


def _folders(value: str) -> tuple[Path, ...]:
    folders = tuple(Path(part).expanduser() for part in value.split(os.pathsep) if part.strip())
    if not all(folder.is_absolute() for folder in folders):
        raise ValueError(f"absolute paths of folders, with {os.pathsep} between two")
    return folders


def _accounts(value: str) -> tuple[Account, ...]:
    wanted = 'a JSON list of {"account_id": "…", "api_token": "…"}, both without spaces'
    try:
        accounts = tuple(
            Account(_name(row["account_id"].strip()), _credential(row["api_token"].strip()))
            for row in json.loads(value)
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        raise ValueError(wanted) from None
    if not accounts:
        raise ValueError(wanted)
    return accounts


@dataclass(frozen=True, slots=True)
class Setting:
    """One row: the name in the environment, the default as it would be written there, and how text is read."""

    name: str
    default: str | None
    parse: Callable[[str], object]
    meaning: str
    secret: bool = False

    @property
    def attribute(self) -> str:
        return self.name.lower()

    def read(self, text: str) -> object:
        """Raises ``SettingError``."""
        try:
            return self.parse(text)
        except ValueError as error:
            value = "its value" if self.secret else f'"{text}"'
            raise SettingError(f"{self.name} must be {error}; {value} is not") from None


def given(environ: Mapping[str, str], name: str) -> str | None:
    """What the environment says, without the space around it, which files and shells leave behind. An empty value is
    an absent one.
    """
    return environ.get(name, "").strip() or None


SETTINGS: Final[tuple[Setting, ...]] = (
    Setting("CLOUDFLARE_ACCOUNT_ID", None, _name, "the account whose Workers AI makes the images"),
    Setting("CLOUDFLARE_API_TOKEN", None, _credential, "its token, with the permission Workers AI", secret=True),
    Setting(
        "AI_ACCOUNTS",
        None,
        _accounts,
        "several accounts as a JSON list, balanced and failed over",
        secret=True,
    ),
    Setting(
        "CLOUDFLARE_API_BASE_URL",
        CLOUDFLARE_API,
        _address,
        "where Workers AI is; the emulator's address for tests",
    ),
    Setting("CLOUDFLARE_AI_GATEWAY", None, _name, "name of an AI Gateway that calls go through, but for FLUX.2"),
    Setting("NEURON_LEDGER_URL", None, _text, "where spent neurons are added up: file:///dir or memory:"),
    Setting("IMAGE_BACKEND", "auto", _one_of("auto", "workers-ai", "local"), "what makes the images"),
    Setting("LOCAL_ENGINE", "illustrator", _one_of("illustrator", "diffusers"), "what draws on this machine"),
    Setting("DIFFUSERS_MODEL", None, _text, "the diffusion model of LOCAL_ENGINE=diffusers: a folder or a hub id"),
    Setting("IMAGE_STORAGE_URL", None, _text, "where images are kept: file:///dir, s3://bucket/prefix or memory:"),
    Setting("IMAGE_EXPIRY_HOURS", "24", _hours, "how long a stored image lives; 0 keeps it for good"),
    Setting("PUBLIC_BASE_URL", None, _address, "origin of the image URLs handed out"),
    Setting("API_KEYS", "", _keys, "comma-separated keys that clients must send", secret=True),
    Setting("DEFAULT_MODEL", "flux-1-schnell", _text, "the model when a request names none"),
    Setting("DEFAULT_EDIT_MODEL", "flux-2-klein-4b", _text, "the same for edits and variations"),
    Setting("DEFAULT_RESPONSE_FORMAT", "url", _one_of("url", "b64_json"), "what an image comes back as"),
    Setting("EDIT_FALLBACK", "on", _truth, "another model makes the edit that the service refuses"),
    Setting("ALLOW_PRIVATE_IMAGE_URLS", "off", _truth, "fetch input images from private addresses too"),
    Setting("MCP_STRUCTURED_RESULTS", "on", _truth, "MCP results carry structured content beside text and images"),
    Setting("MCP_IMAGE_ROOTS", None, _folders, "folders that MCP over stdio may read input images from"),
    Setting("MCP_ALLOWED_HOSTS", "", _hosts, "Host names beyond this machine's under which /mcp answers without keys"),
    Setting("MCP_ALLOWED_ORIGINS", "", _origins, "origins of web pages that may use /mcp, beyond this machine's"),
    Setting("PROMPT_IN_METADATA", "on", _truth, "write the prompt into the image's metadata"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings as values. One attribute a row of ``SETTINGS``, in lower case."""

    cloudflare_account_id: str | None
    cloudflare_api_token: str | None = field(repr=False)
    ai_accounts: tuple[Account, ...] | None = field(repr=False)
    cloudflare_api_base_url: str
    cloudflare_ai_gateway: str | None
    neuron_ledger_url: str | None
    image_backend: Literal["auto", "workers-ai", "local"]
    local_engine: Literal["illustrator", "diffusers"]
    diffusers_model: str | None
    image_storage_url: str | None
    image_expiry_hours: float
    public_base_url: str | None
    api_keys: tuple[str, ...] = field(repr=False)
    default_model: str
    default_edit_model: str
    default_response_format: Literal["url", "b64_json"]
    edit_fallback: bool
    allow_private_image_urls: bool
    mcp_structured_results: bool
    mcp_image_roots: tuple[Path, ...] | None
    mcp_allowed_hosts: tuple[str, ...]
    mcp_allowed_origins: tuple[str, ...]
    prompt_in_metadata: bool

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Settings:
        """Reads the settings. Raises ``SettingError``."""
        values: dict[str, Any] = {}
        for setting in SETTINGS:
            text = given(environ, setting.name) or setting.default
            values[setting.attribute] = None if text is None else setting.read(text)
        return cls(**values)

    @property
    def accounts(self) -> tuple[Account, ...]:
        """All the accounts that are set, the single one first. Raises ``SettingError`` when only half of one is."""
        single = (self.cloudflare_account_id, self.cloudflare_api_token)
        if any(single) and not all(single):
            raise SettingError("CLOUDFLARE_ACCOUNT_ID and CLOUDFLARE_API_TOKEN must be set together")
        first = (Account(*cast("tuple[str, str]", single)),) if all(single) else ()
        return first + (self.ai_accounts or ())

    @property
    def backend(self) -> Literal["workers-ai", "local"]:
        """What ``auto`` comes to."""
        if self.image_backend != "auto":
            return self.image_backend
        return "workers-ai" if self.accounts else "local"

    @property
    def image_lifetime(self) -> timedelta | None:
        """None: stored images are kept for good."""
        return timedelta(hours=self.image_expiry_hours) if self.image_expiry_hours else None

    @property
    def models(self) -> ModelNames:
        """Raises ``SettingError`` also for a model that does not do what it would be the default for."""
        from cloudflare_image_mcp.catalog import Operation
        from cloudflare_image_mcp.core.model_names import ModelNames

        return ModelNames(
            _model("DEFAULT_MODEL", self.default_model, {Operation.GENERATE}),
            _model("DEFAULT_EDIT_MODEL", self.default_edit_model, {Operation.EDIT, Operation.VARY}),
        )

    def options(self) -> Options:
        """What the core is told of them. Raises ``SettingError``."""
        from cloudflare_image_mcp.core.gateway import Options

        return Options(
            names=self.models,
            response_format=self.default_response_format,
            edit_fallback=self.edit_fallback,
            stamp_prompt=self.prompt_in_metadata,
        )


def _model(name: str, value: str, operations: Set[Operation]) -> Model:
    from cloudflare_image_mcp.catalog import Operation, models
    from cloudflare_image_mcp.core.model_names import find_model

    able = ", ".join(model.short_name for model in models().values() if operations <= model.promise.tasks)
    try:
        model = find_model(value)
    except GatewayError:
        raise SettingError(f'{name} must be one of {able}; "{value}" is no model') from None
    if not operations <= model.promise.tasks:
        does = ", ".join(task for task in Operation if task in model.promise.tasks)
        raise SettingError(f'{name} must be one of {able}; "{value}" can only {does}')
    return model
