"""The Worker in Cloudflare's own runtime, for the tests: built once, started by miniflare."""

from __future__ import annotations

import fcntl
import json
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2

from tests.installed import require_program
from tests.waiting import LONGEST

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
CACHE = ROOT / ".cache" / "worker"
APP = CACHE / "app"


@cache
def built() -> Path:
    """The Worker, put together by ``scripts/worker build``. npm brings Cloudflare's runtime."""
    require_program("npm", package="npm")
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        subprocess.run(["scripts/worker", "build"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return APP


@dataclass(frozen=True)
class Worker:
    """A Worker that is served."""

    origins: tuple[str, ...]
    """One for each isolate."""
    process: subprocess.Popen[bytes]

    @property
    def origin(self) -> str:
        return self.origins[0]

    def objects(self) -> dict[str, float]:
        """The objects of its bucket: the time at which each was stored, in seconds since 1970, by name."""
        objects: dict[str, float] = self._ask("objects")["objects"]
        return objects

    def sql(self, statement: str) -> list[dict[str, Any]]:
        """Runs a statement in its database. Returns the rows."""
        rows: list[dict[str, Any]] = self._ask(f"sql {statement}")["rows"]
        return rows

    def _ask(self, line: str) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{line}\n".encode())
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer


@contextmanager
def worker(upstream: str, log: Path, *arguments: str) -> Iterator[Worker]:
    """Serves the Worker. ``upstream``: an account's address on a Workers AI service."""
    app = built()
    command = [str(CACHE / "node"), "deploy/workers/runtime.mjs", "--app", str(app), "--ai", upstream, *arguments]
    with log.open("wb") as errors:
        process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors)
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            assert line, log.read_text("utf-8")
            origins = tuple(json.loads(line)["urls"])
            for origin in origins:
                # The first answer waits for Python to start, which takes a busy machine long.
                httpx2.get(f"{origin}/health", timeout=LONGEST)
            yield Worker(origins, process)
        finally:
            process.stdin.close()
            process.wait(LONGEST)
            process.stdout.close()
