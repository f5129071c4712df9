"""Work that takes longer than a client of the Worker waits: the image, which was paid for, is stored."""

from __future__ import annotations

import json
import socket
import struct
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import httpx2
import pytest

from tests.emulator.calling import calls, holding
from tests.waiting import LONGEST, wait_for
from tests.workerd import worker

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator

    from tests.workerd import Worker

RESET: Final = struct.pack("ii", 1, 0)
"""SO_LINGER: the connection is reset, not left half open, which would look like a client that listens on."""
REQUESTS: Final[tuple[dict[str, Any], ...]] = (
    {"response_format": "url"},
    {"response_format": "b64_json"},
    {"stream": True},
)


def begin(origin: str, path: str, body: dict[str, Any], **headers: str) -> HTTPConnection:
    """Sends a request whole, and does not wait for its answer."""
    connection = HTTPConnection(urlsplit(origin).netloc, timeout=LONGEST)
    connection.request("POST", path, json.dumps(body), {"content-type": "application/json", **headers})
    return connection


def wait_until_begun(origin: str) -> None:
    """Returns when the runtime has seen all that clients did earlier: it answers a later request."""
    assert httpx2.get(f"{origin}/health", timeout=LONGEST).status_code == 200


@dataclass(frozen=True)
class Slow:
    """A Worker over models that do not answer before ``released`` is set."""

    worker: Worker
    emulator: str
    released: threading.Event


@pytest.fixture(scope="module")
def slow_worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slow]:
    log = tmp_path_factory.mktemp("workerd") / "log"
    with (
        holding(requests_per_minute=10**9) as (emulator, released),
        worker(f"{emulator}/client/v4/accounts/worker", log) as served,
    ):
        yield Slow(served, emulator, released)


@pytest.fixture
def slow(slow_worker: Slow) -> Slow:
    slow_worker.released.clear()
    return slow_worker


def test_the_images_of_clients_that_hung_up_are_stored(slow: Slow) -> None:
    """The runtime ends a request when its client has gone, unless ``waitUntil`` was called."""
    origin = slow.worker.origin
    bodies = [{"prompt": "a fox", **fields} for fields in REQUESTS]
    connections = [begin(origin, "/v1/images/generations", body) for body in bodies]
    wait_for(lambda: calls(slow.emulator) == len(REQUESTS), "the model was not called")
    for connection in connections:
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        connection.close()
    wait_until_begun(origin)
    slow.released.set()
    wait_for(lambda: len(slow.worker.objects()) == len(REQUESTS), "an image was lost")
    for name in slow.worker.objects():
        assert httpx2.get(f"{origin}/{name}", timeout=LONGEST).status_code == 200


def test_a_job_is_waited_for_by_another_request_than_the_one_that_began_it(slow: Slow) -> None:
    """The runtime does not let one request wake another."""

    def begin_call(tool: str, **arguments: Any) -> HTTPConnection:
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}
        headers = {"accept": "application/json, text/event-stream", "mcp-protocol-version": "2025-06-18"}
        return begin(slow.worker.origin, "/mcp", body, **headers)

    def content(connection: HTTPConnection) -> Any:
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        assert answer.status == 200, text
        return json.loads(text)["result"]["structuredContent"]

    begun = content(begin_call("run_model", prompt="a fox", wait_seconds=0))
    assert begun["status"] == "running"
    waiting = begin_call("get_job", job_id=begun["job_id"], wait_seconds=60)
    wait_until_begun(slow.worker.origin)
    slow.released.set()
    done = content(waiting)
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
