"""Counts what a gateway does: requests, images, their cost, and the calls of the backend."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from cloudflare_image_mcp.core.result import CacheOutcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloudflare_image_mcp.core.ports import Call
    from cloudflare_image_mcp.core.spending import Spending
    from cloudflare_image_mcp.request_context import RequestRecord

BUCKETS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
"""Upper bounds in seconds of the histogram of requests; the last one is open."""
_MADE: Final = frozenset({"", CacheOutcome.MISS.value})
"""Outcomes of the cache whose requests reached a model."""


@dataclass(slots=True)
class Traffic:
    """What the backend sent and got since the start."""

    calls: Counter[str] = field(default_factory=Counter)
    """Requests sent, by account id."""
    outcomes: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """Requests answered, by model id, last four characters of the account id, and code: empty for an image, else
    that of the failure, or the kind of error where it has none.
    """
    images: int = 0
    retries: Counter[str] = field(default_factory=Counter)
    """Retries, by the same code."""


@dataclass(slots=True)
class Durations:
    """A histogram of seconds."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))
    seconds: float = 0.0

    def add(self, seconds: float) -> None:
        self.counts[bisect_left(BUCKETS, seconds)] += 1
        self.seconds += seconds


@dataclass(slots=True)
class Metrics:
    """The counters since the start. ``usage/prometheus.py`` writes them for Prometheus."""

    traffic: Traffic = field(default_factory=Traffic)
    """That of the backend, where it has one."""
    is_awake: Callable[[], bool] = lambda: True
    """Whether the backend can take a call at the moment."""
    requests: Counter[tuple[str, str, str, str, str]] = field(default_factory=Counter)
    """By operation, model, backend, HTTP status and name of the API key."""
    durations: dict[tuple[str, str, str], Durations] = field(default_factory=dict)
    """Of requests that reached a model, by operation, model and backend."""
    images: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)
    """By operation, model, backend and key."""
    neurons: dict[tuple[str, str, str], float] = field(default_factory=dict)
    """By model, backend and key."""
    cache: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Answered requests for which the cache counts, by outcome and key."""
    usd: dict[tuple[str, str, str], float] = field(default_factory=dict)
    images_in_flight: int = 0
    stored_bytes: int = 0

    def count_request(self, record: RequestRecord) -> None:
        """Counts a request that has ended."""
        self.requests[record.operation, record.model, record.backend, str(record.status), record.key] += 1
        if record.cache:
            self.cache[record.cache, record.key] += 1
        if record.backend and record.cache in _MADE:
            labels = (record.operation, record.model, record.backend)
            self.durations.setdefault(labels, Durations()).add(record.seconds)

    def count_image(self, call: Call, backend: str, key: str, spending: Spending) -> None:
        """Counts an image that was made, also for a run that was cancelled meanwhile."""
        self.images[call.operation, call.model.id, backend, key] += spending.images
        labels = (call.model.id, backend, key)
        if spending.neurons:
            self.neurons[labels] = self.neurons.get(labels, 0.0) + spending.neurons
        if spending.usd:
            self.usd[labels] = self.usd.get(labels, 0.0) + spending.usd
