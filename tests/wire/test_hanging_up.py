"""Clients that disconnect while the model works: the image, which was paid for, is stored."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
import requests
from PIL import Image

from tests.emulator.calling import calls
from tests.waiting import LONGEST, wait_for
from tests.wire.conftest import wired_and_held

if TYPE_CHECKING:
    from pathlib import Path

    from tests.wire.conftest import Wire


def hang_up(wire: Wire, fields: dict[str, object]) -> None:
    """Sends a request whole and closes the connection once the model is at work on it."""
    host = urlsplit(wire.gateway)
    body = json.dumps(fields).encode()
    head = (
        f"POST /v1/images/generations HTTP/1.1\r\nHost: {host.netloc}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection((host.hostname, host.port)) as connection:
        connection.sendall(head.encode() + body)
        wait_for(lambda: calls(wire.emulator), "the model was not called")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("response_format", ["url", "b64_json"])
def test_the_image_of_a_client_that_hung_up_is_stored(tmp_path: Path, stream: bool, response_format: str) -> None:
    with wired_and_held({"IMAGE_STORAGE_URL": tmp_path.as_uri()}) as (wire, released):
        hang_up(wire, {"prompt": "a fox", "response_format": response_format, "stream": stream})
        assert list(tmp_path.glob("*.jpg")) == []
        released.set()
        stored = wait_for(lambda: list(tmp_path.glob("*.jpg")), "the image was lost")
        assert requests.get(f"{wire.gateway}/images/{stored[0].name}", timeout=LONGEST).status_code == 200
        with Image.open(stored[0]) as image:
            assert image.size == (1024, 1024)
        assert wire.stats()["answers"] == {"200": 1}
