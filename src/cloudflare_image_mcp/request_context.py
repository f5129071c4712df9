"""What belongs to the request that is being answered, for code that is not passed the request itself."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

request_id: Final[ContextVar[str]] = ContextVar("request_id", default="-")
"""The ``x-request-id`` of the answer, for log lines; ``-`` outside a request."""

is_cancelled: Final[ContextVar[Callable[[], bool]]] = ContextVar("is_cancelled", default=lambda: False)
"""Says whether the images are no longer wanted: calls under way are finished, no further one is to begin."""


@dataclass(slots=True, kw_only=True)
class RequestRecord:
    """What is logged and counted of a request. Texts are empty where something is not known, or does not apply."""

    key: str = ""
    """Name of the API key."""
    method: str = ""
    path: str = ""
    """Of an HTTP request; both are empty for an image request of another interface."""
    route: str = ""
    """The path with the names of its parameters in place of their values, such as ``/images/{key}``."""
    began: float = 0.0
    """On the clock that measures durations."""
    operation: str = ""
    model: str = ""
    backend: str = ""
    cache: str = ""
    """How the cache answered: ``hit``, ``joined`` or ``miss``."""
    status: int = 0
    error: str = ""
    """Its error, as ``error_type`` of core/tracing.py has it."""
    seconds: float = 0.0
    images: int = 0
    neurons: float | None = None
    prompt: str | None = None
    task: object = None
    """The task that answers the HTTP request: a job that it starts has a record of its own."""
    ended: bool = False
    """Whether its image request has ended and been counted."""


request_record: Final[ContextVar[RequestRecord | None]] = ContextVar("request_record", default=None)
"""That of the HTTP request being answered."""

PASSED_HEADERS: Final = ("cf-aig-skip-cache", "cf-aig-cache-ttl", "cf-aig-metadata")
"""The caller's headers that are sent to the backend too, where it has a use for them."""

upstream_headers: Final[ContextVar[Mapping[str, str]]] = ContextVar("upstream_headers", default=MappingProxyType({}))
"""Those of ``PASSED_HEADERS`` that the caller sent, in lower case."""
