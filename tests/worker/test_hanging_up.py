"""Clients that hang up on the Worker while the model works: what was paid for is there afterwards."""

from __future__ import annotations

import json
import socket
import struct
import time
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit
from urllib.request import urlopen

import httpx2

from tests.emulator.calling import emulating
from tests.workerd import worker

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LONGEST: Final = 120
"""Seconds after which a thing that has not happened never will."""
RESET: Final = struct.pack("ii", 1, 0)
"""SO_LINGER: the connection is reset, not left half open, which would look like a client that listens on."""
REQUESTS: Final[tuple[dict[str, Any], ...]] = (
    {"response_format": "url"},
    {"response_format": "b64_json"},
    {"stream": True},
)


def wait_for(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + LONGEST
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def begin(origin: str, fields: dict[str, Any]) -> socket.socket:
    """Sends a request whole."""
    host = urlsplit(origin)
    body = json.dumps({"prompt": "a fox"} | fields).encode()
    head = (
        f"POST /v1/images/generations HTTP/1.1\r\nHost: {host.netloc}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    connection = socket.create_connection((host.hostname, host.port))
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    connection.sendall(head.encode() + body)
    return connection


def test_the_images_of_clients_that_hung_up_are_stored(tmp_path: Path) -> None:
    """The runtime gives up what was asked for once nobody waits for it, unless it was told not to."""
    with (
        emulating(faults="slow=6s:1.0", requests_per_minute=10**9) as emulator,
        worker(f"{emulator}/client/v4/accounts/worker", tmp_path / "log") as served,
    ):

        def stats() -> Any:
            with urlopen(f"{emulator}/emulator/stats") as answer:
                return json.load(answer)

        def called() -> bool:
            return [account["calls"] for account in stats()["accounts"].values()] == [len(REQUESTS)]

        connections = [begin(served.origin, fields) for fields in REQUESTS]
        wait_for(called, "the model was not called")
        for connection in connections:
            connection.close()
        assert stats()["answers"] == {}
        wait_for(lambda: len(served.objects()) == len(REQUESTS), "an image was lost")
        for name in served.objects():
            assert httpx2.get(f"{served.origin}/{name}", timeout=60).status_code == 200
