"""Writes the metrics of a gateway in Prometheus's text format."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Final, TypeVar

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from cloudflare_image_mcp.core.metrics import BUCKETS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from prometheus_client.metrics_core import Metric

    from cloudflare_image_mcp.core.metrics import Metrics

Labels = TypeVar("Labels", bound=tuple[str, ...])

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST


def exposition(metrics: Metrics) -> bytes:
    """The answer to ``GET /metrics``."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Gateway(metrics))
    return generate_latest(registry)


class _Gateway(Collector):
    """Hands the counters to the client library. They are the gateway's own, because counting in it costs a request
    less, and the library, which takes 50 ms to import, is needed only where somebody reads the metrics.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        metrics, traffic = self._metrics, self._metrics.traffic
        of_images = ["operation", "model", "backend"]
        yield _counter("image_requests", "Image requests.", [*of_images, "status", "key"], metrics.requests)
        yield self._durations(of_images)
        yield _counter("images", "Images made.", [*of_images, "key"], metrics.images)
        yield _counter(
            "image_cache", "Answered requests for which the cache counts.", ["outcome", "key"], metrics.cache
        )
        cost = ["model", "backend", "key"]
        yield _counter("image_neurons", "Neurons spent.", cost, metrics.neurons)
        yield _counter(
            "image_usd", "US dollars spent: neurons at their price, and what is paid in dollars.", cost, metrics.usd
        )
        calls = ["model", "account", "code"]
        yield _counter(
            "image_upstream_calls",
            "Calls of Workers AI; the code is empty where it made an image.",
            calls,
            traffic.outcomes,
        )
        retries = {(code,): count for code, count in traffic.retries.items()}
        yield _counter(
            "image_upstream_retries",
            "Calls of Workers AI that were repeated, by the code of the failure.",
            ["code"],
            retries,
        )
        yield GaugeMetricFamily("images_in_flight", "Images being made.", metrics.images_in_flight)
        yield CounterMetricFamily("image_store_bytes", "Bytes of images stored.", metrics.stored_bytes)

    def _durations(self, labels: list[str]) -> Metric:
        family = HistogramMetricFamily(
            "image_request_seconds", "Seconds of image requests that reached a model.", labels=labels
        )
        for values, durations in self._metrics.durations.items():
            bounds = [*map(str, BUCKETS), "+Inf"]
            family.add_metric(values, list(zip(bounds, accumulate(durations.counts), strict=True)), durations.seconds)
        return family


def _counter(name: str, meaning: str, labels: list[str], values: Mapping[Labels, float]) -> Metric:
    family = CounterMetricFamily(name, meaning, labels=labels)
    for key, value in values.items():
        family.add_metric(key, value)
    return family
