"""MCP over stdin and stdout: one client on this machine, whose files may be read and whose images lie on its disk."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cloudflare_image_mcp.assembly import assemble, storage_url
from cloudflare_image_mcp.first_signal import first_signal
from cloudflare_image_mcp.logs import configure_logging
from cloudflare_image_mcp.mcp_server.endpoint import McpEndpoint
from cloudflare_image_mcp.mcp_server.local_files import LocalFiles
from cloudflare_image_mcp.mcp_server.server import build_server
from cloudflare_image_mcp.mcp_server.stdio_messages import stdio_messages
from cloudflare_image_mcp.storage.opening import directory_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mcp.server.lowlevel import Server
    from starlette.requests import Request

    from cloudflare_image_mcp.assembly import Assembly
    from cloudflare_image_mcp.settings import Settings


def serve_stdio(settings: Settings) -> None:
    """Serves until stdin ends, then finishes running jobs. Raises ``SettingError`` before it begins."""
    configure_logging(settings.log_level, settings.log_format)
    asyncio.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    await serve_assembly(assemble(settings), settings)


async def serve_assembly(assembly: Assembly, settings: Settings) -> None:
    """Serves stdin and stdout over a gateway until stdin ends, then closes the gateway. SIGINT and SIGTERM end the
    process, too, once running jobs are finished and stored; a second signal ends it at once.
    """
    folder = store_folder(settings)
    gateway = assembly.gateway
    endpoint = McpEndpoint(
        gateway=gateway,
        jobs=assembly.jobs,
        structured=settings.mcp_structured_results,
        links=settings.mcp_resource_links,
        files=LocalFiles(image_roots(settings, folder)),
        stored_path=_stored_path(folder),
        base_url=_base_url(settings),
    )
    server = build_server(endpoint)
    gc.freeze()
    gc.enable()
    assembly.start()
    signalled: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    with first_signal(signalled.set_result, signal.SIG_DFL):
        serving = asyncio.ensure_future(_run(server))
        either: tuple[asyncio.Future[Any], ...] = (serving, signalled)
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await assembly.aclose()
        if not serving.done():
            # The thread that reads stdin cannot be stopped, and Python would wait for it.
            os._exit(128 + signalled.result())
        await serving


async def _run(server: Server[Any]) -> None:
    async with stdio_messages() as (read_stream, write_stream):
        await server.run(read_stream, write_stream, server.create_initialization_options())


def store_folder(settings: Settings) -> Path | None:
    """Returns the folder of the stored images, if it is one of this machine."""
    url = storage_url(settings)
    return Path(directory_of(url, windows=os.name == "nt")) if url.startswith("file:") else None


def image_roots(settings: Settings, store: Path | None) -> Iterator[Path]:
    """Returns the folders that input images may be read from: the store's own, and those of MCP_IMAGE_ROOTS. Without
    the setting: the user's pictures, downloads and desktop, and a working directory below the home folder.
    """
    if store is not None:
        yield store
    if settings.mcp_image_roots is not None:
        yield from settings.mcp_image_roots
        return
    from platformdirs import user_desktop_path, user_downloads_path, user_pictures_path

    yield from (user_pictures_path(), user_downloads_path(), user_desktop_path())
    try:
        working = Path.cwd()
    except OSError:  # it was deleted
        return
    if working.is_relative_to(Path.home()) and working != Path.home():
        yield working


def _stored_path(folder: Path | None) -> Callable[[str], Path | None]:
    return lambda key: folder / key if folder else None


def _base_url(settings: Settings) -> Callable[[Request | None], str | None]:
    return lambda request: settings.public_base_url
