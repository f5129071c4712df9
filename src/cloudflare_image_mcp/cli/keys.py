"""``keys``: adds, lists and revokes the named API keys of ``API_KEYS_FILE``, and shows what they have used."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from cloudflare_image_mcp.core.limiter import Limiter
    from cloudflare_image_mcp.settings import Settings
    from cloudflare_image_mcp.usage.api_key import ApiKey

_OPERATIONS = ("generate", "edit", "vary")
"""Those of ``Operation``, which takes longer to import than the help of this command."""
_LIMITS = {
    "requests_per_minute": "requests a minute",
    "images_per_day": "images a day",
    "neurons_per_day": "neurons a day",
    "usd_per_day": "US dollars a day",
}
"""The limits of a key, as the commands call them."""
_UNITS = {
    "requests": "requests in the last minute",
    "images": "images today",
    "neurons": "neurons today",
    "usd": "US dollars today",
}
"""What is used of them."""


class _Amount(click.FloatRange):
    """A finite number above 0: ``nan`` and ``inf`` are numbers to Python, and would make the file unreadable."""

    def __init__(self) -> None:
        super().__init__(0, min_open=True)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number above 0.", param, ctx)
        return number


@click.group(short_help="Add, list and revoke API keys.")
def keys() -> None:
    """Add, list and revoke the named API keys of API_KEYS_FILE, and show what they have used.

    A running server reads the file again within two seconds.

    Example: cloudflare-image-mcp keys add alice --models "flux-*" --expires 2027-12-31
    """


@keys.command(short_help="Add a key, and print it once.")
@click.argument("name")
@click.option("--models", multiple=True, metavar="PATTERN", help="Only these models, such as flux-*; repeatable.")
@click.option("--operations", multiple=True, type=click.Choice(_OPERATIONS), help="Only these; repeatable.")
@click.option("--requests-per-minute", metavar="N", type=click.IntRange(1), help="At most N requests a minute.")
@click.option("--images-per-day", metavar="N", type=click.IntRange(1), help="At most N images a day (UTC).")
@click.option("--neurons-per-day", metavar="X", type=_Amount(), help="At most X neurons a day.")
@click.option("--usd-per-day", metavar="X", type=_Amount(), help="At most X US dollars a day.")
@click.option("--admin", is_flag=True, help="It sees what belongs to other keys too.")
@click.option(
    "--expires",
    metavar="DATE",
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]),
    help="When it ends: a date, or a time such as 2027-12-31T18:00:00, in UTC.",
)
def add(
    name: str,
    models: tuple[str, ...],
    operations: tuple[str, ...],
    admin: bool,
    expires: datetime | None,
    **limits: float | None,
) -> None:
    """Add the key NAME and print it. It cannot be shown again: only its hash is kept."""
    import hashlib
    import secrets
    from datetime import UTC

    from cloudflare_image_mcp.usage.named_keys import check_name

    try:
        check_name(name)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    path = _path()
    document, tables = _read(path)
    if name in tables:
        raise click.UsageError(f'there is a key "{name}" already (a revoked one keeps its name, and its images)')
    key = f"cim_{secrets.token_urlsafe(32)}"
    given = {
        "models": list(models),
        "operations": list(operations),
        **limits,
        "admin": admin,
        "expires": expires and expires.replace(tzinfo=UTC),
    }
    tables[name] = {
        "sha256": hashlib.sha256(key.encode()).hexdigest(),
        **{field: value for field, value in given.items() if value},
    }
    _write(path, document)
    click.echo(key)
    click.echo(f"This key of {name} is not shown again; {path} has its hash.", err=True)


@keys.command(name="list", short_help="List the keys.")
def list_() -> None:
    """List the keys with their rights."""
    from datetime import UTC, datetime

    from cloudflare_image_mcp.usage.key_file import read_keys

    for name, key in read_keys(_path()).items():
        rights = [
            "revoked" if key.revoked else "valid" if key.is_valid(datetime.now(UTC)) else "expired",
            "admin" if key.admin else "",
            f"models {', '.join(key.models)}" if key.models else "",
            f"operations {', '.join(sorted(key.operations))}" if key.operations else "",
            *(f"{limit:g} {_LIMITS[field]}" for field, limit in _limits(key).items()),
            f"expires {key.expires:%Y-%m-%d %H:%M} UTC" if key.expires else "",
        ]
        click.echo(f"{name}: {'; '.join(filter(None, rights))}")


@keys.command(short_help="Revoke a key.")
@click.argument("name")
def revoke(name: str) -> None:
    """Revoke the key NAME. The entry stays, so that nobody else gets its name and its images."""
    from datetime import UTC, datetime

    path = _path()
    document, tables = _read(path)
    _check_known(name, tables)
    if "revoked" not in tables[name]:
        tables[name]["revoked"] = datetime.now(UTC).replace(microsecond=0)
        _write(path, document)
    click.echo(f"{name} is revoked.", err=True)


@keys.command(short_help="Show what keys have used.")
@click.argument("name", required=False)
def usage(name: str | None) -> None:
    """Show what the key NAME, or each key with limits, has used in this minute and today (UTC)."""
    import asyncio

    from cloudflare_image_mcp.assembly import open_counters
    from cloudflare_image_mcp.cli.environment import load_settings
    from cloudflare_image_mcp.core.limiter import Limiter
    from cloudflare_image_mcp.errors import SettingError
    from cloudflare_image_mcp.system import SystemClock
    from cloudflare_image_mcp.usage.key_file import read_keys
    from cloudflare_image_mcp.usage.local_counters import LocalCounters

    settings = load_settings()
    found = read_keys(_path(settings))
    if name is not None:
        _check_known(name, found)
        found = {name: found[name]}
    counters = open_counters(settings)
    if isinstance(counters, LocalCounters):
        raise SettingError(
            "NEURON_LEDGER_URL is memory: and REDIS_URL is not set; what keys have used is in the server alone"
        )
    asyncio.run(_print_usage(found, Limiter(counters, SystemClock())))


async def _print_usage(found: dict[str, ApiKey], limiter: Limiter) -> None:
    from cloudflare_image_mcp.core.quota import CountersFailed
    from cloudflare_image_mcp.errors import GatewayError

    try:
        for name, key in found.items():
            used = await limiter.used(key.access(name))
            parts = [f"{_amount(value)} of {_amount(limit)} {_UNITS[kind]}" for kind, (value, limit) in used.items()]
            click.echo(f"{name}: {'; '.join(parts) or 'no limits'}")
    except CountersFailed as error:
        raise GatewayError("storage_error", str(error)) from None
    finally:
        await limiter.aclose()


def _amount(value: float) -> str:
    return f"{value:,.4f}".rstrip("0").rstrip(".")


def _limits(key: ApiKey) -> dict[str, float]:
    limits = {field: getattr(key, field) for field in _LIMITS}
    return {field: limit for field, limit in limits.items() if limit is not None}


def _check_known(name: str, found: Any) -> None:
    if name not in found:
        known = ", ".join(found) or "there are none"
        raise click.UsageError(f'there is no key "{name}" (keys: {known})')


def _path(settings: Settings | None = None) -> Path:
    """Raises ``SettingError``."""
    from cloudflare_image_mcp.cli.environment import load_settings
    from cloudflare_image_mcp.errors import SettingError

    path = (settings or load_settings()).api_keys_file
    if path is None:
        raise SettingError(
            "API_KEYS_FILE is not set; it must be the absolute path of the TOML file that keeps the keys"
        )
    return path


def _read(path: Path) -> tuple[Any, Any]:
    """The file as a document that keeps its comments, and its table ``keys``. Raises ``SettingError``."""
    import tomlkit

    from cloudflare_image_mcp.usage.key_file import read_keys

    if not path.exists():
        document = tomlkit.document()
    else:
        read_keys(path)  # what the server could not read is not written to either
        document = tomlkit.parse(path.read_text("utf-8"))
    return document, document.setdefault("keys", tomlkit.table(is_super_table=True))


def _write(path: Path, document: Any) -> None:
    """Replaces the file in one step, so that a server never reads half of it. A new one, and one that everybody could
    read, only its owner may read.
    """
    import tomlkit

    from cloudflare_image_mcp.cli.output_files import replace_file
    from cloudflare_image_mcp.errors import SettingError

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.stat().st_mode & 0o007:
            path.chmod(0o600)
        replace_file(path, tomlkit.dumps(document).encode(), mode=0o600)
    except OSError as error:
        raise SettingError(f"API_KEYS_FILE is {path}, which cannot be written: {error.strerror}") from None
