"""Events posted when a job has ended: signed so that OpenAI's SDK takes them, three tries, public addresses alone."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import httpx2
import openai
import pytest

from cloudflare_image_mcp.core import job_records
from cloudflare_image_mcp.errors import SettingError
from cloudflare_image_mcp.fetcher import webhooks
from cloudflare_image_mcp.fetcher.webhooks import Webhooks
from tests.backends.workers_ai.scripted import scripted
from tests.docs.test_api_examples import EVENTS
from tests.emulator.calling import emulating
from tests.live import command, gateway, workers_ai_at
from tests.ports import free_port
from tests.redis_server import redis_server
from tests.rest.test_jobs import ended, fields, started
from tests.waiting import LONGEST, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class Receiver:
    """Takes the events; the first ``refusals`` of them are answered with 500."""

    def __init__(self, refusals: int) -> None:
        self.left = refusals
        self.taken: list[tuple[dict[str, str], bytes]] = []

    def wait(self, count: int) -> None:
        wait_for(lambda: len(self.taken) >= count, f"fewer than {count} events came")


@contextmanager
def receiving(refusals: int = 0) -> Iterator[tuple[str, Receiver]]:
    receiver = Receiver(refusals)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            receiver.left -= 1
            self.send_response(500 if receiver.left >= 0 else 204)
            self.send_header("content-length", "0")
            self.end_headers()
            receiver.taken.append(({name.lower(): value for name, value in self.headers.items()}, body))

        def log_message(self, *arguments: Any) -> None:
            """Writes nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook", receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join(LONGEST)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx2.Client]:
    """Of a server that may connect to this machine."""
    settings = {"WEBHOOK_SECRET": SECRET, "ALLOW_PRIVATE_IMAGE_URLS": "on"}
    with (
        gateway(tmp_path_factory.mktemp("webhooks"), **settings) as origin,
        httpx2.Client(base_url=origin, timeout=LONGEST) as client,
    ):
        yield client


def verified(headers: dict[str, str], body: bytes, secret: str = SECRET) -> None:
    """As a receiver checks it."""
    sdk = openai.OpenAI(api_key="none")
    sdk.webhooks.verify_signature(body.decode(), headers, secret=secret)


def test_an_event_is_signed_and_names_the_job(client: httpx2.Client) -> None:
    with receiving() as (url, receiver):
        path = started(client, webhook_url=url).headers["location"]
        receiver.wait(1)
        (headers, body) = receiver.taken[0]
        verified(headers, body)
        with pytest.raises(openai.InvalidWebhookSignatureError):
            verified(headers, body + b" ")
        job = client.get(path).json()
        event = json.loads(body)
        documented = json.loads(EVENTS[0].text)
        assert (event.keys(), event["data"].keys()) == (documented.keys(), documented["data"].keys())
        assert event["data"] == {"id": job["id"], "object": "image.job", "status": "completed"}
        assert (event["type"], event["object"]) == ("image.job.completed", "event")
        assert headers["webhook-id"].startswith("evt_")


def test_a_receiver_that_fails_is_asked_three_times(client: httpx2.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "PAUSES", (0.01, 0.01))
    with receiving(refusals=2) as (url, receiver):
        started(client, webhook_url=url)
        receiver.wait(3)
        assert len({headers["webhook-id"] for headers, _ in receiver.taken}) == 1
        for headers, body in receiver.taken:
            verified(headers, body)
    with receiving(refusals=9) as (url, receiver):
        started(client, webhook_url=url)
        receiver.wait(3)
        assert ended(client, started(client).headers["location"])["status"] == "completed"
        assert len(receiver.taken) == 3


@pytest.fixture(params=["SQLite", "Redis"])
def records(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The setting of where the records of jobs are kept."""
    if request.param == "SQLite":
        yield {}
        return
    with redis_server(tmp_path) as redis:
        yield {"REDIS_URL": redis.url}


def test_an_event_that_was_not_taken_is_posted_after_a_restart(
    records: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "PAUSES", (600.0,))
    monkeypatch.setattr(job_records, "EVENT_SECONDS", 0.5)
    images = tmp_path / "images"
    settings = {"WEBHOOK_SECRET": SECRET, "ALLOW_PRIVATE_IMAGE_URLS": "on", "SHUTDOWN_TIMEOUT": "1", **records}
    with receiving(refusals=1) as (url, receiver):
        with gateway(images, **settings) as origin, httpx2.Client(base_url=origin, timeout=LONGEST) as client:
            started(client, webhook_url=url)
            receiver.wait(1)
        with gateway(images, **settings):
            receiver.wait(2)
        with gateway(images, **settings) as origin, httpx2.Client(base_url=origin, timeout=LONGEST) as client:
            started(client, webhook_url=url)
            receiver.wait(3)
    (_, refused), (headers, taken), (_, later) = receiver.taken
    assert refused == taken
    assert json.loads(later)["data"]["id"] != json.loads(taken)["data"]["id"]
    assert headers["webhook-id"] == receiver.taken[0][0]["webhook-id"]


def test_the_event_of_an_interrupted_job_is_posted_after_the_restart(tmp_path: Path) -> None:
    with emulating(faults="slow=600s:1") as upstream, receiving() as (url, receiver):
        environ = workers_ai_at(
            upstream,
            IMAGE_STORAGE_URL=(tmp_path / "images").as_uri(),
            WEBHOOK_SECRET=SECRET,
            ALLOW_PRIVATE_IMAGE_URLS="on",
        )
        port = free_port()
        with (
            command(port, environ, tmp_path / "first.log") as process,
            httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=LONGEST) as client,
        ):
            job_id = started(client, webhook_url=url).json()["id"]
            process.kill()
        with command(port, environ, tmp_path / "second.log"):
            receiver.wait(1)
    event = json.loads(receiver.taken[0][1])
    assert event["type"] == "image.job.failed"
    assert (event["data"]["id"], event["data"]["error"]["code"]) == (job_id, "interrupted")
    verified(*receiver.taken[0])


def test_a_webhook_without_a_job_is_a_warning(client: httpx2.Client) -> None:
    answer = client.post("/v1/images/generations", json=fields(webhook_url="https://example.com/"))
    assert answer.status_code == 200
    assert "webhook_url was ignored: it needs async" in answer.json()["warnings"]


@pytest.mark.parametrize(
    "url", ["ftp://example.com/", "https://", "https://user:secret@example.com/", "words", "http://example.com:22/"]
)
def test_a_url_that_cannot_be_used_is_refused(tmp_path: Path, url: str) -> None:
    with gateway(tmp_path, WEBHOOK_SECRET="plain") as origin:
        answer = httpx2.post(
            f"{origin}/v1/images/generations", json=fields(**{"async": True, "webhook_url": url}), timeout=LONGEST
        )
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, "webhook_url")
        assert "secret" not in answer.text


async def test_private_addresses_get_no_event(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(webhooks, "PAUSES", ())
    sender = Webhooks("plain")
    for url in ("http://127.0.0.1/hook?token=secret", "http://169.254.169.254/latest", "http://localhost/"):
        sender.check(url)
        await sender.send(url, "1", {"type": "image.job.completed"})
    assert caplog.text.count("was not taken by") == 3
    assert caplog.text.count("not a public one") == 3
    assert "secret" not in caplog.text


async def test_the_log_holds_neither_the_url_s_query_nor_what_the_receiver_sent(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(webhooks, "PAUSES", ())
    async with scripted(b"HTTP/9.9 what\r\n\r\n") as receiver:
        url = f"{receiver.address}/hook?token=hush-hush"
        await Webhooks("plain", allow_private=True).send(url, "1", {"type": "image.job.completed"})
    assert "/hook?***: its host broke off or did not speak HTTP" in caplog.text
    assert "hush-hush" not in caplog.text
    assert "what" not in caplog.text


def test_without_a_secret_there_are_no_webhooks(tmp_path: Path) -> None:
    with gateway(tmp_path) as origin:
        body = fields(**{"async": True, "webhook_url": "https://example.com/"})
        answer = httpx2.post(f"{origin}/v1/images/generations", json=body, timeout=LONGEST)
        assert (answer.status_code, answer.json()["error"]["code"]) == (501, "not_supported_here")
        assert "WEBHOOK_SECRET" in answer.json()["error"]["message"]


def test_a_secret_that_is_no_base64_is_refused() -> None:
    with pytest.raises(SettingError, match="WEBHOOK_SECRET must be"):
        Webhooks("whsec_***")
