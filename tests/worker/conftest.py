"""One Worker for the tests of this folder, set up so that its edges are near, over an upstream that answers at once."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import httpx2
import pytest

from tests.workerd import ROOT, worker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.workerd import Worker

EXPIRY_HOURS = 0.0015
"""5.4 seconds."""
IMAGE_BYTES = 3 * 1024 * 1024


@pytest.fixture(scope="session")
def upstream() -> Iterator[str]:
    """``host:port`` of a Workers AI that gives the same image of 1024 x 1024 pixels whatever it is asked."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, "bench/servers/upstream.py", "--port", str(port)], cwd=ROOT)
    try:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.05)
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture(scope="session")
def edgy(upstream: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    """A Worker whose images are of 3 MiB and expire at once, which has no Images binding, and which tells the size
    of its memory.
    """
    address = f"http://{upstream}/bytes-{IMAGE_BYTES}/client/v4/accounts/worker"
    variables = [f"IMAGE_EXPIRY_HOURS={EXPIRY_HOURS}", "ALLOW_PRIVATE_IMAGE_URLS=on"]
    arguments = [part for variable in variables for part in ("--var", variable)]
    arguments += ["--without", "IMAGES", "--main", "tests/worker/measured_main.py"]
    with worker(address, tmp_path_factory.mktemp("workerd") / "log", *arguments) as served:
        yield served


@pytest.fixture
def client(edgy: Worker) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=edgy.origin, timeout=120) as client:
        yield client
