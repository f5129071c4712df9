"""Exit codes of the program, by kind of error. docs/cli.md has the same table."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudflare_image_mcp.errors import ErrorKind


class ExitCode(IntEnum):
    """0 to 8, and the shell's number for an interrupt, 130."""

    OK = 0
    FAILED = 1
    """A defect of this program; ``doctor``: something is broken; standard output was closed."""
    USAGE = 2
    """A parameter, an option or an input image that is not allowed."""
    NOT_FOUND = 3
    """A model or a file that does not exist, or a model that does not do this."""
    REFUSED = 4
    """The service finds the prompt or the image against its policy."""
    QUOTA = 5
    """The day's neurons are used up, or too many requests."""
    UPSTREAM = 6
    """The service failed, is overloaded, or took too long."""
    STORAGE = 7
    """A file, standard output or the image store cannot be written or read."""
    SETTINGS = 8
    """A setting cannot be used, a server cannot listen there, credentials are refused, or a part is not installed."""
    INTERRUPTED = 130


_BY_CODE: Final[Mapping[str | None, ExitCode]] = {
    "content_policy_violation": ExitCode.REFUSED,
    "edit_not_available": ExitCode.NOT_FOUND,
    "invalid_api_key": ExitCode.SETTINGS,
    "upstream_authentication_error": ExitCode.SETTINGS,
    "storage_error": ExitCode.STORAGE,
}
"""Rows of the error table whose exit code differs from that of their HTTP status."""

_BY_STATUS: Final[Mapping[int, ExitCode]] = {
    400: ExitCode.USAGE,
    403: ExitCode.SETTINGS,
    404: ExitCode.NOT_FOUND,
    405: ExitCode.USAGE,
    408: ExitCode.UPSTREAM,
    413: ExitCode.USAGE,
    415: ExitCode.USAGE,
    416: ExitCode.USAGE,
    429: ExitCode.QUOTA,
    500: ExitCode.FAILED,
    501: ExitCode.FAILED,
    502: ExitCode.UPSTREAM,
    503: ExitCode.UPSTREAM,
    504: ExitCode.UPSTREAM,
}


def exit_code(row: ErrorKind) -> ExitCode:
    """The exit code of a row of the error table."""
    return _BY_CODE.get(row.code) or _BY_STATUS[row.status]
