"""A client that hangs up while the model works: what was paid for is there afterwards."""

from __future__ import annotations

import json
import socket
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
import requests
from PIL import Image

from tests.wire.conftest import wired

if TYPE_CHECKING:
    from pathlib import Path


def hang_up(origin: str, fields: dict[str, object]) -> None:
    """Sends a request whole and closes the connection without waiting for its answer."""
    host = urlsplit(origin)
    body = json.dumps(fields).encode()
    head = (
        f"POST /v1/images/generations HTTP/1.1\r\nHost: {host.netloc}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection((host.hostname, host.port)) as connection:
        connection.sendall(head.encode() + body)
        time.sleep(0.3)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("response_format", ["url", "b64_json"])
def test_the_image_of_a_client_that_hung_up_is_stored(tmp_path: Path, stream: bool, response_format: str) -> None:
    with wired({"IMAGE_STORAGE_URL": tmp_path.as_uri()}, faults="slow=1s:1.0") as wire:
        hang_up(wire.gateway, {"prompt": "a fox", "response_format": response_format, "stream": stream})
        assert list(tmp_path.glob("*.jpg")) == []
        deadline = time.monotonic() + 20
        while not (stored := list(tmp_path.glob("*.jpg"))):
            assert time.monotonic() < deadline, "the image was lost"
            time.sleep(0.1)
        assert requests.get(f"{wire.gateway}/images/{stored[0].name}", timeout=10).status_code == 200
        assert Image.open(stored[0]).size == (1024, 1024)
        assert wire.stats()["answers"] == {"200": 1}
