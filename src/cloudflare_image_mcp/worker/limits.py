"""The limits of API keys in a Worker."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from cloudflare_image_mcp.core.limiter import Limiter
from cloudflare_image_mcp.errors import SettingError
from cloudflare_image_mcp.usage.local_counters import LocalCounters

if TYPE_CHECKING:
    from cloudflare_image_mcp.core.ports import Clock
    from cloudflare_image_mcp.settings import Settings

_log = logging.getLogger(__name__)


def make_limiter(settings: Settings, clock: Clock) -> Limiter | None:
    """None where no key has limits. Raises ``SettingError``."""
    if not any(key.quota.is_limited for key in settings.fixed_keys.values()):
        return None
    if settings.limits_strict:
        raise SettingError("LIMITS_STRICT is on, but a Worker has no counters that its isolates share")
    _log.warning("the limits of API keys are counted in each isolate alone")
    return Limiter(LocalCounters(), clock)
