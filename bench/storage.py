"""How many images of 1 MB a store takes and gives a second, and the CPU time that costs.

python bench/storage.py [URL ...]      file: in a new directory and memory: by default
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image as Picture

from cloudflare_image_mcp.imagefile.image import Image
from cloudflare_image_mcp.storage.opening import open_store
from cloudflare_image_mcp.system import SystemClock, SystemIds

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from cloudflare_image_mcp.core.ports import ImageStore

COUNT = 200
SIDE = 590
"""A PNG of noise with this side is 1 MB long."""


async def measured(name: str, work: Callable[[str], Awaitable[object]], keys: list[str], at_once: int) -> None:
    """Does ``work`` for every key, ``at_once`` side by side, and prints a line."""
    places = asyncio.Semaphore(at_once)

    async def one(key: str) -> None:
        async with places:
            await work(key)

    started, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*map(one, keys))
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    rate, spent = len(keys) / seconds, cpu / len(keys) * 1000
    print(f"  {name:<6} {at_once:>2} at once  {rate:8.0f} images/s  {spent:6.2f} ms CPU each")


async def bench(url: str, image: Image) -> None:
    print(url)
    store: ImageStore = open_store(url, expiry=None, clock=SystemClock())
    ids = SystemIds()

    async def put(key: str) -> None:
        await store.put(key, image, {"prompt": "a fox in the snow", "seed": "7"})

    async def read(key: str) -> None:
        async for _ in store.read(key):
            pass

    for at_once in (1, 16):
        keys = [f"{ids.name()}.png" for _ in range(COUNT)]
        await measured("put", put, keys, at_once)
        await measured("read", read, keys, at_once)
        await measured("find", store.find, keys, at_once)
        started = time.perf_counter()
        await store.list(100)
        print(f"  list   100 of {len(await store.list(10**6))}: {(time.perf_counter() - started) * 1000:.1f} ms")
        await measured("delete", store.delete, keys, at_once)
    await store.aclose()


async def main(urls: list[str], directory: Path) -> None:
    picture = directory / "noise.png"
    Picture.frombytes("RGB", (SIDE, SIDE), os.urandom(SIDE * SIDE * 3)).save(picture)
    image = await Image.of_bytes(picture.read_bytes())
    print(f"{COUNT} images of {image.payload.size / 1e6:.2f} MB")
    for url in urls or [(directory / "images").as_uri(), "memory:"]:
        await bench(url, image)


if __name__ == "__main__":
    # Beside the project and not in the system's place for such, which is often memory.
    with tempfile.TemporaryDirectory(dir=".") as name:
        asyncio.run(main(sys.argv[1:], Path(name).resolve()))
