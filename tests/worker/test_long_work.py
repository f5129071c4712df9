"""Work that takes longer than a client of the Worker waits: the image, which was paid for, is stored."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import urlsplit
from urllib.request import urlopen

import httpx2
import pytest

from cloudflare_image_mcp.emulator import EmulatorOptions, make_server
from tests.live import running
from tests.workerd import LONGEST, worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from tests.workerd import Worker

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


class HeldAnswers:
    """An emulator whose models answer only while ``released`` is set."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.released = threading.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_later(message: Message) -> None:
            await asyncio.to_thread(self.released.wait)
            await send(message)

        await self._app(scope, receive, send_later if "/ai/run/" in scope.get("path", "") else send)


@dataclass(frozen=True)
class Slow:
    """A Worker over models that do not answer before ``released`` is set."""

    worker: Worker
    emulator: str
    released: threading.Event

    def calls(self) -> int:
        """Of the model, since the start."""
        with urlopen(f"{self.emulator}/emulator/stats") as answer:
            return sum(account["calls"] for account in json.load(answer)["accounts"].values())


@pytest.fixture(scope="module")
def slow_worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slow]:
    server = make_server(EmulatorOptions(requests_per_minute=10**9))
    server.config.app = held = HeldAnswers(cast("ASGIApp", server.config.app))
    log = tmp_path_factory.mktemp("workerd") / "log"
    with running(server) as emulator, worker(f"{emulator}/client/v4/accounts/worker", log) as served:
        try:
            yield Slow(served, emulator, held.released)
        finally:
            held.released.set()


@pytest.fixture
def slow(slow_worker: Slow) -> Slow:
    slow_worker.released.clear()
    return slow_worker


def test_the_images_of_clients_that_hung_up_are_stored(slow: Slow) -> None:
    """The runtime ends a request when its client has gone, unless ``waitUntil`` was called."""
    connections = [begin(slow.worker.origin, fields) for fields in REQUESTS]
    wait_for(lambda: slow.calls() == len(REQUESTS), "the model was not called")
    for connection in connections:
        connection.close()
    # The runtime has seen that they are gone when it answers a request that came later.
    assert httpx2.get(f"{slow.worker.origin}/health", timeout=LONGEST).status_code == 200
    slow.released.set()
    wait_for(lambda: len(slow.worker.objects()) == len(REQUESTS), "an image was lost")
    for name in slow.worker.objects():
        assert httpx2.get(f"{slow.worker.origin}/{name}", timeout=LONGEST).status_code == 200


def test_a_job_is_waited_for_by_another_request_than_the_one_that_began_it(slow: Slow) -> None:
    """The runtime does not let one request wake another."""

    def call(tool: str, **arguments: Any) -> Any:
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
        headers = {"accept": "application/json, text/event-stream", "mcp-protocol-version": "2025-06-18"}
        body = message | {"params": {"name": tool, "arguments": arguments}}
        answer = httpx2.post(f"{slow.worker.origin}/mcp", json=body, headers=headers, timeout=LONGEST)
        assert answer.status_code == 200, answer.text
        return answer.json()["result"]["structuredContent"]

    # The first call imports the SDK, which would take up the job's time.
    call("list_models")
    begun = call("run_model", prompt="a fox", wait_seconds=0)
    assert begun["status"] == "running"
    threading.Timer(1, slow.released.set).start()
    done = call("get_job", job_id=begun["job_id"], wait_seconds=60)
    assert done["status"] == "completed"
    assert len(done["images"]) == 1


def test_a_job_over_rest_is_described_and_followed_by_other_requests(slow: Slow) -> None:
    origin = slow.worker.origin
    body = {"prompt": "a fox", "async": True}
    begun = httpx2.post(f"{origin}/v1/images/generations", json=body, timeout=LONGEST)
    assert begun.status_code == 202, begun.text
    path = begun.headers["location"]
    assert httpx2.get(f"{origin}{path}", timeout=LONGEST).json()["status"] == "running"
    with httpx2.stream("GET", f"{origin}{path}/events", timeout=LONGEST) as stream:
        events = stream.iter_lines()
        assert "event: image.job.running" in events
        slow.released.set()
        assert "event: image.job.completed" in events
    done = httpx2.get(f"{origin}{path}", timeout=LONGEST).json()
    assert (done["status"], done["progress"]) == ("completed", 100)
    assert httpx2.get(done["result"]["data"][0]["url"], timeout=LONGEST).status_code == 200
    hook = {**body, "webhook_url": "https://example.com/"}
    assert httpx2.post(f"{origin}/v1/images/generations", json=hook, timeout=LONGEST).status_code == 501
