"""Fetches third-party files that tests need into the git-ignored cache, once for all test processes."""

from __future__ import annotations

import fcntl
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT: Final = Path(__file__).parents[1]
CACHE: Final = ROOT / ".cache"


def fetched(name: str, stamp: bytes, fetch: Callable[[Path], None]) -> Path:
    """The folder ``.cache/{name}``, filled by ``fetch(folder)`` unless that was done before with the same stamp."""
    folder = CACHE / name
    CACHE.mkdir(exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        mark = folder / "stamp"
        if not mark.exists() or mark.read_bytes() != stamp:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            fetch(folder)
            mark.write_bytes(stamp)
    return folder
