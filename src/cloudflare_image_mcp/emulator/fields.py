"""Counts fields that a client sends and the model does not read, for tests that expect none."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cloudflare_image_mcp.core.image_sources import is_source_name
from cloudflare_image_mcp.core.parsing import parameter_of

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(slots=True)
class FieldCounts:
    """Counters by ``model field``. Safe for several threads."""

    unknown: Counter[str] = field(default_factory=Counter)
    misnamed: Counter[str] = field(default_factory=Counter)
    out_of_range: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def look_at(self, model: str, names: Iterable[str], known: Iterable[str]) -> None:
        """Counts the names that the model does not read."""
        for name in set(names) - set(known):
            counts = self.misnamed if parameter_of(name) or is_source_name(name) else self.unknown
            with self._lock:
                counts[f"{model} {name}"] += 1

    def outside(self, model: str, name: str) -> None:
        with self._lock:
            self.out_of_range[f"{model} {name}"] += 1

    def as_dict(self) -> dict[str, dict[str, int]]:
        with self._lock:
            return {
                "unknown": dict(self.unknown),
                "misnamed": dict(self.misnamed),
                "out_of_range": dict(self.out_of_range),
            }
