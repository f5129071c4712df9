"""Refuses the requests of an API key that come too fast, with Cloudflare's rate-limiting binding.

The binding has one limit for all keys, counts in each of Cloudflare's locations by itself, and costs next to no time.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from pyodide.ffi import JsException

from cloudflare_image_mcp.js_values import js_object

if TYPE_CHECKING:
    from cloudflare_image_mcp.js_values import Handle

_log = logging.getLogger(__name__)


class RateLimitingBinding:
    """Implements ``RateGuard``. Where the binding fails, every request is admitted: the counters are asked after it."""

    def __init__(self, binding: Handle) -> None:
        """``binding`` is the raw binding."""
        self._binding = binding

    async def admits(self, name: str) -> bool:
        try:
            return bool((await self._binding.limit(js_object({"key": name}))).success)
        except JsException as error:
            _log.warning("the rate-limiting binding does not answer (%s)", error)
            return True
