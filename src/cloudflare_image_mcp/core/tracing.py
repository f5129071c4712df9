"""The port of traces: reports what the gateway does as spans. ``usage/tracing.py`` implements it with OpenTelemetry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, Protocol, TypeAlias

from cloudflare_image_mcp.errors import GatewayError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager
    from types import TracebackType

Attributes: TypeAlias = "Mapping[str, str | int | float]"
SpanKind: TypeAlias = Literal["internal", "server", "client"]


class Span(Protocol):
    """One piece of work with its beginning, end and attributes."""

    def set(self, attributes: Attributes) -> None: ...

    def rename(self, name: str) -> None: ...

    def fail(self, error_type: str) -> None:
        """Marks the work as failed; the first reason is kept."""
        ...


class Tracer(Protocol):
    """Begins spans. Nothing here raises, waits for the network or fails a request."""

    @property
    def is_on(self) -> bool: ...

    def span(
        self,
        name: str,
        kind: SpanKind = "internal",
        attributes: Attributes | None = None,
        *,
        caller: Mapping[str, str] | None = None,
    ) -> AbstractContextManager[Span]:
        """Returns a span to be entered: a child of the current one, or, with ``caller``, the HTTP headers of a request
        in lower case, of the span that they name. An exception that leaves it marks it as failed.
        """
        ...

    @property
    def current(self) -> Span:
        """The span that the running code is in."""
        ...

    def headers(self) -> Mapping[str, str]:
        """The HTTP headers that name the current span to another server."""
        ...

    async def aclose(self) -> None:
        """Sends the spans that have ended, for as long as a stopping process may wait."""
        ...


class NoSpan:
    """A span that is not recorded."""

    def set(self, attributes: Attributes) -> None:
        pass

    def rename(self, name: str) -> None:
        pass

    def fail(self, error_type: str) -> None:
        pass

    def __enter__(self) -> NoSpan:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        pass


NO_SPAN: Final = NoSpan()


class NoTracer:
    """A ``Tracer`` that records nothing."""

    is_on = False
    current = NO_SPAN

    def span(
        self,
        name: str,
        kind: SpanKind = "internal",
        attributes: Attributes | None = None,
        *,
        caller: Mapping[str, str] | None = None,
    ) -> NoSpan:
        return NO_SPAN

    def headers(self) -> Mapping[str, str]:
        return {}

    async def aclose(self) -> None:
        pass


NO_TRACER: Final = NoTracer()


def error_type(error: BaseException) -> str:
    """The attribute ``error.type`` of what an exception ended: the code of ``ERRORS``, that of the upstream, or the
    exception's type.
    """
    if isinstance(error, GatewayError):
        return error.row.code or error.kind
    return str(getattr(error, "error_type", None) or type(error).__qualname__)
