"""What the neuron ledger costs: an image added, alone and with 15 others at the same moment, and a day of many images
added up.

python bench/neuron_ledger.py
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Final

from cloudflare_image_mcp.backends.workers_ai.neuron_ledger import NeuronLedger

IMAGES: Final = 100_000
ACCOUNT: Final = "0123456789abcdef0123456789abcdef"


async def measure(directory: Path, together: int) -> None:
    """``together``: images added at the same moment."""
    ledger, day = NeuronLedger(directory), date(2026, 11, 23)
    cpu, wall, slowest = time.process_time(), time.perf_counter(), 0.0
    for _ in range(IMAGES // together):
        begun = time.perf_counter()
        await asyncio.gather(*(ledger.add(ACCOUNT, day, 172.8) for _ in range(together)))
        slowest = max(slowest, time.perf_counter() - begun)
    cpu, wall = (time.process_time() - cpu) / IMAGES, (time.perf_counter() - wall) / IMAGES
    print(f"add, {together} at once: {cpu * 1e6:.1f} us CPU, {wall * 1e6:.1f} us, slowest {slowest * 1e3:.1f} ms")
    begun = time.perf_counter()
    spent = await ledger.spent(day)
    print(f"a day of {IMAGES:,} images added up to {spent[ACCOUNT]:,.0f}: {time.perf_counter() - begun:.2f} s")


if __name__ == "__main__":
    for together in (1, 16):
        with tempfile.TemporaryDirectory() as name:
            asyncio.run(measure(Path(name), together))
