"""The table of errors that the emulator answers: HTTP status, code, text and envelope.

Where Cloudflare's documentation and the answers that people saw differ, both are here: ``--live`` takes what
was seen, ``--documented`` what is written. Any row can be provoked with ``--faults CODE:RATE``.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from starlette.responses import JSONResponse


@dataclass(frozen=True, slots=True)
class ErrorRow:
    """``text`` may hold ``{}`` fields; ``{reference}`` is the call's own."""

    code: int
    status: int
    text: str
    layer: Literal["workers-ai", "api", "provider"] = "workers-ai"
    """The source of the answer, which decides the envelope: Workers AI, Cloudflare's API in front of it, or another
    provider behind it, whose errors have no code.
    """
    name: str = ""
    """Distinguishes the rows of one code."""


def _seen(code: int, status: int, text: str, name: str = "") -> ErrorRow:
    return ErrorRow(code, status, f"AiError: {text} ({{reference}})", name=name)


NO_SUCH_MODEL: Final = ErrorRow(5007, 400, "No such model `{model}` or task")
BAD_BASE64: Final = ErrorRow(5004, 400, "Invalid data type for base64 input: `{type}`")
INCOMPLETE: Final = ErrorRow(3003, 400, "Request is missing headers or body: `{what}`")
TOO_LARGE: Final = ErrorRow(3006, 413, "Request is too large")
SCHEMA: Final = _seen(5006, 400, "Bad input: Error: {reason}")
NSFW_PROMPT: Final = _seen(3030, 400, "Input prompt contains NSFW content.", "nsfw")
FLAGGED: Final = _seen(
    3030,
    400,
    "AiError: Your output has been flagged. Please choose another prompt / input image combination",
    "flagged",
)
UNDECODABLE: Final = ErrorRow(
    3030, 400, "Invalid input image[{index}]: unable to decode image file", name="undecodable"
)
NO_IMAGE_INPUT: Final = ErrorRow(
    3030, 400, "Model input is not valid: input tensor `image` is not present in the model", name="tensor"
)
MISSING_INPUT: Final = ErrorRow(
    3030, 400, "AiError: AiError: Model input is not valid: missing required input {name}", name="missing"
)
IMAGE_SHAPE: Final = ErrorRow(
    3010,
    400,
    "Invalid or incomplete input for the model: model returned: unexpected shape for input 'image' for model"
    " '{model}'. Expected [1], got [1,{length}]",
)
NO_ACCESS: Final = ErrorRow(5018, 403, "This account is not allowed to access {model}", name="seen")
FAILED: Final = ErrorRow(3043, 500, "Internal server error")
RATE: Final = _seen(3021, 429, "AiError: rate limiting: inference request per min rate reached")
NEURONS: Final = _seen(
    4006,
    429,
    "AiError: you have used up your daily free allocation of 10,000 neurons, please upgrade to Cloudflare's"
    " Workers Paid plan if you would like to continue usage.",
)
NEURONS_DOCUMENTED: Final = ErrorRow(
    3036,
    429,
    "You have used up your daily free allocation of 10,000 neurons. Please upgrade to Cloudflare's Workers Paid"
    " plan if you would like to continue usage.",
)
CAPACITY: Final = ErrorRow(3040, 429, "No more data centers to forward the request to")
BUSY: Final = ErrorRow(3040, 429, "Capacity temporarily exceeded, please try again.", name="busy")
GATEWAY_UNKNOWN: Final = ErrorRow(2001, 400, "Please configure AI Gateway in the Cloudflare dashboard")
GATEWAY_FORM: Final = ErrorRow(7000, 500, "Invalid request body", "api", "form")

NO_ROUTE: Final = ErrorRow(7000, 404, "No route for that URI", "api")
BAD_ACCOUNT: Final = ErrorRow(7003, 404, "Could not route to {path}, perhaps your object identifier is invalid?", "api")
BAD_TOKEN: Final = ErrorRow(10000, 401, "Authentication error", "api")
NO_PERMISSION: Final = ErrorRow(10000, 403, "Authentication error", "api", "permission")
NO_TOKEN: Final = ErrorRow(9106, 400, "Missing X-Auth-Key, X-Auth-Email or Authorization headers", "api")
MALFORMED_TOKEN: Final = ErrorRow(9106, 400, "Authentication failed (status: 400)", "api", "malformed")

_NEVER_BY_ITSELF: Final = (
    ErrorRow(3007, 408, "Request timeout"),
    ErrorRow(3008, 408, "Request was aborted"),
    ErrorRow(3023, 403, "Service unavailable for account"),
    ErrorRow(3039, 400, "Finetune is missing required files `(model.safetensors and config.json) `"),
    ErrorRow(3041, 403, "The account is not allowed to access this model"),
    ErrorRow(3042, 404, "The model name is invalid"),
    ErrorRow(3046, 408, "Request timeout"),
    ErrorRow(5005, 405, "The model `{model}` does not support LoRa inference"),
    ErrorRow(5016, 403, "User has not agreed to Llama3.2 model terms"),
    ErrorRow(5018, 403, "The account is not allowed to access this model"),
    ErrorRow(5019, 405, "Request trying to use deprecated SDK version"),
    ErrorRow(5028, 410, "deprecated model"),
    ErrorRow(5035, 403, "model requires Workers Paid"),
    ErrorRow(8006, 400, "Invalid base64 encoding"),
    ErrorRow(6003, 400, "Invalid request headers", "api"),
    ErrorRow(9109, 403, "Invalid access token", "api"),
)
"""Documented or seen elsewhere; the emulator answers them only when ``--faults`` asks for them."""

ROWS: Final[dict[str, ErrorRow]] = {
    f"{row.code}-{row.name}" if row.name else str(row.code): row
    for row in (
        NO_SUCH_MODEL,
        BAD_BASE64,
        INCOMPLETE,
        TOO_LARGE,
        SCHEMA,
        NSFW_PROMPT,
        FLAGGED,
        UNDECODABLE,
        NO_IMAGE_INPUT,
        MISSING_INPUT,
        IMAGE_SHAPE,
        NO_ACCESS,
        FAILED,
        RATE,
        NEURONS,
        NEURONS_DOCUMENTED,
        CAPACITY,
        BUSY,
        GATEWAY_UNKNOWN,
        GATEWAY_FORM,
        NO_ROUTE,
        BAD_ACCOUNT,
        BAD_TOKEN,
        NO_PERMISSION,
        NO_TOKEN,
        MALFORMED_TOKEN,
        *_NEVER_BY_ITSELF,
    )
}
"""By code, or by code and name: ``3040``, ``3040-busy``."""


@dataclass(slots=True)
class RefusalError(Exception):
    """An error answer: a row of the table and the values for its text."""

    row: ErrorRow
    values: dict[str, object] = field(default_factory=dict)

    def message(self) -> str:
        values = {"reference": str(uuid.uuid4())} | self.values
        return self.row.text.format_map(_Filled(values))

    def response(self, headers: dict[str, str]) -> JSONResponse:
        """The body, in the envelope of the row's source, with the keys in the service's order."""
        body: dict[str, Any]
        if self.row.layer == "api":
            error = {"code": self.row.code, "message": self.message()}
            body = {"result": None, "success": False, "errors": [error], "messages": []}
        elif self.row.layer == "provider":
            body = {"errors": [{"message": self.message()}], "success": False, "result": {}, "messages": []}
        else:
            error = {"message": self.message(), "code": self.row.code}
            body = {"errors": [error], "success": False, "result": {}, "messages": []}
        return JSONResponse(body, self.row.status, headers)


def refuse(row: ErrorRow, **values: object) -> RefusalError:
    return RefusalError(row, values)


class _Filled(dict[str, object]):
    """The error of a fault, whose text has no values."""

    def __missing__(self, key: str) -> str:
        return f"<{key}>"
