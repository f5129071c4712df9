"""The REST door under uvicorn: one process, one gateway, a sweeper."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Final

import uvicorn

from cloudflare_image_mcp.assembly import assemble
from cloudflare_image_mcp.http.app import AppOptions, create_app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fastapi import FastAPI

    from cloudflare_image_mcp.gateway.ports import ImageStore
    from cloudflare_image_mcp.settings import Settings

SWEEP_EVERY: Final = 600.0
"""Seconds between two sweeps of expired images; reading one that has expired finds nothing in any case."""

_log = logging.getLogger(__name__)


def build_app(settings: Settings) -> FastAPI:
    """The application, with the life of its gateway bound to its own. Raises ``SettingError``."""
    assembly = assemble(settings)
    gateway = assembly.gateway

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        sweeper = asyncio.create_task(_sweep(gateway.store))
        try:
            yield
        finally:
            sweeper.cancel()
            with suppress(asyncio.CancelledError):
                await sweeper
            await assembly.aclose()

    options = AppOptions(api_keys=settings.api_keys, public_base_url=settings.public_base_url)
    return create_app(gateway, options, lifespan=lifespan)


def serve(settings: Settings, host: str, port: int) -> None:
    """Serves until interrupted. Raises ``SettingError`` before anything listens."""
    config = uvicorn.Config(
        build_app(settings),
        host=host,
        port=port,
        log_level="info",
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
