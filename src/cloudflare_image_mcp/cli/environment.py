"""Reads the environment and a ``.env`` file in the working directory."""

from __future__ import annotations

import os
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

import click

from cloudflare_image_mcp.errors import SettingError
from cloudflare_image_mcp.settings import SETTINGS, Settings, given, is_unexpanded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

Source: TypeAlias = Literal["environment", ".env", "default"]


@dataclass(frozen=True, slots=True)
class Environment:
    """The environment after ``.env`` was read, and the names that the file added."""

    values: Mapping[str, str]
    file: Path | None
    from_file: frozenset[str]
    unread: tuple[int, ...] = ()
    """Lines of the file that are not ``NAME=VALUE`` and were ignored."""
    misspelt: tuple[str, ...] = ()
    """Warnings for names in the file that resemble a setting's name."""

    def source(self, name: str) -> Source:
        """Where a setting comes from. An empty variable counts as unset, and takes precedence over the file."""
        if given(self.values, name) is None:
            return "default"
        return ".env" if name in self.from_file else "environment"


def load_environment() -> Environment:
    """Reads ``.env``; what it has and the environment lacks goes into the environment, because libraries read
    their own names there (``AWS_ACCESS_KEY_ID``, ``HTTPS_PROXY``). Raises ``SettingError``.
    """
    path = Path(".env")
    try:
        text = path.read_text("utf-8-sig")
    except (FileNotFoundError, IsADirectoryError):
        return Environment(os.environ, None, frozenset())
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise SettingError(f"{path.absolute()} cannot be read: {reason}") from None
    from dotenv import dotenv_values
    from dotenv.parser import parse_stream

    found = dotenv_values(stream=StringIO(text))
    unread = tuple(binding.original.line for binding in parse_stream(StringIO(text)) if binding.error)
    added = {name: value for name, value in found.items() if value is not None and name not in os.environ}
    os.environ.update(added)
    return Environment(os.environ, path.absolute(), frozenset(added), unread, tuple(_misspelt(found)))


def load_settings() -> Settings:
    """Reads the settings, with a warning for each misspelt name in ``.env`` and each unexpanded variable. Raises
    ``SettingError``.
    """
    environment = load_environment()
    for warning in (*environment.misspelt, *_unexpanded(environment.values)):
        click.echo(f"{click.style('Warning:', fg='yellow')} {warning}", err=True)
    return Settings.read(environment.values)


def _unexpanded(values: Mapping[str, str]) -> Iterator[str]:
    for setting in SETTINGS:
        if is_unexpanded(values, setting.name):
            yield f"{setting.name} is a variable that was not expanded, and is not used"


def _misspelt(names: Iterable[str]) -> Iterator[str]:
    """Other programs' names may stand in the file too, so only those that resemble a setting's are reported, and none
    of OpenTelemetry's, which resemble each other.
    """
    from difflib import get_close_matches

    known = [setting.name for setting in SETTINGS]
    for name in names:
        if (
            name not in known
            and not name.startswith("OTEL_")
            and (close := get_close_matches(name.upper(), known, 1, 0.85))
        ):
            yield f".env: {name} is not a setting and is not used; did you mean {close[0]}?"
