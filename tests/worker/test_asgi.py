"""What a Worker refuses, and its answer when a setting is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from tests.waiting import LONGEST
from tests.workerd import worker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOO_LONG = 9 * 1024 * 1024
BEGINNINGS = {
    "application/json": b'{"prompt": "',
    "multipart/form-data; boundary=b": b'--b\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n',
}


@pytest.fixture(scope="module")
def origin(upstream: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of a Worker of its own: what these tests send makes its memory grow, which others measure."""
    address, log = f"http://{upstream}/client/v4/accounts/worker", tmp_path_factory.mktemp("workerd") / "log"
    with worker(address, log, "--main", "tests/worker/measured_main.py") as served:
        yield served.origin


@pytest.fixture
def client(origin: str) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=origin, timeout=LONGEST) as client:
        yield client


def pieces(beginning: bytes = b"") -> Iterator[bytes]:
    """A body without a stated length."""
    yield beginning
    for _ in range(TOO_LONG // 65536):
        yield b"x" * 65536


@pytest.mark.parametrize("whole", [True, False], ids=["with a length", "in pieces"])
@pytest.mark.parametrize("kind", BEGINNINGS)
def test_a_body_that_would_not_fit_into_its_memory_is_refused(client: httpx2.Client, whole: bool, kind: str) -> None:
    body = pieces(BEGINNINGS[kind])
    headers = {"content-type": kind}
    answer = client.post("/v1/images/edits", content=b"".join(body) if whole else body, headers=headers)
    assert answer.status_code == 413
    error = answer.json()["error"]
    assert error["code"] == "request_too_large"
    assert "8 MiB" in error["message"]
    assert answer.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("whole", [True, False], ids=["with a length", "in pieces"])
def test_mcp_refuses_it_too(client: httpx2.Client, whole: bool) -> None:
    headers = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
    answer = client.post("/mcp", content=b"".join(pieces()) if whole else pieces(), headers=headers)
    assert answer.status_code == 413


def test_mcp_answers_under_the_name_that_it_is_deployed_at(client: httpx2.Client) -> None:
    """Without keys, too: no page can point its own name at a Worker."""
    headers = {"host": "images.example.workers.dev", "accept": "application/json, text/event-stream"}
    hello = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
    }
    answer = client.post("/mcp", json=hello, headers=headers)
    assert answer.status_code == 200
    assert answer.json()["result"]["serverInfo"]["name"] == "cloudflare-image-mcp"


def test_an_unread_body_takes_no_memory(client: httpx2.Client) -> None:
    def heap() -> int:
        return int(client.get("/health").headers["x-wasm-heap"])

    before = heap()
    assert client.post("/v1/nothing", content=b"x" * 64 * 1024 * 1024).status_code == 404
    assert heap() == before


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--without", "BUCKET"), "the binding BUCKET is missing"),
        (("--var", "DEFAULT_MODEL=no-such-model"), "DEFAULT_MODEL"),
    ],
)
def test_a_worker_that_is_not_set_up_says_what_is_missing(
    upstream: str, tmp_path: Path, arguments: tuple[str, ...], reason: str
) -> None:
    with worker(f"http://{upstream}/client/v4/accounts/x", tmp_path / "log", *arguments) as served:
        answer = httpx2.get(f"{served.origin}/health", timeout=LONGEST)
    error: dict[str, Any] = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (500, "internal_error")
    assert reason in error["message"]
    assert reason in (tmp_path / "log").read_text("utf-8")
