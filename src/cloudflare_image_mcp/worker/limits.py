"""The limits of API keys in a Worker: counted in D1 by all isolates together, else in each isolate alone."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from cloudflare_image_mcp.core.limiter import Limiter
from cloudflare_image_mcp.errors import SettingError
from cloudflare_image_mcp.usage.d1_counters import D1Counters
from cloudflare_image_mcp.usage.fallback_counters import FallbackCounters
from cloudflare_image_mcp.usage.local_counters import LocalCounters
from cloudflare_image_mcp.usage.rate_limiting_binding import RateLimitingBinding

if TYPE_CHECKING:
    from cloudflare_image_mcp.core.ports import Clock
    from cloudflare_image_mcp.core.quota import UsageCounters
    from cloudflare_image_mcp.js_values import Handle
    from cloudflare_image_mcp.settings import Settings

_log = logging.getLogger(__name__)


def make_limiter(
    settings: Settings, clock: Clock, *, database: Handle | None, rate_limiter: Handle | None
) -> Limiter | None:
    """``database``, ``rate_limiter``: the raw bindings. None where no key has limits. Raises ``SettingError``."""
    if not any(key.quota.is_limited for key in settings.fixed_keys.values()):
        return None
    guard = None if rate_limiter is None else RateLimitingBinding(rate_limiter)
    return Limiter(_counters(settings, clock, database), clock, guard)


def _counters(settings: Settings, clock: Clock, database: Handle | None) -> UsageCounters:
    if database is not None:
        return FallbackCounters(D1Counters(database, clock), strict=settings.limits_strict)
    if settings.limits_strict:
        raise SettingError("LIMITS_STRICT is on, which needs the binding DB: see docs/workers.md")
    _log.warning("the binding DB is missing: the limits of API keys are counted in each isolate alone")
    return LocalCounters()
