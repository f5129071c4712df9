"""Counters of what API keys use, in a Redis that all replicas share."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from cloudflare_image_mcp.core.quota import TOLERANCE, CounterReading, CountersFailed, Outcome
from cloudflare_image_mcp.errors import masked_url
from cloudflare_image_mcp.usage.redis_client import PREFIX, failure_reason, redis_client

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudflare_image_mcp.core.quota import Charge

_RESERVE: Final = """
local readings, admitted = {}, 1
for i = 1, #KEYS, 2 do
  local current = redis.call('GET', KEYS[i]) or '0'
  local previous = redis.call('GET', KEYS[i + 1]) or '0'
  local amount, limit, weight = tonumber(ARGV[i * 2 - 1]), tonumber(ARGV[i * 2]), tonumber(ARGV[i * 2 + 1])
  if tonumber(current) + weight * tonumber(previous) + amount > limit then admitted = 0 end
  readings[i], readings[i + 1] = current, previous
end
if admitted == 1 then
  for i = 1, #KEYS, 2 do
    redis.call('INCRBYFLOAT', KEYS[i], ARGV[i * 2 - 1])
    redis.call('EXPIRE', KEYS[i], ARGV[i * 2 + 2])
  end
end
return {admitted, unpack(readings)}
"""
"""Two keys (counter and the one before) and four arguments (amount, limit, weight, seconds) a charge. It holds the rule
of ``Charge.fits``: only inside Redis are checking and adding one step for all replicas.
"""


class RedisCounters:
    """Implements ``UsageCounters``. Connects when it is first used."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._client: Any = None
        self._reserve_script: Any = None

    async def reserve(self, charges: Sequence[Charge]) -> Outcome:
        keys = [_name(name) for charge in charges for name in (charge.counter, charge.previous or charge.counter)]
        arguments = chain.from_iterable(
            (_number(charge.amount), _number(charge.limit + TOLERANCE), charge.weight, _seconds(charge))
            for charge in charges
        )
        self._open()
        admitted, *values = await self._sent(self._reserve_script(keys=keys, args=list(arguments)))
        pairs = zip(values[::2], values[1::2], charges, strict=True)
        readings = (
            CounterReading(float(current), float(previous) if charge.previous else 0.0)
            for current, previous, charge in pairs
        )
        return Outcome(bool(admitted), tuple(readings))

    async def add(self, charges: Sequence[Charge]) -> None:
        if not charges:
            return
        pipeline = self._open().pipeline(transaction=True)
        for charge in charges:
            pipeline.incrbyfloat(_name(charge.counter), _number(charge.amount))
            pipeline.expire(_name(charge.counter), _seconds(charge))
        await self._sent(pipeline.execute())

    async def read(self, counters: Sequence[str]) -> list[float]:
        if not counters:
            return []
        values = await self._sent(self._open().mget([_name(counter) for counter in counters]))
        return [float(value or 0) for value in values]

    async def aclose(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    async def _sent(self, command: Any) -> Any:
        """Raises ``CountersFailed`` for whatever keeps Redis from answering."""
        from redis.exceptions import RedisError

        try:
            return await command
        except (RedisError, OSError) as error:
            reason = failure_reason(error, self._url)
            raise CountersFailed(f"Redis at {masked_url(self._url)} does not answer ({reason})") from None

    def _open(self) -> Any:
        if self._client is None:
            self._client = redis_client(self._url)
            self._reserve_script = self._client.register_script(_RESERVE)
        return self._client


def _name(counter: str) -> str:
    """The name in Redis. The braces keep the counters of one API key on one node of a cluster."""
    name, colon, rest = counter.partition(":")
    return f"{PREFIX}{{{name}}}{colon}{rest}"


def _number(value: float) -> str:
    """Without an exponent, which INCRBYFLOAT would keep, and without a tail of binary fractions."""
    return f"{value:.9f}"


def _seconds(charge: Charge) -> int:
    return max(1, int(charge.kept) + 1)
