"""A real redis-server for the tests, on a free port of this machine."""

from __future__ import annotations

import socket
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.installed import require_program
from tests.ports import free_port
from tests.waiting import LONGEST, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class RedisServer:
    """Can be stopped and started again, at the same address with the same data."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Returns once it answers, with the data read."""
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self._folder), "--save", ""]
        with (self._folder / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(
                ["redis-server", *options, "--appendonly", "yes"], stdout=log, stderr=subprocess.STDOUT
            )
        wait_for(lambda: self._ping() == b"+PONG\r\n", f"see {self._folder}/redis.log", self._process)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(LONGEST)
            self._process = None

    def _ping(self) -> bytes:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(64)
        except OSError:
            return b""


@contextmanager
def redis_server(folder: Path) -> Iterator[RedisServer]:
    """Runs one."""
    require_program("redis-server", package="redis-server")
    server = RedisServer(folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()
