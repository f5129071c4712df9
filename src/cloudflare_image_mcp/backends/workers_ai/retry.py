"""How often one image is asked for, and how long is waited in between."""

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
    """A ``retry-after`` or a rest above this is not waited for here: the caller is told of it."""


def with_another_seed(call: Call) -> Call:
    """The call again after its image was flagged, which the same seed would only make once more. The new seed lies past
    those of the other images of the request. A call without a seed stays as it is.
    """
    return call if call.seed is None else replace(call, seed=(call.seed + MAX_IMAGES) % (MAX_SEED + 1))


def told(rendered: Rendered, asked: int | None, used: int | None) -> Rendered:
    """With the seed that made it, where that is not the one asked for."""
    if used == asked:
        return rendered
    warning = f"the output for seed {asked} was flagged; seed {used} made this one"
    return replace(rendered, seed=used, warnings=(*rendered.warnings, warning))


class Attempts:
    """The retries of one call. None starts when the model's own time has passed since the call began."""

    def __init__(self, policy: RetryPolicy, clock: Clock, time: float) -> None:
        self._policy = policy
        self._clock = clock
        self._end = clock.monotonic() + time
        self._made = 0
        self._flagged = False

    def pause(self, failure: UpstreamError, *, elsewhere: bool) -> float | None:
        """Seconds to wait before the next try; None: there is none. ``elsewhere``: another account can be
        asked, which need not wait.
        """
        if failure.meaning.action is Action.RETRY_ONCE:
            if self._flagged:
                return None
            self._flagged = True
        backoff = min(self._policy.longest, self._policy.first * 2**self._made)
        # A retry-after of 0, or one that lies in the past, is no leave to ask again and again at once.
        wait = max(failure.retry_after or 0.0, backoff * (0.5 + _JITTER.random() / 2))
        return self.wait(0.0 if elsewhere else wait)

    def wait(self, seconds: float) -> float | None:
        """``seconds`` when there is a retry left and waiting for it is in order."""
        late = self._clock.monotonic() + seconds > self._end
        if self._made >= self._policy.retries or seconds > self._policy.longest_obeyed or late:
            return None
        self._made += 1
        return seconds
