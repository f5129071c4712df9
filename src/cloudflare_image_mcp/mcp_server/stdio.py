"""The MCP door over stdin and stdout: one client, on this machine, whose files may be read and whose images lie on its
own disk.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cloudflare_image_mcp.assembly import assemble, storage_url
from cloudflare_image_mcp.gateway.jobs import Jobs
from cloudflare_image_mcp.mcp_server.door import Door
from cloudflare_image_mcp.mcp_server.local_files import LocalFiles
from cloudflare_image_mcp.mcp_server.server import build_server
from cloudflare_image_mcp.storage.opening import directory_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from starlette.requests import Request

    from cloudflare_image_mcp.assembly import Assembly
    from cloudflare_image_mcp.settings import Settings


def serve_stdio(settings: Settings) -> None:
    """Serves until stdin ends, then finishes what is under way. Raises ``SettingError`` before it begins."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    asyncio.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    await serve_assembly(assemble(settings), settings)


async def serve_assembly(assembly: Assembly, settings: Settings) -> None:
    """Serves stdin and stdout over a gateway until stdin ends, then lets go of it."""
    folder = store_folder(settings)
    gateway = assembly.gateway
    door = Door(
        gateway=gateway,
        jobs=Jobs(gateway),
        structured=settings.mcp_structured_results,
        files=LocalFiles(image_roots(settings, folder)),
        saved=_saved(folder),
        base_url=_base_url(settings),
    )
    server = build_server(door)
    gc.freeze()
    gc.enable()
    try:
        await server.run_stdio_async()
    finally:
        await assembly.aclose()


def store_folder(settings: Settings) -> Path | None:
    """Where the images lie, if that is a folder of this machine."""
    url = storage_url(settings)
    return Path(directory_of(url, windows=os.name == "nt")) if url.startswith("file:") else None


def image_roots(settings: Settings, store: Path | None) -> Iterator[Path]:
    """The folders that input images may be read from: those that are set; else where people keep pictures, and the
    working directory if it is a project's rather than all there is. The store's own always is one.
    """
    if store is not None:
        yield store
    if settings.mcp_image_roots is not None:
        yield from settings.mcp_image_roots
        return
    from platformdirs import user_desktop_path, user_downloads_path, user_pictures_path

    yield from (user_pictures_path(), user_downloads_path(), user_desktop_path())
    working = Path.cwd()
    if working.is_relative_to(Path.home()) and working != Path.home():
        yield working


def _saved(folder: Path | None) -> Callable[[str], Path | None]:
    return lambda key: folder / key if folder else None


def _base_url(settings: Settings) -> Callable[[Request | None], str | None]:
    return lambda request: settings.public_base_url
