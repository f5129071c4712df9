"""Traces with the OpenTelemetry SDK: a thread of its own sends the spans that have ended to a collector, over OTLP."""

from __future__ import annotations

import asyncio
import logging
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import propagate, trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from cloudflare_image_mcp import __version__
from cloudflare_image_mcp.core.tracing import error_type
from cloudflare_image_mcp.errors import masked_url

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from opentelemetry.sdk.trace import ReadableSpan

    from cloudflare_image_mcp.core.tracing import Attributes, SpanKind

NAME: Final = "cloudflare-image-mcp"
"""The service's name, where neither ``OTEL_SERVICE_NAME`` nor ``OTEL_RESOURCE_ATTRIBUTES`` has one."""
FLUSH_SECONDS: Final = 2.0
"""The longest that a stopping process waits for the collector."""

_KINDS: Final = {
    "internal": trace.SpanKind.INTERNAL,
    "server": trace.SpanKind.SERVER,
    "client": trace.SpanKind.CLIENT,
}
_ERROR_TYPE: Final = "error.type"
_EXPORTER_LOG: Final = logging.getLogger("opentelemetry.exporter.otlp.proto.http.trace_exporter")
_QUIET: Final = (
    "opentelemetry.sdk._shared_internal",  # a warning for each span that finds the queue full
    "opentelemetry.trace.propagation",  # for each caller's header that is too long, some with the whole header
    "opentelemetry.baggage.propagation",
)
"""Loggers of OpenTelemetry of which only errors are logged."""
_log = logging.getLogger(__name__)


class OtlpTracer:
    """A ``Tracer``. The SDK reads its own OTEL_* settings: sampler, limits, headers and the like."""

    is_on = True

    def __init__(self, url: str) -> None:
        """``url``: the collector's, with its path. Raises what the SDK raises for its settings."""
        self._collector = Collector(url)
        self._provider = TracerProvider(resource=_resource(), shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(self._collector))
        self._tracer = self._provider.get_tracer("cloudflare_image_mcp", __version__)
        _make_global(self._provider)

    @contextmanager
    def span(
        self,
        name: str,
        kind: SpanKind = "internal",
        attributes: Attributes | None = None,
        *,
        caller: Mapping[str, str] | None = None,
    ) -> Iterator[OtlpSpan]:
        context = None if caller is None else propagate.extract(caller, Context())
        with self._tracer.start_as_current_span(
            name, context, _KINDS[kind], attributes, record_exception=False, set_status_on_exception=False
        ) as begun:
            span = OtlpSpan(begun)
            try:
                yield span
            except Exception as error:
                span.fail(error_type(error))
                raise

    @property
    def current(self) -> OtlpSpan:
        return OtlpSpan(trace.get_current_span())

    def headers(self) -> Mapping[str, str]:
        headers: dict[str, str] = {}
        propagate.inject(headers)
        headers.pop("baggage", None)  # what a caller attached to its request is no business of another server
        return headers

    async def aclose(self) -> None:
        # Not in the event loop's pool, whose threads the process would wait for at its end.
        sending = threading.Thread(target=self._provider.shutdown, daemon=True)
        sending.start()
        await asyncio.to_thread(sending.join, FLUSH_SECONDS)
        if sending.is_alive():
            self._collector.drop_last()


class OtlpSpan:
    """A ``Span``. One that has ended, or is not sampled, changes no more."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span

    def set(self, attributes: Attributes) -> None:
        if self._span.is_recording():
            self._span.set_attributes(attributes)

    def rename(self, name: str) -> None:
        if self._span.is_recording():
            self._span.update_name(name)

    def fail(self, error_type: str) -> None:
        if self._span.is_recording():
            if _ERROR_TYPE not in (getattr(self._span, "attributes", None) or {}):
                self._span.set_attribute(_ERROR_TYPE, error_type)
            self._span.set_status(trace.StatusCode.ERROR)


class Collector(SpanExporter):
    """Sends spans to one URL. Of a collector that takes none, one line is logged, and one when it takes them again."""

    def __init__(self, url: str, seconds: float | None = None) -> None:
        """``seconds``: for one batch; None: ``OTEL_EXPORTER_OTLP_TIMEOUT``."""
        self._given, self._url = url, masked_url(url)
        self._exporter = OTLPSpanExporter(url, timeout=seconds)
        self._messages = _Messages()
        self._problem = ""
        self._is_shut = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        before, self._problem = self._problem, self.send(spans)
        if self._problem and not before and not self._is_shut:
            _log.warning("%s takes no spans, and they are dropped: %s", self._url, self._problem)
        elif before and not self._problem:
            _log.info("%s takes spans again", self._url)
        return SpanExportResult.FAILURE if self._problem else SpanExportResult.SUCCESS

    def send(self, spans: Sequence[ReadableSpan]) -> str:
        """Returns why the spans were not taken; empty where they were."""
        self._messages.first = ""
        _EXPORTER_LOG.addFilter(self._messages)
        try:
            result = self._exporter.export(spans)
        finally:
            _EXPORTER_LOG.removeFilter(self._messages)
        if result is SpanExportResult.SUCCESS:
            return ""
        return self._messages.first.replace(self._given, self._url) or "no answer"

    def drop_last(self) -> None:
        """Ends the attempts to send the last spans, with a line in the log unless there is one already."""
        if not self._problem:
            _log.warning("%s did not take the last spans in %g s, and they are dropped", self._url, FLUSH_SECONDS)
        self.shutdown()

    def shutdown(self) -> None:
        """Ends a batch that waits to be sent again. By ``OtlpTracer`` or by the SDK, and of both the first counts."""
        if not self._is_shut:
            self._is_shut = True
            self._exporter.shutdown()  # type: ignore[no-untyped-call]  # the library's, without types

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return True


class _Messages(logging.Filter):
    """Keeps the exporter's lines out of the log, where each batch would leave several."""

    def __init__(self) -> None:
        super().__init__()
        self.first = ""

    def filter(self, record: logging.LogRecord) -> bool:
        self.first = self.first or _reason(record)
        return False


def _reason(record: logging.LogRecord) -> str:
    """The last part of an error's text, such as ``Connection refused``; what stands before it repeats the URL, whose
    query may be a secret.
    """
    error = record.args[0] if isinstance(record.args, tuple) and record.args else None
    if not isinstance(error, Exception):
        return record.getMessage()
    cause = error.args[0] if error.args else error
    return str(getattr(cause, "reason", None) or cause).rpartition(": ")[2]


def _resource() -> Resource:
    found = Resource.create({SERVICE_VERSION: __version__})
    named = not str(found.attributes[SERVICE_NAME]).startswith("unknown_service")
    return found if named else found.merge(Resource({SERVICE_NAME: NAME}))


def _make_global(provider: TracerProvider) -> None:
    """The MCP SDK traces the methods of its servers with the provider of the process: the first one."""
    if not isinstance(trace.get_tracer_provider(), TracerProvider):
        trace.set_tracer_provider(provider)
        _add_trace_ids()
        for name in _QUIET:
            logging.getLogger(name).setLevel(logging.ERROR)


def _add_trace_ids() -> None:
    """Adds ``trace_id``, which ``logs.py`` writes, to the log records that are made within a span."""
    make = logging.getLogRecordFactory()

    def make_with_trace_id(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = make(*args, **kwargs)
        context = trace.get_current_span().get_span_context()
        if context.is_valid:
            record.trace_id = trace.format_trace_id(context.trace_id)
        return record

    logging.setLogRecordFactory(make_with_trace_id)
