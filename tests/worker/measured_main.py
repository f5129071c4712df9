"""The Worker as deployed, its answers with the size of the Python runtime's memory in a header."""

from __future__ import annotations

from typing import Any

import pyodide_js

from cloudflare_image_mcp.worker.entry import Default as Worker


class Default(Worker):
    async def fetch(self, request: Any) -> Any:
        response = await super().fetch(request)
        response.headers.set("x-wasm-heap", str(pyodide_js._module.HEAP8.length))
        return response
