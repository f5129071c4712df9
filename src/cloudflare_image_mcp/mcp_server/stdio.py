"""The MCP door over stdin and stdout: one client, on this machine, whose files may be read and whose images lie on its
own disk.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cloudflare_image_mcp.assembly import assemble, storage_url
from cloudflare_image_mcp.core.jobs import Jobs
from cloudflare_image_mcp.logs import configure_logging
from cloudflare_image_mcp.mcp_server.door import Door
from cloudflare_image_mcp.mcp_server.local_files import LocalFiles
from cloudflare_image_mcp.mcp_server.server import build_server
from cloudflare_image_mcp.storage.opening import directory_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from starlette.requests import Request

    from cloudflare_image_mcp.assembly import Assembly
    from cloudflare_image_mcp.settings import Settings

_ENDING: Final = (signal.SIGINT, signal.SIGTERM)


def serve_stdio(settings: Settings) -> None:
    """Serves until stdin ends, then finishes what is under way. Raises ``SettingError`` before it begins."""
    configure_logging(settings.log_level)
    asyncio.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    await serve_assembly(assemble(settings), settings)


async def serve_assembly(assembly: Assembly, settings: Settings) -> None:
    """Serves stdin and stdout over a gateway until stdin ends, then lets go of it. SIGINT and SIGTERM end it too, and
    the process with it: no image that is being made is lost. A second one ends it at once.
    """
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
    signalled = _signalled()
    serving = asyncio.ensure_future(server.run_stdio_async())
    either: tuple[asyncio.Future[Any], ...] = (serving, signalled)
    try:
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await assembly.aclose()
    if not serving.done():
        # The thread that reads stdin cannot be told to stop, and Python would wait for it.
        os._exit(128 + signalled.result())
    await serving


def _signalled() -> asyncio.Future[int]:
    """The number of the first signal to end that arrives. The next one ends the process, as any program's."""
    loop = asyncio.get_running_loop()
    signalled: asyncio.Future[int] = loop.create_future()

    def note(number: int) -> None:
        signalled.set_result(number)
        for each in _ENDING:
            loop.remove_signal_handler(each)
            signal.signal(each, signal.SIG_DFL)

    # Windows has neither these handlers nor hosts that send signals: there a process is ended without being asked.
    with suppress(NotImplementedError):
        for each in _ENDING:
            loop.add_signal_handler(each, note, each)
    return signalled


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
    try:
        working = Path.cwd()
    except OSError:  # it was deleted
        return
    if working.is_relative_to(Path.home()) and working != Path.home():
        yield working


def _saved(folder: Path | None) -> Callable[[str], Path | None]:
    return lambda key: folder / key if folder else None


def _base_url(settings: Settings) -> Callable[[Request | None], str | None]:
    return lambda request: settings.public_base_url
