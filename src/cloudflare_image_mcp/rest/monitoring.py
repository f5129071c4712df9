"""What watches a server asks: is it up, can it make images, and what has it done."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import JSONResponse, Response

from cloudflare_image_mcp import __version__
from cloudflare_image_mcp.core.access import access
from cloudflare_image_mcp.core.store_check import check_store
from cloudflare_image_mcp.errors import GatewayError
from cloudflare_image_mcp.rest import openapi

if TYPE_CHECKING:
    from fastapi import FastAPI

    from cloudflare_image_mcp.core.gateway import Gateway
    from cloudflare_image_mcp.rest.options import AppOptions

STORE_CHECK_EVERY: Final = 10.0
"""Seconds for which the result of a check of the store holds: each writes an image, which a bucket charges for."""


def add_monitoring(app: FastAPI, gateway: Gateway, options: AppOptions) -> None:
    readiness = Readiness(gateway)

    async def health() -> dict[str, str]:
        return {"status": "ok", "version": __version__, "backend": gateway.backend.name}

    async def ready() -> Response:
        problems = await readiness.problems()
        body: dict[str, Any] = {"status": "not ready", "problems": problems} if problems else {"status": "ready"}
        return JSONResponse(body, status_code=503 if problems else 200)

    async def metrics() -> Response:
        if not options.metrics_open and not access.get().admin:
            raise GatewayError("not_allowed", "/metrics needs the API key of an admin, or METRICS_OPEN=on")
        if options.write_metrics is None:
            raise GatewayError("not_supported_here", "this runtime has no Prometheus client library")
        body, media_type = options.write_metrics(gateway.recorder.metrics)
        return Response(body, media_type=media_type)

    app.head("/health", include_in_schema=False)(health)  # what watches a service often asks for no body
    app.get("/health", summary="Is it up?", responses=openapi.health_responses(), tags=["health"])(health)
    app.get("/ready", summary="Can it make images?", responses=openapi.ready_responses(), tags=["health"])(ready)
    app.get(
        "/metrics",
        summary="The counters, for Prometheus",
        responses=openapi.metrics_responses(),
        response_class=Response,
        tags=["health"],
    )(metrics)


class Readiness:
    """Whether images can be made and stored at the moment."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._checked: float | None = None
        self._store_problem: str | None = None
        self._lock = asyncio.Lock()

    async def problems(self) -> list[str]:
        """Returns a sentence for each; none where all is well."""
        found = []
        if not self._gateway.recorder.metrics.is_awake():
            found.append("every account of Workers AI rests")
        async with self._lock:
            now = self._gateway.clock.monotonic()
            if self._checked is None or now - self._checked >= STORE_CHECK_EVERY:
                self._store_problem = await self._check_store()
                self._checked = now
        return [*found, self._store_problem] if self._store_problem else found

    async def _check_store(self) -> str | None:
        try:
            await check_store(self._gateway.store, self._gateway.ids)
        except GatewayError as error:
            return error.message
        return None
