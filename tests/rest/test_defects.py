"""What a caller sees of a defect in the gateway itself, and what its log says."""

from __future__ import annotations

import logging
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
import requests

from cloudflare_image_mcp.assembly import assemble
from cloudflare_image_mcp.rest.app import create_app
from cloudflare_image_mcp.rest.options import AppOptions
from cloudflare_image_mcp.settings import Settings
from cloudflare_image_mcp.usage.api_key import Keyring, unlimited_keys
from tests.live import serving
from tests.mcp_server.backends import NoiseBackend
from tests.waiting import LONGEST

if TYPE_CHECKING:
    from fastapi import FastAPI

    from cloudflare_image_mcp.core.ports import Call, OnPartial, Rendered


class Defective(NoiseBackend):
    """A backend with a defect."""

    async def run(self, call: Call, on_partial: OnPartial | None = None) -> Rendered:
        raise ZeroDivisionError("an inner secret")


def defective() -> FastAPI:
    settings = Settings.read({"IMAGE_STORAGE_URL": "memory:", "IMAGE_BACKEND": "local"})
    return create_app(
        assemble(settings, backend=Defective()).gateway, AppOptions(keys=Keyring(unlimited_keys(["key"])))
    )


def test_a_client_that_leaves_while_it_sends_is_no_defect(caplog: pytest.LogCaptureFixture) -> None:
    head = b"POST /v1/images/generations HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer key\r\nContent-Length: 9\r\n\r\n{"
    with serving(defective()) as origin:
        host = urlsplit(origin)
        with socket.create_connection((host.hostname, host.port)) as connection:
            connection.sendall(head)
            connection.shutdown(socket.SHUT_WR)
            assert connection.recv(1000) == b""
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


@pytest.mark.parametrize("stream", [False, True])
def test_a_defect_is_logged_under_the_request_id(stream: bool, caplog: pytest.LogCaptureFixture) -> None:
    with serving(defective()) as origin:
        answer = requests.post(
            f"{origin}/v1/images/generations",
            json={"prompt": "a fox", "stream": stream},
            headers={"authorization": "Bearer key"},
            timeout=LONGEST,
        )
    assert answer.status_code == (200 if stream else 500)
    assert '"code":"internal_error"' in answer.text
    assert "an inner secret" not in answer.text
    assert answer.headers["access-control-allow-origin"] == "*"
    assert stream or answer.headers["x-should-retry"] == "false"
    (record,) = [record for record in caplog.records if record.exc_info]
    assert answer.headers["x-request-id"] in record.getMessage()
    assert "an inner secret" in caplog.text
