"""CPU time of one Workers AI call by HTTP client: what httpx2 and aiohttp take for a 1 KB and a 1 MB answer.

    python bench/http_clients.py

A client reads the whole answer into one ``bytes``; the upstream (``bench/servers/upstream.py``) is a process of its
own.
"""

from __future__ import annotations

import asyncio
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import aiohttp
import httpx2

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

PORT: Final = 9101
BODY: Final = b'{"prompt":"a lighthouse at dusk","steps":4}'
HEADERS: Final = {"Authorization": "Bearer t", "Content-Type": "application/json"}
CONCURRENCY: Final = 16


def cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def measure(name: str, size: int, calls: int, call: Callable[[str], Awaitable[bytes]]) -> None:
    url = f"http://127.0.0.1:{PORT}/bytes-{size}/client/v4/accounts/a/ai/run/@cf/x/y"
    lengths: set[int] = set()

    async def worker(count: int) -> None:
        for _ in range(count):
            lengths.add(len(await call(url)))

    await asyncio.gather(*[worker(2) for _ in range(CONCURRENCY)])
    cpu, wall = cpu_seconds(), time.perf_counter()
    await asyncio.gather(*[worker(calls // CONCURRENCY) for _ in range(CONCURRENCY)])
    cpu, wall = cpu_seconds() - cpu, time.perf_counter() - wall
    done = calls // CONCURRENCY * CONCURRENCY
    print(f"{name:<10} {size:>8} B  {cpu / done * 1000:6.2f} ms CPU  {done / wall:7.0f} calls/s  {lengths}")


async def main() -> None:
    limits = httpx2.Limits(max_connections=100, max_keepalive_connections=100)
    async with httpx2.AsyncClient(limits=limits) as httpx_client, aiohttp.ClientSession() as session:

        async def with_httpx2(url: str) -> bytes:
            return (await httpx_client.post(url, content=BODY, headers=HEADERS)).content

        async def with_aiohttp(url: str) -> bytes:
            async with session.post(url, data=BODY, headers=HEADERS) as response:
                return await response.read()

        for size, calls in ((1024, 3200), (1_048_576, 480)):
            await measure("httpx2", size, calls, with_httpx2)
            await measure("aiohttp", size, calls, with_aiohttp)


if __name__ == "__main__":
    script = Path(__file__).with_name("servers") / "upstream.py"
    upstream = subprocess.Popen([sys.executable, str(script), "--port", str(PORT)])
    try:
        time.sleep(0.5)
        asyncio.run(main())
    finally:
        upstream.terminate()
        upstream.wait()
