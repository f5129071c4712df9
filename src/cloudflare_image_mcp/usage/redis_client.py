"""The client of the Redis that replicas share."""

from __future__ import annotations

from typing import Any, Final

from cloudflare_image_mcp.errors import masked_url

PREFIX: Final = "cloudflare-image-mcp:"
"""What the names of all keys begin with."""
TIMEOUT: Final = 1.0
"""Seconds for connecting and for an answer."""


def failure_reason(error: Exception, url: str) -> str:
    """Describes an error of the client without a password of the URL."""
    return f"{type(error).__name__}: {error}".replace(url, masked_url(url))


def redis_client(url: str) -> Any:
    """An asynchronous client, which connects when it is first used."""
    from redis.asyncio import Redis
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff
    from redis.exceptions import ConnectionError as Disconnected

    return Redis.from_url(
        url,
        decode_responses=True,
        socket_timeout=TIMEOUT,
        socket_connect_timeout=TIMEOUT,
        # Once, for a pooled connection that a restart of Redis has closed.
        retry=Retry(NoBackoff(), 1, supported_errors=(Disconnected,)),
    )
