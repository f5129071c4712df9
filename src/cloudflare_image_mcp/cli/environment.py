"""The settings as the command line finds them: the environment, then a ``.env`` file in the working directory."""

from __future__ import annotations

import os
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from cloudflare_image_mcp.errors import SettingError
from cloudflare_image_mcp.settings import Settings, given

if TYPE_CHECKING:
    from collections.abc import Mapping

Source: TypeAlias = Literal["environment", ".env", "default"]


@dataclass(frozen=True, slots=True)
class Environment:
    """The names and values in force, and which of them the file added."""

    values: Mapping[str, str]
    file: Path | None
    from_file: frozenset[str]
    unread: tuple[int, ...] = ()
    """Lines of the file that are no ``NAME=VALUE`` and were left out."""

    def source(self, name: str) -> Source:
        """Where a setting comes from. An empty value is an absent one, and hides the file's."""
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
    return Environment(os.environ, path.absolute(), frozenset(added), unread)


def load_settings() -> Settings:
    """Raises ``SettingError``."""
    return Settings.read(load_environment().values)
