"""The REST door under uvicorn, with the MCP door on the same port: one process, one gateway, a sweeper."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Final

import uvicorn

from cloudflare_image_mcp.assembly import assemble
from cloudflare_image_mcp.core.jobs import Jobs
from cloudflare_image_mcp.logs import configure_logging
from cloudflare_image_mcp.mcp_server.door import Door
from cloudflare_image_mcp.mcp_server.routes import mcp_routes
from cloudflare_image_mcp.mcp_server.transport import HttpTransport
from cloudflare_image_mcp.rest.app import AppOptions, base_url, create_app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fastapi import FastAPI

    from cloudflare_image_mcp.assembly import Assembly
    from cloudflare_image_mcp.core.ports import ImageStore
    from cloudflare_image_mcp.settings import Settings

SWEEP_EVERY: Final = 600.0
"""Seconds between two sweeps of expired images; reading one that has expired finds nothing in any case."""

_log = logging.getLogger(__name__)


def build_app(settings: Settings, *, transport: type[HttpTransport] = HttpTransport) -> FastAPI:
    """The application over a gateway of its own. Raises ``SettingError``."""
    return app_over(assemble(settings), settings, transport=transport)


def app_over(assembly: Assembly, settings: Settings, *, transport: type[HttpTransport] = HttpTransport) -> FastAPI:
    """Both doors over a gateway, whose life is bound to the application's."""
    gateway = assembly.gateway
    options = AppOptions.of(settings)
    door = Door(
        gateway=gateway,
        jobs=Jobs(gateway),
        structured=settings.mcp_structured_results,
        base_url=lambda request: base_url(request, options) if request else options.public_base_url,
    )
    mcp = transport(door)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        sweeper = asyncio.create_task(_sweep(gateway.store))
        try:
            async with mcp.run():
                yield
        finally:
            sweeper.cancel()
            with suppress(asyncio.CancelledError):
                await sweeper
            await assembly.aclose()

    return create_app(gateway, options, lifespan=lifespan, routes=mcp_routes(mcp.serve, settings))


def serve(settings: Settings, host: str, port: int) -> None:
    """Serves until interrupted. Raises ``SettingError`` before anything listens."""
    configure_logging(settings.log_level)  # before the MCP SDK, which sets up the root logger unless somebody has
    app = build_app(settings)
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,
        server_header=False,
        timeout_keep_alive=75,
    )
    uvicorn.Server(config).run()


async def _sweep(store: ImageStore) -> None:
    while True:
        try:
            swept = await store.sweep()
        except Exception:
            _log.exception("the sweep of expired images failed; it is tried again in %d s", SWEEP_EVERY)
        else:
            if swept:
                _log.info("%d expired images deleted", swept)
        await asyncio.sleep(SWEEP_EVERY)
