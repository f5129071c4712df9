"""Nothing that the Worker loads imports what its runtime does not have."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tests.workerd import ROOT

sys.path.insert(0, str(ROOT / "deploy" / "workers"))

from imports import imported, reached

if TYPE_CHECKING:
    from pathlib import Path

ENTRY = "cloudflare_image_mcp.worker.entry"

NOT_IN_A_WORKER = {
    "PIL", "numpy", "resvg_py", "obstore", "aiohttp", "httpx2", "uvicorn", "click", "rich", "cryptography", "orjson",
    "threading", "_thread", "concurrent", "multiprocessing", "subprocess", "signal",
    "socket", "ssl", "selectors", "asyncio.subprocess",
    "pathlib", "tempfile", "shutil", "io", "os", "glob", "fileinput", "sqlite3", "mmap",
}  # fmt: skip
"""Modules of compiled code that has no build for it, of threads and processes, of sockets, of files."""


PATHS_AS_TEXT = {"cloudflare_image_mcp.settings": ["pathlib"], "cloudflare_image_mcp.setting_values": ["os", "pathlib"]}
"""Folders are among the settings, and parsed; nothing is opened."""


def forbidden(modules: dict[str, Path]) -> dict[str, list[str]]:
    found = {
        name: [
            other
            for other in imported(path, name)
            if other in NOT_IN_A_WORKER or other.split(".")[0] in NOT_IN_A_WORKER
        ]
        for name, path in modules.items()
    }
    return {name: names for name, names in found.items() if names}


def test_what_the_worker_loads_keeps_off_threads_sockets_files_and_pillow() -> None:
    assert forbidden(reached(ENTRY)) == PATHS_AS_TEXT


def test_the_walk_reaches_the_whole_rest_api_and_finds_forbidden_modules() -> None:
    modules = reached(ENTRY)
    for name in (
        "rest.app",
        "core.gateway",
        "catalog.loading",
        "backends.workers_ai.binding",
        "backends.workers_ai.request",
    ):
        assert f"cloudflare_image_mcp.{name}" in modules
    assert "uvicorn" in forbidden(reached("cloudflare_image_mcp.rest.server"))["cloudflare_image_mcp.rest.server"]


def test_nothing_that_it_loads_opens_a_file() -> None:
    for name, path in reached(ENTRY).items():
        assert " open(" not in path.read_text("utf-8"), name
