"""Records of jobs in a Redis that all replicas share, so that any of them answers for any job."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any, Final

from cloudflare_image_mcp.core.job_records import KEEP_SECONDS, JobRecord
from cloudflare_image_mcp.usage.redis_client import PREFIX, failure_reason, redis_client

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Sequence

RETRY_EVERY: Final = 1.0
"""Seconds between two tries of a Redis that failed. Jobs do not wait for it meanwhile."""
_JOB: Final = f"{PREFIX}job:"
_ALL: Final = f"{PREFIX}jobs"
_OF_OWNER: Final = f"{PREFIX}jobs:"
"""Sorted sets of ids, by the time at which the jobs were started."""
_LONGEST: Final = int(24 * KEEP_SECONDS)
"""Seconds after which the sets are removed when no job was added."""

_log = logging.getLogger(__name__)


class RedisJobs:
    """Implements ``JobRecords``: each record is a hash, which Redis removes itself when it is no longer needed."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._client: Any = None
        self._next_try = 0.0
        self._failed = False

    async def save(self, record: JobRecord) -> bool:
        fields = {
            "owner": record.owner,
            "created": repr(record.created),
            "running": int(record.running),
            "until": repr(record.until),
            "data": record.data,
        }

        async def send(client: Any) -> bool:
            pipeline = client.pipeline(transaction=True)
            pipeline.hset(_JOB + record.id, mapping=fields)
            pipeline.expireat(_JOB + record.id, _expiry(record.until, running=record.running))
            for index in (_ALL, _OF_OWNER + record.owner):
                pipeline.zadd(index, {record.id: record.created})
                pipeline.expire(index, _LONGEST)
            await pipeline.execute()
            return True

        return await self._sent(send) or False

    async def renew(self, ids: Collection[str], until: float) -> Collection[str]:
        async def send(client: Any) -> list[str]:
            pipeline = client.pipeline(transaction=False)
            for job_id in ids:
                pipeline.hset(_JOB + job_id, "until", repr(until))
                pipeline.expireat(_JOB + job_id, _expiry(until, running=True))
                pipeline.hget(_JOB + job_id, "cancel")
            answers = await pipeline.execute()
            return [job_id for job_id, cancel in zip(ids, answers[2::3], strict=True) if cancel]

        return await self._sent(send) or ()

    async def cancel(self, job_id: str) -> None:
        async def send(client: Any) -> None:
            if await client.exists(_JOB + job_id):
                await client.hset(_JOB + job_id, "cancel", 1)

        await self._sent(send)

    async def find(self, job_id: str) -> JobRecord | None:
        fields = await self._sent(lambda client: client.hgetall(_JOB + job_id))
        return _record(job_id, fields or {})

    async def newest(self, owner: str | None, limit: int) -> Sequence[JobRecord]:
        index = _ALL if owner is None else _OF_OWNER + owner

        async def send(client: Any) -> list[JobRecord]:
            ids = await client.zrevrange(index, 0, limit - 1)
            pipeline = client.pipeline(transaction=False)
            for job_id in ids:
                pipeline.hgetall(_JOB + job_id)
            found = dict(zip(ids, await pipeline.execute(), strict=True))
            gone = [job_id for job_id, fields in found.items() if not fields]
            if gone:
                await client.zrem(index, *gone)
            records = (_record(job_id, fields) for job_id, fields in found.items())
            return [record for record in records if record is not None]

        return await self._sent(send) or []

    async def remove_expired(self, now: float) -> None:
        """Redis removes them by itself."""

    async def aclose(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    async def _sent(self, send: Callable[[Any], Awaitable[Any]]) -> Any:
        """The answer; None while Redis does not give one."""
        from redis.exceptions import RedisError

        if time.monotonic() < self._next_try:
            return None
        if self._client is None:
            self._client = redis_client(self._url)
        try:
            answer = await send(self._client)
        except (RedisError, OSError) as error:
            self._next_try = time.monotonic() + RETRY_EVERY
            if not self._failed:
                self._failed = True
                reason = failure_reason(error, self._url)
                _log.warning("jobs are known to this process alone: Redis does not answer (%s)", reason)
            return None
        self._failed = False
        return answer


def _expiry(until: float, *, running: bool) -> int:
    """Seconds since 1970. The record of an interrupted job is kept, too."""
    return int(until + (KEEP_SECONDS if running else 0)) + 1


def _record(job_id: str, fields: dict[str, str]) -> JobRecord | None:
    if "data" not in fields:
        return None
    return JobRecord(
        id=job_id,
        owner=fields["owner"],
        created=float(fields["created"]),
        running=fields["running"] == "1",
        until=float(fields["until"]),
        data=fields["data"],
    )
