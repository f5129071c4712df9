"""Retries of one call: how many, and how long to wait before each."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from cloudflare_image_mcp.backends.workers_ai.errors import Action
from cloudflare_image_mcp.catalog import MAX_SEED
from cloudflare_image_mcp.limits import MAX_IMAGES

if TYPE_CHECKING:
    from cloudflare_image_mcp.backends.workers_ai.errors import UpstreamError
    from cloudflare_image_mcp.core.ports import Call, Clock, Rendered

_JITTER: Final = random.SystemRandom()


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Seconds throughout."""

    retries: int = 4
    first: float = 0.5
    """The first pause is up to this long; each further one up to twice the one before."""
    longest: float = 8.0
    longest_obeyed: float = 30.0
    """A longer ``retry-after`` or rest is not waited for: the caller gets it in the error."""


def with_another_seed(call: Call) -> Call:
    """Returns the call with a new seed, after its image was flagged, which the same seed would repeat. The new seed
    lies past those of the other images of the request. A call without a seed is returned as it is.
    """
    return call if call.seed is None else replace(call, seed=(call.seed + MAX_IMAGES) % (MAX_SEED + 1))


def with_seed_warning(rendered: Rendered, asked: int | None, used: int | None) -> Rendered:
    """Adds the seed that made the image and a warning, where it is not the seed asked for."""
    if used == asked:
        return rendered
    warning = f"the output for seed {asked} was flagged; seed {used} made this one"
    return replace(rendered, seed=used, warnings=(*rendered.warnings, warning))


class Attempts:
    """Counts the retries of one call. None starts once the model's own time has passed since the call began."""

    def __init__(self, policy: RetryPolicy, clock: Clock, time: float) -> None:
        self._policy = policy
        self._clock = clock
        self._end = clock.monotonic() + time
        self._made = 0
        self._flagged = False

    def pause(self, failure: UpstreamError, *, elsewhere: bool) -> float | None:
        """Returns the seconds to wait before the next try, or None when there is none. ``elsewhere``: another account
        can be asked, without a wait.
        """
        if failure.meaning.action is Action.RETRY_ONCE:
            if self._flagged:
                return None
            self._flagged = True
        backoff = min(self._policy.longest, self._policy.first * 2**self._made)
        # A retry-after of 0, or one in the past, must not lead to retries without a pause.
        wait = max(failure.retry_after or 0.0, backoff * (0.5 + _JITTER.random() / 2))
        return self.wait(0.0 if elsewhere else wait)

    def wait(self, seconds: float) -> float | None:
        """Returns ``seconds`` when there is a retry left and the wait is not too long; else None."""
        late = self._clock.monotonic() + seconds > self._end
        if self._made >= self._policy.retries or seconds > self._policy.longest_obeyed or late:
            return None
        self._made += 1
        return seconds
