"""Stores copies of the images in one directory as fast as it can, 200 at once, until it is killed.

python endless_writer.py STORE SOURCES
"""

from __future__ import annotations

import asyncio
import sys
from itertools import cycle, islice
from pathlib import Path

from cloudflare_image_mcp.imagefile.image import Image
from cloudflare_image_mcp.storage.opening import open_store
from cloudflare_image_mcp.system import SystemClock, SystemIds


async def main(directory: Path, files: list[bytes]) -> None:
    store, ids = open_store(directory.as_uri(), expiry=None, clock=SystemClock()), SystemIds()
    images = cycle([await Image.of_bytes(file) for file in files])
    while True:
        batch = islice(images, 200)
        await asyncio.gather(*(store.put(f"{ids.name()}.{i.format.extension}", i, {"n": "1"}) for i in batch))


asyncio.run(main(Path(sys.argv[1]), [path.read_bytes() for path in sorted(Path(sys.argv[2]).iterdir())]))
