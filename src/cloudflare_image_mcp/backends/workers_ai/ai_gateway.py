"""Headers of Cloudflare's AI Gateway: those sent with a call, and those of its reply that are passed on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cloudflare_image_mcp.request_context import upstream_headers

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_GATEWAY: Final = "default"
"""The gateway that Cloudflare makes at the first call of another provider's model."""
GATEWAY_ID: Final = "cf-aig-gateway-id"
SKIP_CACHE: Final = "cf-aig-skip-cache"
CACHE_TTL: Final = "cf-aig-cache-ttl"
METADATA: Final = "cf-aig-metadata"

REPLY_HEADERS: Final = ("cf-aig-log-id", "cf-aig-cache-status")
"""Headers of a reply that the caller gets too."""


def gateway_headers(gateway_id: str | None, *, has_seed: bool) -> Mapping[str, str]:
    """Returns the headers for one call through the AI Gateway, with those that the caller sent; none without a gateway.

    Without a seed, two calls for two images are alike, and a cache would answer both with the same image.
    """
    if gateway_id is None:
        return {}
    return {GATEWAY_ID: gateway_id} | ({} if has_seed else {SKIP_CACHE: "true"}) | dict(upstream_headers.get())


def passed_on(headers: Mapping[str, str]) -> dict[str, str]:
    """Returns the headers of a reply that the caller gets too."""
    return {name: headers[name] for name in REPLY_HEADERS if name in headers}
