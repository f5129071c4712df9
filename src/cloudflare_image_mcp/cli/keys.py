"""``keys``: adds, lists and revokes the named API keys of ``API_KEYS_FILE``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

_OPERATIONS = ("generate", "edit", "vary")


@click.group(short_help="Add, list and revoke API keys.")
def keys() -> None:
    """Add, list and revoke the named API keys of API_KEYS_FILE. A running server obeys within two seconds.

    Example: cloudflare-image-mcp keys add alice --models "flux-*" --expires 2027-12-31
    """


@keys.command(short_help="Add a key, and print it once.")
@click.argument("name")
@click.option("--models", multiple=True, metavar="PATTERN", help="Only these models, such as flux-*; repeatable.")
@click.option("--operations", multiple=True, type=click.Choice(_OPERATIONS), help="Only these; repeatable.")
@click.option("--admin", is_flag=True, help="Sees what belongs to other keys too.")
@click.option("--expires", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]), help="When it ends, in UTC.")
def add(name: str, models: tuple[str, ...], operations: tuple[str, ...], admin: bool, expires: datetime | None) -> None:
    """Add the key NAME and print it. It cannot be shown again: only its hash is kept."""
    import hashlib
    import secrets
    from datetime import UTC

    from cloudflare_image_mcp.usage.key_file import check_name

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
    if name not in tables:
        known = ", ".join(tables) or "there are none"
        raise click.UsageError(f'there is no key "{name}" (keys: {known})')
    if "revoked" not in tables[name]:
        tables[name]["revoked"] = datetime.now(UTC).replace(microsecond=0)
        _write(path, document)
    click.echo(f"{name} is revoked.", err=True)


def _path() -> Path:
    """Raises ``SettingError``."""
    from cloudflare_image_mcp.cli.environment import load_settings
    from cloudflare_image_mcp.errors import SettingError

    path = load_settings().api_keys_file
    if path is None:
        raise SettingError("API_KEYS_FILE is not set; keys are kept in the TOML file that it names")
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
    """Replaces the file in one step, so that a server never reads half of it; only its owner may read it."""
    import os
    import tempfile
    from pathlib import Path

    import tomlkit

    from cloudflare_image_mcp.errors import SettingError

    try:
        handle, name = tempfile.mkstemp(prefix=".keys-", dir=path.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(tomlkit.dumps(document))
        Path(name).replace(path)
    except OSError as error:
        raise SettingError(f"API_KEYS_FILE is {path}, which cannot be written: {error.strerror}") from None
