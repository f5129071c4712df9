from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tests.emulator.calling import curl, emulating

if TYPE_CHECKING:
    import pytest


def test_clients_that_are_gone_before_their_request_is_read_leave_no_traceback(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with emulating() as address:
        host = urlsplit(address)
        for _ in range(400):
            with socket.create_connection((host.hostname, host.port)) as client:
                # Closed with a reset, so that the server finds nobody at the other end.
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                client.sendall(b"GET /emulator/stats HTTP/1.1\r\nHost: emulator\r\n\r\n")
        assert curl(f"{address}/emulator/stats").status == 200
    assert "Traceback" not in capfd.readouterr().err
