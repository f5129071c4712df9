"""The emulator's accounts: access, rate limit and neurons a day.

Any account id and any token are accepted, so that nothing has to be set up; a few tokens are always refused.
"""

from __future__ import annotations

import json
import math
import re
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from cloudflare_image_mcp.emulator.errors import (
    BAD_ACCOUNT,
    BAD_TOKEN,
    MALFORMED_TOKEN,
    NEURONS,
    NEURONS_DOCUMENTED,
    NO_PERMISSION,
    NO_TOKEN,
    RATE,
    ErrorRow,
    refuse,
)
from cloudflare_image_mcp.errors import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date

DAILY_NEURONS: Final = 10_000.0
REQUESTS_PER_MINUTE: Final = 720
"""Cloudflare's limit for Text-to-Image."""

TOKENS: Final[dict[str, tuple[ErrorRow, ErrorRow]]] = {
    "wrong": (BAD_TOKEN, BAD_TOKEN),
    "short": (MALFORMED_TOKEN, MALFORMED_TOKEN),
    "foreign": (BAD_TOKEN, NO_PERMISSION),
    "unpermitted": (NO_PERMISSION, NO_PERMISSION),
}
"""Tokens that are refused, each with the service's error for such a token: when a model is called, and when models are
listed. ``foreign`` is a good token of somebody else's account.
"""

_ACCOUNT_ID: Final = re.compile(r"[0-9A-Za-z_-]{1,64}")


@dataclass(slots=True)
class AccountLedger:
    """What one account has used today and in the last minute."""

    day: date
    spent_neurons: float = 0.0
    requests: deque[float] = field(default_factory=deque)
    """Times of the calls of the last minute, in monotonic seconds."""
    img2img: bool = False
    """Whether the account may use the img2img model; most accounts may not."""
    gateways: frozenset[str] = frozenset({"default"})
    """Ids of its AI Gateways."""


class Ledger:
    """Every account that has called so far."""

    def __init__(
        self,
        monotonic: Callable[[], float],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        *,
        daily_neurons: float = DAILY_NEURONS,
        requests_per_minute: int = REQUESTS_PER_MINUTE,
        documented: bool = False,
    ) -> None:
        self._monotonic = monotonic
        self._now = now
        self._daily_neurons = daily_neurons
        self._requests_per_minute = requests_per_minute
        self._out_of_neurons = NEURONS_DOCUMENTED if documented else NEURONS
        self.accounts: Final[dict[str, AccountLedger]] = {}

    def admit(self, account_id: str, headers: Mapping[str, str], path: str, *, listing: bool = False) -> AccountLedger:
        """Routing, then authentication. ``listing``: models are listed, not called. Raises ``RefusalError``."""
        if _ACCOUNT_ID.fullmatch(account_id) is None:
            raise refuse(BAD_ACCOUNT, path=path)
        token = _token(headers)
        if token is None:
            raise refuse(NO_TOKEN)
        if token in TOKENS:
            raise refuse(TOKENS[token][listing])
        return self.account(account_id)

    def account(self, account_id: str) -> AccountLedger:
        """Returns the account's ledger; what it has spent counts from 00:00 UTC."""
        today = self._now().date()
        ledger = self.accounts.setdefault(account_id, AccountLedger(today))
        if ledger.day != today:
            ledger.day, ledger.spent_neurons = today, 0.0
        return ledger

    def count(self, ledger: AccountLedger) -> None:
        """Counts a call. Raises ``RefusalError`` when the minute is full."""
        now, recent = self._monotonic(), ledger.requests
        while recent and recent[0] <= now - 60:
            recent.popleft()
        if len(recent) >= self._requests_per_minute:
            raise refuse(RATE)
        recent.append(now)

    def check_neurons(self, ledger: AccountLedger) -> None:
        """Raises ``RefusalError`` when the day's neurons are used up."""
        if ledger.spent_neurons >= self._daily_neurons:
            raise refuse(self._out_of_neurons)


_SETTABLE: Final[dict[str, tuple[str, Callable[[Any], bool]]]] = {
    "spent_neurons": (
        "a number from 0",
        lambda value: isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < math.inf,
    ),
    "img2img": ("true or false", lambda value: isinstance(value, bool)),
    "gateways": (
        "a list of names",
        lambda value: isinstance(value, list) and all(isinstance(name, str) for name in value),
    ),
}


def settings_of(body: bytes) -> dict[str, Any]:
    """Reads an account's new values. Raises ``ValueError`` with the reason."""
    try:
        wanted: Any = json.loads(body)
    except (ValueError, RecursionError):
        wanted = None
    if not isinstance(wanted, dict):
        raise ValueError(
            'send a JSON object such as {"spent_neurons": 10000, "img2img": true, "gateways": ["default"]}'
        )
    for name, value in wanted.items():
        if name not in _SETTABLE:
            raise ValueError(f"there is no {shown(name)}; there are {', '.join(_SETTABLE)}")
        allowed, fits = _SETTABLE[name]
        if not fits(value):
            raise ValueError(f"{name} must be {allowed}, not {shown(value)}")
    return wanted


def _token(headers: Mapping[str, str]) -> str | None:
    """An API token, or the key that belongs to an e-mail address. ``headers``: looked up in lower case."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        return token
    return headers.get("x-auth-key") if headers.get("x-auth-email") else None
