"""A real server on a real port for the tests: uvicorn in a thread of this process, or the installed command."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.request import urlopen

import uvicorn

from cloudflare_image_mcp.rest.server import build_app, server_config
from cloudflare_image_mcp.settings import Settings
from tests.waiting import LONGEST

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from starlette.types import ASGIApp


@contextmanager
def serving(app: ASGIApp, port: int = 0) -> Iterator[str]:
    """Serves an application in a thread; yields its origin, ``http://127.0.0.1:{port}``. Port 0: a free one."""
    config = server_config(app, log_level="warning", shutdown_timeout=30)
    config.port = port
    with running(uvicorn.Server(config)) as origin:
        yield origin


@contextmanager
def running(server: uvicorn.Server) -> Iterator[str]:
    """Runs a server in a thread; yields its origin."""
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + LONGEST
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        assert time.monotonic() < deadline, "the server did not start in time"
        time.sleep(0.005)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(LONGEST)


def workers_ai_at(address: str, **more: str) -> dict[str, str]:
    """The settings of a gateway that calls Workers AI at ``address``, an emulator's for example, and stores in memory.
    ``more`` is added, or replaces some of them.
    """
    settings = {
        "CLOUDFLARE_API_BASE_URL": f"{address}/client/v4",
        "CLOUDFLARE_ACCOUNT_ID": "demo",
        "CLOUDFLARE_API_TOKEN": "demo",
        "IMAGE_STORAGE_URL": "memory:",
        "NEURON_LEDGER_URL": "memory:",
    }
    return settings | more


@contextmanager
def gateway(images: Path, **environ: str) -> Iterator[str]:
    """The whole gateway over the embedded engine, its images kept in a folder; yields its origin."""
    settings = {"IMAGE_BACKEND": "local", "IMAGE_STORAGE_URL": images.as_uri()} | environ
    with serving(build_app(Settings.read(settings))) as origin:
        yield origin


@contextmanager
def command(port: int, environ: Mapping[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """``cloudflare-image-mcp serve`` as a process of its own, once it answers; its output goes to ``log``."""
    clean = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG", "PYTHONPATH"}}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "cloudflare_image_mcp", "serve", "--port", str(port)],
            env=clean | dict(environ),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            wait_until_up(port, process, log)
            yield process
        finally:
            process.terminate()
            process.wait(LONGEST)


def wait_until_up(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Until it answers ``/health``; fails with its log when it ends, or takes ``LONGEST``."""
    deadline = time.monotonic() + LONGEST
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text("utf-8")
        try:
            with urlopen(f"http://127.0.0.1:{port}/health", timeout=1):
                return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"the server did not answer in time: {log.read_text('utf-8')}")
