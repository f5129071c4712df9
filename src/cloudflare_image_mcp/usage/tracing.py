"""Opens what sends spans to a collector, where the extra ``[otel]`` is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudflare_image_mcp.errors import SettingError, masked_url

if TYPE_CHECKING:
    from types import ModuleType

    from cloudflare_image_mcp.core.tracing import Tracer


def open_tracer(url: str) -> Tracer:
    """Opens no connection yet. Raises ``SettingError``."""
    otlp_tracer = _otlp_tracer()
    try:
        tracer: Tracer = otlp_tracer.OtlpTracer(url)
    except Exception as error:  # whatever the SDK raises for settings of its own
        raise _unusable(error) from error
    return tracer


def check_collector(url: str) -> None:
    """Sends an empty batch to the collector and waits for its answer. Raises ``SettingError``."""
    problem = _otlp_tracer().Collector(url, seconds=3).send([])
    if problem:
        raise SettingError(f"{masked_url(url)} takes no spans: {problem}")


def _otlp_tracer() -> ModuleType:
    try:
        from cloudflare_image_mcp.usage import otlp_tracer
    except ImportError:
        raise SettingError(
            "OTEL_EXPORTER_OTLP_ENDPOINT needs the extra [otel]: pip install -e '.[otel]' in the checkout"
        ) from None
    except ValueError as error:  # the SDK reads some of its settings when it is imported
        raise _unusable(error) from error
    return otlp_tracer


def _unusable(error: Exception) -> SettingError:
    return SettingError(f"OpenTelemetry cannot use its OTEL_* settings: {error}")
