"""Remembers, for a time, which models a backend refuses for which operations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cloudflare_image_mcp.catalog import Model, Operation
    from cloudflare_image_mcp.core.ports import Clock

REMEMBERED: Final = 3600.0
"""Seconds for which a refusal is remembered."""


class Refusals:
    """The refusals of the last hour. Only those belong here that say that the model lacks the input."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ends: dict[tuple[str, Operation], float] = {}

    def add(self, model: Model, operation: Operation) -> None:
        self._ends[model.id, operation] = self._clock.monotonic() + REMEMBERED

    def include(self, model: Model, operation: Operation) -> bool:
        """Whether the model was refused for the operation, not longer ago than is remembered."""
        end = self._ends.get((model.id, operation))
        return end is not None and self._clock.monotonic() < end
