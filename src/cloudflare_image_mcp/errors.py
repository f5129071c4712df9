"""The table of all errors that a caller can get: status, type and code.

Every interface takes the status, type and code from the table. The envelope is OpenAI's:
``{"error": {"message", "type", "param", "code"}}``. ``docs/errors.md`` explains each row, and a test fails when one
is missing there.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class ErrorKind:
    """One row: the HTTP status, OpenAI's ``type`` and ``code``, and whether the same request may succeed later."""

    status: int
    type: str
    code: str | None
    retry: bool = False
    retry_after: float | None = None
    """Default for ``retry-after``, in seconds."""
    another_model: bool = False
    """Whether another model may make the image where this error ended a backend's attempt: see ``FALLBACKS``."""


_INVALID: Final = "invalid_request_error"

ERRORS: Final[Mapping[str, ErrorKind]] = MappingProxyType(
    {
        "invalid_request": ErrorKind(400, _INVALID, None),
        "invalid_image": ErrorKind(400, _INVALID, "invalid_image"),
        "invalid_image_url": ErrorKind(400, _INVALID, "invalid_image_url"),
        "content_policy_violation": ErrorKind(400, _INVALID, "content_policy_violation"),
        "edit_not_available": ErrorKind(400, _INVALID, "edit_not_available", another_model=True),
        "invalid_api_key": ErrorKind(401, _INVALID, "invalid_api_key"),
        "not_allowed": ErrorKind(403, _INVALID, "not_allowed"),
        "origin_not_allowed": ErrorKind(403, _INVALID, "origin_not_allowed"),
        "model_not_found": ErrorKind(404, _INVALID, "model_not_found", another_model=True),
        "not_found": ErrorKind(404, _INVALID, "not_found"),
        "method_not_allowed": ErrorKind(405, _INVALID, "method_not_allowed"),
        "request_timeout": ErrorKind(408, _INVALID, "request_timeout", retry=True),
        "request_too_large": ErrorKind(413, _INVALID, "request_too_large"),
        "unsupported_media_type": ErrorKind(415, _INVALID, "unsupported_media_type"),
        "range_not_satisfiable": ErrorKind(416, _INVALID, "range_not_satisfiable"),
        "insufficient_quota": ErrorKind(429, "insufficient_quota", "insufficient_quota", another_model=True),
        "rate_limit_exceeded": ErrorKind(
            429, "rate_limit_error", "rate_limit_exceeded", retry=True, retry_after=15, another_model=True
        ),
        "internal_error": ErrorKind(500, "server_error", "internal_error"),
        "not_supported_here": ErrorKind(501, "server_error", "not_supported_here"),
        "upstream_authentication_error": ErrorKind(
            502, "server_error", "upstream_authentication_error", another_model=True
        ),
        "upstream_error": ErrorKind(502, "server_error", "upstream_error", retry=True, another_model=True),
        "storage_error": ErrorKind(503, "server_error", "storage_error", retry=True),
        "interrupted": ErrorKind(503, "server_error", "interrupted", retry=True),
        "overloaded": ErrorKind(503, "server_error", "overloaded", retry=True, retry_after=5, another_model=True),
        "upstream_timeout": ErrorKind(504, "server_error", "upstream_timeout", retry=True, another_model=True),
    }
)


class GatewayError(Exception):
    """An error for the caller. ``str(error)`` is the message: one sentence, no secret, no traceback.

    ``kind`` names a row of ``ERRORS``. ``param`` is the invalid parameter, as the caller wrote it. ``retry_after``
    is in seconds; None takes the default of the row.
    """

    def __init__(self, kind: str, message: str, *, param: str | None = None, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.row = ERRORS[kind]
        self.param = param
        self.retry_after = self.row.retry_after if retry_after is None else retry_after
        self.logged = False  # set by logs.log_failure

    @property
    def message(self) -> str:
        return str(self)

    def envelope(self) -> dict[str, dict[str, str | None]]:
        """The JSON body that OpenAI's SDKs read."""
        return {
            "error": {
                "message": printable(self.message),
                "type": self.row.type,
                "param": None if self.param is None else printable(self.param),
                "code": self.row.code,
            }
        }


def invalid(param: str | None, message: str) -> GatewayError:
    """Returns the error for an invalid parameter: 400 with its name."""
    return GatewayError("invalid_request", message, param=param)


def shown(value: object, limit: int = 60) -> str:
    """Formats a caller's value for a message: as JSON has it, text in quotes, cut after ``limit`` characters."""
    text = f'"{printable(value)}"' if isinstance(value, str) else printable(_written(value))
    return text if len(text) <= limit else f"{text[:limit]}…"


def _written(value: object) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):  # no value of JSON, such as bytes
        return repr(value)


def masked_url(url: str) -> str:
    """Returns a URL without what may be a secret in it: user name, password, query and fragment. A setting's value that
    is no URL is returned as it is.
    """
    if url.lower().startswith("file:///"):
        start, rest = url[:8], url[8:]
    else:
        match = re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", url)
        start = match[0] if match else ""
        rest = url[len(start) :]
        # Without a scheme it may be no URL: @cf/ begins the id of a model.
        if address := re.fullmatch(r"(.*)@(.*)" if start else r"(.*)@(?!cf/)(.*)", rest, re.DOTALL):
            user, rest = address.groups()
            if re.search(r"[?#]", user):
                return f"{start}***"
            start += "***@"
    end = re.search(r"[?#]", rest)
    return f"{start}{rest[: end.start()]}{end[0]}***" if end else start + rest


def printable(text: str) -> str:
    """Writes lone surrogates (``\\ud800``, which JSON can hold and UTF-8 cannot) as escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


class SettingError(ValueError):
    """A setting that cannot be used. The message names it, shows its value unless it is a secret, and says what is
    allowed.
    """


class EditRefused(GatewayError):
    """The backend cannot make this edit with this model; another model is needed. ``lacks_input``: the model takes no
    such input, so that it cannot make any edit.
    """

    def __init__(self, message: str, *, lacks_input: bool = False) -> None:
        super().__init__("edit_not_available", message, param="model")
        self.lacks_input = lacks_input


class ImageNotFetched(GatewayError):
    """An image could not be fetched from its URL. ``reason`` says why in a few words, ``status`` is its host's answer
    where that is the reason, ``transient`` tells whether another try may succeed.
    """

    def __init__(
        self, message: str, *, param: str, reason: str, status: int | None = None, transient: bool = False
    ) -> None:
        super().__init__("invalid_image_url", message, param=param)
        self.reason = reason
        self.status = status
        self.transient = transient or (status is not None and status >= 500)


class UnreadableImage(ValueError):
    """The bytes are not a complete image of a known format. The caller of the function turns it into
    ``invalid_image`` (an input image) or ``upstream_error`` (an answer of a backend).
    """
