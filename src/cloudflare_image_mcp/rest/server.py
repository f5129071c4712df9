"""The server process: the REST API and MCP on one port under uvicorn, over one gateway, with a sweeper."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import uvicorn

from cloudflare_image_mcp.assembly import assemble
from cloudflare_image_mcp.freed_memory import return_freed_memory
from cloudflare_image_mcp.logs import configure_logging
from cloudflare_image_mcp.mcp_server.endpoint import McpEndpoint
from cloudflare_image_mcp.mcp_server.routes import mcp_routes
from cloudflare_image_mcp.mcp_server.transport import HttpTransport
from cloudflare_image_mcp.rest.app import create_app
from cloudflare_image_mcp.rest.http_protocol import HttpProtocol
from cloudflare_image_mcp.rest.options import AppOptions
from cloudflare_image_mcp.rest.public_url import base_url

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator
    from types import FrameType

    from fastapi import FastAPI
    from starlette.types import ASGIApp

    from cloudflare_image_mcp.assembly import Assembly
    from cloudflare_image_mcp.core.jobs import Jobs
    from cloudflare_image_mcp.core.metrics import Metrics
    from cloudflare_image_mcp.core.ports import ImageStore
    from cloudflare_image_mcp.settings import Settings
    from cloudflare_image_mcp.usage.api_key import Keys

SWEEP_EVERY: Final = 600.0
"""Seconds between two sweeps of expired images; reading one that has expired finds nothing in any case."""

REQUESTS_SHARE: Final = 0.7
"""Of SHUTDOWN_TIMEOUT: what running requests get to finish."""

_log = logging.getLogger(__name__)


def build_app(settings: Settings, *, transport: type[HttpTransport] = HttpTransport) -> FastAPI:
    """The application over a gateway of its own. Raises ``SettingError``."""
    return app_over(assemble(settings), settings, transport=transport)


def app_over(assembly: Assembly, settings: Settings, *, transport: type[HttpTransport] = HttpTransport) -> FastAPI:
    """The REST API and MCP over a gateway, which is closed when the application ends."""
    gateway = assembly.gateway
    options = replace(AppOptions.of(settings, _open_keys(settings)), write_metrics=_write_metrics)
    endpoint = McpEndpoint(
        gateway=gateway,
        jobs=assembly.jobs,
        structured=settings.mcp_structured_results,
        links=settings.mcp_resource_links,
        base_url=lambda request: base_url(request, options) if request else options.public_base_url,
    )
    mcp = transport(endpoint)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        tasks = [
            asyncio.create_task(_sweep(gateway.store)),
            asyncio.create_task(_post_owed_events(assembly.jobs)),
        ]
        assembly.start()
        try:
            async with mcp.run():
                yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await assembly.aclose(settings.shutdown_timeout * (1 - REQUESTS_SHARE))

    return create_app(
        gateway,
        options,
        jobs=assembly.jobs,
        lifespan=lifespan,
        routes=mcp_routes(mcp.serve, settings, gateway.options.names),
    )


def _write_metrics(metrics: Metrics) -> tuple[bytes, str]:
    from cloudflare_image_mcp.usage.prometheus import CONTENT_TYPE, exposition

    return exposition(metrics), CONTENT_TYPE


def _open_keys(settings: Settings) -> Keys | None:
    """All keys, where some are in a file. Raises ``SettingError``."""
    if settings.api_keys_file is None:
        return None
    from cloudflare_image_mcp.usage.key_file import KeyFile

    return KeyFile(settings.api_keys_file, settings.fixed_keys)


def make_server(settings: Settings) -> Server:
    """A server whose ``run`` serves on bound sockets until a signal comes, and closes them. Raises ``SettingError``.

    The first signal lets running requests finish within SHUTDOWN_TIMEOUT; the second one ends the process at once.
    """
    return_freed_memory()
    configure_logging(settings.log_level, settings.log_format)  # before the MCP SDK configures the root logger
    app = build_app(settings)
    HttpProtocol.read_timeout = settings.read_timeout
    config = server_config(app, shutdown_timeout=settings.shutdown_timeout)
    config.load()
    config.get_loop_factory()  # imports uvloop
    # What is imported stays: not looking through it makes each search for garbage short, and so they happen more often.
    gc.collect()
    gc.freeze()
    return Server(config)


def server_config(app: ASGIApp, *, log_level: str | None = None, shutdown_timeout: float) -> uvicorn.Config:
    """How uvicorn serves the application, here and in the tests, which take a free port of the loopback address."""
    return uvicorn.Config(
        app,
        port=0,
        log_config=None,
        log_level=log_level,
        access_log=False,  # RequestMiddleware logs requests
        server_header=False,
        http=HttpProtocol,
        ws="none",
        proxy_headers=False,
        timeout_keep_alive=75,
        # The rest of the time is for storing what was paid for (Assembly.aclose).
        timeout_graceful_shutdown=max(1, int(shutdown_timeout * REQUESTS_SHARE)),
    )


class Server(uvicorn.Server):
    """uvicorn's server, which logs where it listens, and which a second signal of any kind ends at once."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """uvicorn logs only addresses that it has bound itself."""
        await super().startup(sockets)
        for bound in sockets or ():
            host, port = bound.getsockname()[:2]
            _log.info("listening on http://%s:%d", f"[{host}]" if ":" in host else host, port)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self.should_exit:
            signal.signal(sig, signal.SIG_DFL)
            signal.raise_signal(sig)
        super().handle_exit(sig, frame)


async def _post_owed_events(jobs: Jobs) -> None:
    try:
        await jobs.post_owed_events()
    except Exception:
        _log.exception("the events that a former process owed were not posted")


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
