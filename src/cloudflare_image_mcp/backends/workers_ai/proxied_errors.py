"""The errors of other providers' models. Cloudflare publishes few of their codes and texts, so that those that are not
known are passed on in quotation marks.

A refusal here says nothing about the account's Workers AI models: no account rests because of one.
"""

from __future__ import annotations

import re
from typing import Final

from cloudflare_image_mcp.backends.workers_ai.errors import Action, Meaning, is_known, meaning_of

PROVIDER_CREDENTIALS: Final = 2009
"""The code under which a provider refuses credentials."""

_CREDENTIALS: Final = Meaning(
    "upstream_authentication_error",
    Action.OTHER_ACCOUNT,
    "The model's provider did not accept the credentials that {account} has for it",
    quoted=False,
)
_TOKEN: Final = Meaning(
    "upstream_authentication_error",
    Action.OTHER_ACCOUNT,
    "Cloudflare did not accept the token of {account} for this model, which needs the permission AI Gateway",
    quoted=False,
)
_NO_CREDIT: Final = Meaning(
    "insufficient_quota", Action.OTHER_ACCOUNT, "{account} has no AI Gateway credit left for this model", quoted=False
)
_OWN_KEY: Final = Meaning(
    "upstream_authentication_error",
    Action.OTHER_ACCOUNT,
    "{account} has no key of its own for this model's provider, which the model needs",
    quoted=False,
)
_RATE: Final = Meaning("rate_limit_exceeded", Action.RETRY, "The rate limit of the model's provider is reached")
_REFUSED: Final = Meaning("content_policy_violation", message="The model's provider refused the prompt or the image")
_INPUT: Final = Meaning("invalid_request", message="The model refused its input")
_NOT_COMPLETED: Final = Meaning("upstream_error", message="The model did not complete the image")
EXPIRED: Final = Meaning("upstream_error", message="The image was made, but its URL has expired")
NOT_FETCHED: Final = Meaning("upstream_error", message="The image was made, but could not be fetched")

CODES: Final[dict[int, Meaning]] = {PROVIDER_CREDENTIALS: _CREDENTIALS, 5006: _INPUT}
STATUSES: Final[dict[int, Meaning]] = {
    401: _CREDENTIALS,
    402: _NO_CREDIT,
    403: _TOKEN,
    422: _INPUT,
    429: _RATE,
    451: _REFUSED,
    503: _CREDENTIALS,
}
"""503 without a code is what Unified Billing answers where the provider refuses Cloudflare's own credentials."""
TEXTS: Final[tuple[tuple[re.Pattern[str], Meaning], ...]] = (
    (
        re.compile(
            r"content.{0,10}polic|content.{0,10}filter|moderat|safety|nsfw|prohibited|sensitive|inappropriate",
            re.IGNORECASE,
        ),
        _REFUSED,
    ),
    (re.compile(r"byok|bring your own key|provider key", re.IGNORECASE), _OWN_KEY),
    (re.compile(r"credit|billing|insufficient (?:funds|balance)", re.IGNORECASE), _NO_CREDIT),
)
"""For answers of status 400 and states that are not ``Completed``, by their words; the first that fits is taken."""

_QUOTED: Final = re.compile(r"\"[^\"]*\"|`[^`]*`|“[^”]*”")
"""What an error quotes may be the prompt: a picture of a credit card is no lack of credit."""
_ACCOUNT: Final = frozenset({Action.REST_AND_PROBE, Action.REST_BRIEFLY, Action.REST_UNTIL_RESET})


def proxied_meaning_of(status: int, code: int | None, text: str) -> Meaning:
    """The row for an answer that is an error, or for a state that is not ``Completed``: status 200."""
    if code is not None and code in CODES:
        return CODES[code]
    if status in {200, 400}:
        own_words = _QUOTED.sub("", text)
        worded = next((row for words, row in TEXTS if words.search(own_words)), None)
        if worded is not None:
            return worded
    if status == 200:
        return _NOT_COMPLETED
    if code is not None and is_known(code):
        known = meaning_of(status, code, text)
        return _TOKEN if known.action in _ACCOUNT else known
    return STATUSES.get(status) or meaning_of(status, code, text)
