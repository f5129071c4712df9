"""Injected failures: ``--faults "3040:0.1,slow=3s:0.05,drop:0.02,truncate:0.01,empty:0.01"``."""

from __future__ import annotations

import math
import random
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cloudflare_image_mcp.emulator.errors import ROWS
from cloudflare_image_mcp.emulator.provider_errors import PROVIDER_ROWS

if TYPE_CHECKING:
    from collections.abc import Callable

KINDS: Final = {
    "slow": "waits before it answers: slow=3s, slow=200ms",
    "drop": "closes the connection without an answer",
    "cut": "closes the connection in the middle of the answer",
    "truncate": "answers with half of the image",
    "empty": "answers 200 without an image",
    "flagged": "finds fault with the finished image (3030), the same image each time",
    "inline": "another provider's model answers with a data: URL",
    "base64": "another provider's model answers with base64",
    "unfinished": "another provider's model answers in a state other than Completed",
    "expired": "the URL of another provider's image has expired",
    "loopback": "the URL of another provider's image is at an address of this machine",
    "text-error": "a text model fails (3043)",
    "text-slow": "a text model does not answer for a minute",
    "huge": "another provider's image is of 50 MB",
}
TEXT_KINDS: Final = frozenset({"text-error", "text-slow"})
_NUMBER: Final = r"\d+(?:\.\d*)?|\.\d+"
_ITEM: Final = re.compile(rf"(?P<kind>[\w-]+)(?:=(?P<value>{_NUMBER})(?P<unit>ms|s))?:(?P<rate>{_NUMBER})", re.ASCII)


class FaultSpecError(ValueError):
    """``--faults`` has a wrong value; ``str(error)`` is the message for the user."""


@dataclass(frozen=True, slots=True)
class Fault:
    """``kind`` is one of ``KINDS`` or a row of the error table; ``seconds`` are those of ``slow``."""

    kind: str
    rate: float
    seconds: float = 0.0


class FaultPlan:
    """Draws at most one fault for each call, at the given rates, repeatable by the seed."""

    def __init__(self, faults: tuple[Fault, ...] = (), seed: int = 0) -> None:
        apart = {"flagged", *TEXT_KINDS}
        self._faults = tuple(fault for fault in faults if fault.kind not in apart)
        self._text_faults = tuple(fault for fault in faults if fault.kind in TEXT_KINDS)
        self._flagged = next((fault for fault in faults if fault.kind == "flagged"), None)
        self._left = 1 - sum(fault.rate for fault in self._faults)
        self._seed = seed
        self._random = random.Random(seed)  # noqa: S311 - repeatable on purpose

    @classmethod
    def parse(cls, spec: str, seed: int = 0) -> FaultPlan:
        """Raises ``FaultSpecError``."""
        faults = tuple(_fault(item.strip()) for item in spec.split(",") if item.strip())
        total = math.fsum(fault.rate for fault in faults)
        if total > 1:
            raise FaultSpecError(f"--faults: the rates add up to {total:g}; the maximum is 1")
        if [fault.kind for fault in faults].count("flagged") > 1:
            raise FaultSpecError("--faults: flagged is allowed once")
        return cls(faults, seed)

    def draw_text(self) -> Fault | None:
        """Draws for a call of a text model, which has faults of its own."""
        return next((fault for fault in self._text_faults if self._random.random() < fault.rate), None)

    def draw(self, picture: Callable[[], bytes | None] = lambda: None) -> Fault | None:
        """``picture`` tells a picture from all others; None: it is a new one. The output filter looks at nothing else,
        so that the same call is flagged again, and one with another seed perhaps not.
        """
        roll = self._random.random()
        for fault in self._faults:
            if roll < fault.rate:
                return fault
            roll -= fault.rate
        if self._flagged is None:
            return None
        seen = picture()
        verdict = self._random if seen is None else random.Random(seen + bytes(str(self._seed), "ascii"))  # noqa: S311 - repeatable on purpose
        return self._flagged if verdict.random() * self._left < self._flagged.rate else None


def _fault(item: str) -> Fault:
    match = _ITEM.fullmatch(item)
    if match is None:
        raise FaultSpecError(f'--faults: "{item}" is not KIND:RATE, such as 3040:0.1 or slow=3s:0.05')
    kind, rate = match["kind"], float(match["rate"])
    if kind not in KINDS and kind not in ROWS and kind not in PROVIDER_ROWS:
        errors = ", ".join((*ROWS, *PROVIDER_ROWS))
        raise FaultSpecError(f'--faults: there is no "{kind}"; there are {", ".join(KINDS)} and the errors {errors}')
    if (match["value"] is None) == (kind == "slow"):
        raise FaultSpecError(f'--faults: "{item}": only slow takes a time, such as slow=3s:0.05')
    seconds = float(match["value"] or 0) / (1000 if match["unit"] == "ms" else 1)
    return Fault(kind, rate, seconds)
