"""The table of Workers AI's error codes: what each means for the call, the account and the caller.

Matched on the code, never on the text, but for 3030: the service puts everything that a model itself refuses
under that one code. Sources: Cloudflare's table of Workers AI errors, and reports of live answers for the
codes that it lacks (3010, 3021, 3030, 3043, 3046, 4006, 5006, 5028, 6003, 8007, 9109).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from cloudflare_image_mcp.errors import EditRefused, GatewayError


class Action(Enum):
    """What to do with a call that was refused."""

    FAIL = auto()
    """The same request would be refused again."""
    RETRY = auto()
    """Retry after a pause, with another account first."""
    RETRY_ONCE = auto()
    OTHER_ACCOUNT = auto()
    """This account may not use this model; another may."""
    REST_BRIEFLY = auto()
    """The account is at its rate limit."""
    REST_UNTIL_RESET = auto()
    """The account has used up the day's neurons, which come back at 00:00 UTC."""
    REST_AND_PROBE = auto()
    """The account's credentials were rejected: it rests, then one request tries it again."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """``kind`` names a row of the gateway's own error table. ``edit_kind`` is used instead when the call had
    an input image.
    """

    kind: str
    action: Action = Action.FAIL
    message: str = "Workers AI refused the request"
    """The message; ``{account}`` stands for the account's label."""
    edit_kind: str | None = None
    lacks_input: bool = False
    """Whether the answer states that the model has no such input, so that every edit would be refused."""
    quoted: bool = True
    """Whether the service's own words may follow ``message``; those about accounts may not."""


_CREDENTIALS: Final = Meaning(
    "upstream_authentication_error",
    Action.REST_AND_PROBE,
    "Workers AI did not accept the credentials of {account}",
    quoted=False,
)
_NO_ACCESS: Final = Meaning(
    "upstream_authentication_error",
    Action.OTHER_ACCOUNT,
    "{account} may not use the model",
    edit_kind="edit_not_available",
    quoted=False,
)
_NEURONS: Final = Meaning(
    "insufficient_quota",
    Action.REST_UNTIL_RESET,
    "The day's neurons of {account} are used up; they come back at 00:00 UTC",
    quoted=False,
)
_GONE: Final = Meaning("model_not_found", message="Workers AI does not have the model any more")
_OURS: Final = Meaning("upstream_error", message="Workers AI did not accept the gateway's call")
_SLOW: Final = Meaning("upstream_timeout", Action.RETRY, "Workers AI gave up on the image")
_FAILED: Final = Meaning("upstream_error", Action.RETRY, "Workers AI failed")
_RATE: Final = Meaning("rate_limit_exceeded", Action.REST_BRIEFLY, "Workers AI's rate limit is reached for {account}")
_REFUSED_PROMPT: Final = Meaning("content_policy_violation", message="Workers AI refused the prompt")

NO_IMAGE: Final = Meaning("upstream_error", Action.RETRY, "Workers AI answered without a usable image")
TOO_LONG: Final = Meaning("upstream_error", message="Workers AI's answer is too long")
UNREACHABLE: Final = Meaning("upstream_error", Action.RETRY, "Workers AI could not be reached")
TIMED_OUT: Final = Meaning("upstream_timeout", message="Workers AI did not answer in time")

CODES: Final[dict[int, Meaning]] = {
    2001: _OURS,  # the AI Gateway is not configured
    3003: _OURS,  # headers or body missing
    3006: Meaning("request_too_large", message="Workers AI found the request too large"),
    3007: _SLOW,
    3008: _SLOW,
    3010: Meaning("invalid_request", edit_kind="edit_not_available"),  # an input tensor of another shape
    3021: _RATE,
    3023: _CREDENTIALS,  # the account is blocked
    3036: _NEURONS,
    3039: _OURS,
    3040: Meaning("overloaded", Action.RETRY, "Workers AI is out of capacity"),
    3041: _NO_ACCESS,
    3042: _GONE,
    3043: _FAILED,
    3046: _SLOW,
    4006: _NEURONS,
    5004: _OURS,
    5005: _OURS,
    5006: Meaning("invalid_request"),  # the model's schema
    5007: _GONE,
    5016: _NO_ACCESS,
    5018: _NO_ACCESS,
    5019: _OURS,
    5028: _GONE,
    5035: Meaning("insufficient_quota", Action.OTHER_ACCOUNT, "The model needs a Workers Paid plan", quoted=False),
    6003: _CREDENTIALS,  # the token has the wrong form
    7000: _OURS,  # no such route, or a form through the AI Gateway
    7003: _CREDENTIALS,  # the account's id has the wrong form
    8006: _OURS,  # invalid base64 encoding
    8007: _REFUSED_PROMPT,
    9106: _CREDENTIALS,
    9109: _CREDENTIALS,  # the token has expired or was revoked
    10000: _CREDENTIALS,
}

MODEL_REFUSALS: Final[tuple[tuple[re.Pattern[str], Meaning], ...]] = (
    (re.compile("NSFW", re.IGNORECASE), _REFUSED_PROMPT),
    (
        re.compile("flagged", re.IGNORECASE),
        Meaning("content_policy_violation", Action.RETRY_ONCE, "Workers AI flagged the result"),
    ),
    (
        re.compile("decode image", re.IGNORECASE),
        Meaning("invalid_image", message="Workers AI cannot read the image"),
    ),
    (
        re.compile("not present in the model", re.IGNORECASE),
        Meaning("invalid_request", edit_kind="edit_not_available", lacks_input=True),
    ),
)
"""The meanings of code 3030, by the service's words; the first that fits is taken. None fits: the input is at fault."""

STATUSES: Final[dict[int, Meaning]] = {
    401: _CREDENTIALS,
    408: _SLOW,
    410: _GONE,
    413: CODES[3006],
    429: _RATE,
    504: _SLOW,
}
"""For an answer whose code is unknown or missing."""


class UpstreamError(Exception):
    """One call that did not give an image.

    ``retry_after`` is in seconds, when the service said so. ``neurons`` is what it charged nevertheless. ``account`` is
    the label of the account that was asked.
    """

    def __init__(
        self,
        meaning: Meaning,
        text: str = "",
        *,
        code: int | None = None,
        retry_after: float | None = None,
        neurons: float | None = None,
    ) -> None:
        super().__init__(text)
        self.meaning = meaning
        self.text = text
        self.code = code
        self.retry_after = retry_after
        self.neurons = neurons
        self.account = "the Workers AI account"

    @property
    def error_type(self) -> str:
        """The code, or the kind of error where it has none: for metrics and spans."""
        return self.meaning.kind if self.code is None else str(self.code)

    @property
    def message(self) -> str:
        """What happened, in one sentence without a token or an account's whole id. The service's words are quoted."""
        message = self.meaning.message.format(account=self.account)
        message = message[:1].upper() + message[1:]
        if self.code is not None and self.meaning.quoted and not is_known(self.code):
            message += f': "{self.text.rstrip(".")}"'
        elif self.meaning.quoted and self.text:
            message += f": {self.text.rstrip('.')}"
        return message if self.code is None else f"{message} (code {self.code})"

    def gateway_error(self, *, has_image: bool, retry_after: float | None = None) -> GatewayError:
        """Returns the caller's error. ``has_image``: the call had an input image."""
        meaning, message = self.meaning, self.message
        if has_image and meaning.edit_kind == "edit_not_available":
            return EditRefused(f"{message}.", lacks_input=meaning.lacks_input)
        return GatewayError(meaning.kind, f"{message}.", retry_after=retry_after or self.retry_after)


_PREFIX: Final = re.compile(r"^(?:AiError: )+")
_REFERENCE: Final = re.compile(r" \([0-9a-f-]{36}\)$")


def plain(text: str) -> str:
    """The service's words without its prefixes and without the reference of the call."""
    return _REFERENCE.sub("", _PREFIX.sub("", text.strip()))


def is_known(code: int) -> bool:
    return code == 3030 or code in CODES


def meaning_of(status: int, code: int | None, text: str) -> Meaning:
    """The row for an answer that is an error."""
    if code == 3030:
        return next((row for words, row in MODEL_REFUSALS if words.search(text)), Meaning("invalid_request"))
    if code is not None and code in CODES:
        return CODES[code]
    if status in STATUSES:
        return STATUSES[status]
    return _FAILED if status >= 500 else _OURS
