"""What one API key started is not found with another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx2
import pytest

from cloudflare_image_mcp.assembly import assemble
from cloudflare_image_mcp.rest.server import app_over
from cloudflare_image_mcp.settings import Settings
from tests.live import serving
from tests.mcp_server.backends import NoiseBackend
from tests.mcp_server.test_json_answers import INFO, call, request
from tests.waiting import LONGEST

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    settings = Settings.read({"IMAGE_STORAGE_URL": "memory:", "API_KEYS": "key A,key B"})
    with serving(app_over(assemble(settings, backend=NoiseBackend()), settings)) as origin:
        yield origin


class Caller:
    """A client with a key and a session."""

    def __init__(self, origin: str, key: str) -> None:
        self.url = f"{origin}/mcp"
        self.headers = {"Accept": "application/json", "Authorization": f"Bearer {key}"}
        started = self.post(request(1, "initialize", {"protocolVersion": "2025-11-25", **INFO}))
        self.headers["Mcp-Session-Id"] = started.headers["mcp-session-id"]
        self.post({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def post(self, message: object, **headers: str) -> httpx2.Response:
        return httpx2.post(self.url, json=message, headers={**self.headers, **headers}, timeout=LONGEST)


def test_a_session_belongs_to_its_key(origin: str) -> None:
    first, second = Caller(origin, "key A"), Caller(origin, "key B")
    stolen = {"Mcp-Session-Id": first.headers["Mcp-Session-Id"]}
    assert first.post(request(2, "ping")).status_code == 200
    for method in ("POST", "GET", "DELETE"):
        headers = {**second.headers, "Accept": "application/json, text/event-stream", **stolen}
        json = request(2, "ping") if method == "POST" else None
        answer = httpx2.request(method, first.url, json=json, headers=headers, timeout=LONGEST)
        assert answer.status_code == 404, method
    assert first.post(request(3, "ping")).status_code == 200


def test_a_job_belongs_to_its_key(origin: str) -> None:
    first, second = Caller(origin, "key A"), Caller(origin, "key B")
    made = first.post(call(2, "run_model", prompt="x", size="256x256")).json()["result"]
    job_id = made["structuredContent"]["job_id"]
    for tool in ("get_job", "cancel_job"):
        refused = second.post(call(3, tool, job_id=job_id)).json()["result"]
        assert refused["isError"], tool
        assert "there is no job" in refused["content"][0]["text"]
        found = first.post(call(3, tool, job_id=job_id)).json()["result"]
        assert found["structuredContent"]["status"] == "completed"
    again = Caller(origin, "key A")
    assert again.post(call(3, "get_job", job_id=job_id)).json()["result"]["structuredContent"]["images"]
