"""What belongs to the request that is being answered, for code that is not passed the request itself."""

from __future__ import annotations

from contextvars import ContextVar
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

request_id: Final[ContextVar[str]] = ContextVar("request_id", default="-")
"""The ``x-request-id`` of the answer, for log lines; ``-`` outside a request."""

is_cancelled: Final[ContextVar[Callable[[], bool]]] = ContextVar("is_cancelled", default=lambda: False)
"""Says whether the images are no longer wanted: calls under way are finished, no further one is to begin."""

PASSED_HEADERS: Final = ("cf-aig-skip-cache", "cf-aig-cache-ttl", "cf-aig-metadata")
"""The caller's headers that are sent to the backend too, where it has a use for them."""

upstream_headers: Final[ContextVar[Mapping[str, str]]] = ContextVar("upstream_headers", default=MappingProxyType({}))
"""Those of ``PASSED_HEADERS`` that the caller sent, in lower case."""
