"""The Worker as deployed, its answers with the size of the Python runtime's memory in a header. Headers of a request
stop its clock (``x-now``, seconds since 1970; 0 lets it go on) and put so many objects into its bucket (``x-fill``), or
one under a name (``x-put``), or delete it (``x-delete``).
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pyodide_js

from cloudflare_image_mcp.worker import entry
from cloudflare_image_mcp.worker.runtime import WorkerClock

TOGETHER = 50


class StoppedClock(WorkerClock):
    moment: datetime | None = None

    def now(self) -> datetime:
        return self.moment or super().now()


vars(entry)["WorkerClock"] = StoppedClock


class Default(entry.Default):
    async def fetch(self, request: Any) -> Any:
        if moment := float(request.headers.get("x-now") or 0):
            StoppedClock.moment = datetime.fromtimestamp(moment, UTC)
        elif "x-now" in request.headers:
            StoppedClock.moment = None
        for start in range(0, int(request.headers.get("x-fill") or 0), TOGETHER):
            names = [f"images/{index:022}.png" for index in range(start, start + TOGETHER)]
            await asyncio.gather(*(self.env.BUCKET.put(name, b"an image") for name in names))
        if name := request.headers.get("x-put"):
            await self.env.BUCKET.put(name, b"an object")
        if name := request.headers.get("x-delete"):
            await self.env.BUCKET.delete(name)
        response = await super().fetch(request)
        response.headers.set("x-wasm-heap", str(pyodide_js._module.HEAP8.length))
        return response
