"""The emulator's counters."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from cloudflare_image_mcp.emulator.fields import FieldCounts


@dataclass(slots=True)
class Counts:
    """Counters since the start."""

    calls: Counter[str] = field(default_factory=Counter)
    """By account."""
    answers: Counter[str] = field(default_factory=Counter)
    """``200``, or an error's code."""
    images: Counter[str] = field(default_factory=Counter)
    """By model."""
    faults: Counter[str] = field(default_factory=Counter)
    fields: FieldCounts = field(default_factory=FieldCounts)
