"""Reported attacks against the installed command, in a process of its own: those that need other servers beside it."""

from __future__ import annotations

import base64
import functools
import http.server
import io
import json
import random
import re
import signal
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import pytest
import requests
from PIL import Image

from tests.emulator.calling import calls, holding, stats
from tests.live import workers_ai_at
from tests.rest.test_limits import HEAD, JSON, MIB, PATH, started
from tests.waiting import LONGEST, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

EDITS: Final = "/v1/images/edits"
MCP: Final = {"Accept": "application/json, text/event-stream"} | JSON
HUGE: Final = "1" + "0" * 400


@contextmanager
def image_host(folder: Path) -> Iterator[str]:
    """Serves a PNG of almost 25 MiB that does not compress; yields its address."""
    data = io.BytesIO()
    Image.frombytes("RGB", (2930, 2930), random.Random(1).randbytes(3 * 2930 * 2930)).save(data, "PNG")
    assert 24 * MIB < len(data.getvalue()) < 25 * MIB
    (folder / "large.png").write_bytes(data.getvalue())
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/large.png"
        finally:
            server.shutdown()
            thread.join()


def test_thirty_edits_that_name_large_images_take_little_memory(tmp_path: Path) -> None:
    """Two images of 25 MB each, in bodies of 130 bytes: what has no room waits, or is answered with 503."""
    (tmp_path / "images").mkdir()
    with (
        image_host(tmp_path / "images") as url,
        started(tmp_path, ALLOW_PRIVATE_IMAGE_URLS="on") as (port, _, _),
        ThreadPoolExecutor(30) as threads,
    ):
        body = json.dumps({"prompt": "x", "image": [url, url], "size": "256x256"})

        def edit(_: int = 0) -> int:
            return requests.post(f"http://127.0.0.1:{port}{EDITS}", body, headers=JSON, timeout=LONGEST).status_code

        statuses = list(threads.map(edit, range(30)))
        assert set(statuses) <= {200, 503}
        assert 200 in statuses
        assert edit() == 200


def test_jobs_count_in_the_limit_on_memory_until_they_end(tmp_path: Path) -> None:
    """Their requests are answered at once, and their images of 12 MB stay: there is room for ten, not for forty."""
    noise = io.BytesIO()
    Image.frombytes("RGB", (2040, 2040), random.Random(1).randbytes(3 * 2040 * 2040)).save(noise, "PNG")
    image = base64.b64encode(noise.getvalue()).decode()
    body = json.dumps({"prompt": "x", "size": "256x256", "image": image, "async": True})
    with started(tmp_path) as (port, _, _):
        url = f"http://127.0.0.1:{port}"
        statuses = {requests.post(url + EDITS, body, headers=JSON, timeout=LONGEST).status_code for _ in range(40)}
        assert statuses <= {202, 503}
        assert 202 in statuses
        assert requests.get(f"{url}/health", timeout=LONGEST).status_code == 200


@pytest.mark.parametrize("how", ["a request", "a client that hung up", "a job"])
def test_paid_work_is_finished_and_stored_before_a_signal_ends_the_process(tmp_path: Path, how: str) -> None:
    images = tmp_path / "images"
    with holding(daily_neurons=1e9) as (upstream, released):
        environ = workers_ai_at(
            upstream, IMAGE_BACKEND="workers-ai", IMAGE_STORAGE_URL=images.as_uri(), SHUTDOWN_TIMEOUT="300"
        )
        with started(tmp_path, **environ) as (port, process, log):
            body = json.dumps({"prompt": "a fox", "async": how == "a job"})
            with socket.create_connection(("127.0.0.1", port), timeout=LONGEST) as connection:
                connection.sendall(f"{HEAD}Connection: close\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
                wait_for(lambda: calls(upstream), "the model was not called", process)
                if how == "a client that hung up":
                    connection.close()
                process.send_signal(signal.SIGTERM)
                wait_for(lambda: "Shutting down" in log.read_text("utf-8"), "the signal was not noticed", process)
                released.set()
                if how != "a client that hung up":
                    expected = b"HTTP/1.1 202" if how == "a job" else b"HTTP/1.1 200"
                    assert connection.recv(12) == expected
                process.wait(LONGEST)
        assert process.returncode in (0, -signal.SIGTERM), log.read_text("utf-8")
        assert stats(upstream)["answers"] == {"200": 1}
    (stored,) = images.glob("*.jpg")
    with Image.open(stored) as image:
        assert image.size == (1024, 1024)
    assert "Traceback" not in log.read_text("utf-8")


def test_a_second_signal_ends_the_process_while_work_is_paid_for(tmp_path: Path) -> None:
    with holding(daily_neurons=1e9) as (upstream, _):
        environ = workers_ai_at(upstream, IMAGE_BACKEND="workers-ai", SHUTDOWN_TIMEOUT="3600")
        with (
            started(tmp_path, **environ) as (port, process, log),
            socket.create_connection(("127.0.0.1", port)) as connection,
        ):
            connection.sendall(f"{HEAD}Content-Length: 14\r\n\r\n".encode() + b'{"prompt":"x"}')
            wait_for(lambda: calls(upstream), "the model was not called", process)
            process.send_signal(signal.SIGTERM)
            wait_for(lambda: "Shutting down" in log.read_text("utf-8"), "the signal was not noticed", process)
            assert process.poll() is None
            process.send_signal(signal.SIGTERM)
            assert process.wait(LONGEST) == -signal.SIGTERM


def call(port: int, name: str, arguments: str, **headers: str) -> dict[str, object]:
    """The result of a tool's call. ``arguments``: JSON as it stands on the wire."""
    message = f'{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{name}","arguments":{arguments}}}}}'
    answer = requests.post(
        f"http://127.0.0.1:{port}/mcp",
        message,
        headers=JSON | {"Accept": "application/json", "MCP-Protocol-Version": "2025-11-25"} | headers,
        timeout=LONGEST,
    )
    result: dict[str, object] = answer.json()["result"]
    return result


def session(port: int, **headers: str) -> dict[str, str]:
    """The headers of a new MCP session."""
    hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    message = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello}
    answer = requests.post(f"http://127.0.0.1:{port}/mcp", json=message, headers=MCP | headers, timeout=LONGEST)
    return headers | {"Mcp-Session-Id": answer.headers["mcp-session-id"]}


@pytest.mark.parametrize(
    ("header", "value", "status"),
    [
        ("Origin", "http://[", 403),
        ("Origin", "http://[::1].evil.com", 403),
        ("Host", "[::1].evil.com", 421),
        ("Host", "127.0.0.1:x@evil.com", 421),
    ],
)
def test_mcp_refuses_odd_origins_and_hosts(tmp_path: Path, header: str, value: str, status: int) -> None:
    with started(tmp_path) as (port, _, log):
        url = f"http://127.0.0.1:{port}/mcp"
        assert requests.post(url, b"{}", headers=MCP | {header: value}, timeout=LONGEST).status_code == status
        assert "Traceback" not in log.read_text("utf-8")


def test_mcp_numbers_beyond_every_float_are_errors_of_their_argument(tmp_path: Path) -> None:
    with started(tmp_path) as (port, _, log):
        opened = session(port)
        for tool, arguments, name in (
            ("list_images", f'{{"limit":{HUGE}}}', "limit"),
            ("run_model", f'{{"prompt":"x","wait_seconds":{HUGE}}}', "wait_seconds"),
            ("run_model", f'{{"prompt":"x","aspect_ratio":{HUGE}}}', "aspect_ratio"),
        ):
            result = call(port, tool, arguments, **opened)
            assert result["isError"], tool
            assert name in json.dumps(result["content"])
        assert "Traceback" not in log.read_text("utf-8")


def test_an_mcp_session_and_a_job_of_another_key_are_not_found(tmp_path: Path) -> None:
    with started(tmp_path, API_KEYS="key A,key B") as (port, _, _):
        first, second = (session(port, Authorization=f"Bearer {key}") for key in ("key A", "key B"))
        stolen = second | {"Mcp-Session-Id": first["Mcp-Session-Id"]}
        ping = {"jsonrpc": "2.0", "id": 2, "method": "ping"}
        url = f"http://127.0.0.1:{port}"
        assert requests.post(f"{url}/mcp", json=ping, headers=MCP | stolen, timeout=LONGEST).status_code == 404
        key = {"Authorization": first["Authorization"]}
        body = json.dumps({"prompt": "x", "size": "256x256", "async": True})
        location = requests.post(url + PATH, body, headers=JSON | key, timeout=LONGEST).headers["location"]
        assert requests.get(url + location, headers=key, timeout=LONGEST).status_code == 200
        other = {"Authorization": second["Authorization"]}
        assert requests.get(url + location, headers=other, timeout=LONGEST).status_code == 404
        assert call(port, "get_job", json.dumps({"job_id": location.rpartition("/")[2]}), **second)["isError"]


def test_secrets_of_settings_are_in_no_answer_and_no_log(tmp_path: Path) -> None:
    environ = workers_ai_at("http://127.0.0.1:9", IMAGE_BACKEND="workers-ai", CLOUDFLARE_API_TOKEN="hidden-token")
    with started(tmp_path, **environ) as (port, _, log):
        answer = requests.post(f"http://127.0.0.1:{port}{PATH}", b'{"prompt":"x"}', headers=JSON, timeout=LONGEST)
        assert answer.status_code >= 500
        assert "hidden" not in answer.text
    environ["CLOUDFLARE_API_BASE_URL"] = "http://user:hidden-password@127.0.0.1:9/client/v4?token=hidden-query"
    masked = re.escape("http://***@127.0.0.1:9/client/v4?***")
    with pytest.raises(AssertionError, match=masked), started(tmp_path, **environ):
        pass  # it does not start
    assert "hidden" not in log.read_text("utf-8")


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        (PATH, {"prompt": "x", "model": "/" * 5_000_000}),
        ("/v1/chat/completions", {"model": "/" * 5_000_000, "messages": [{"role": "user", "content": "x"}]}),
        (
            "/v1/chat/completions",
            {
                "size": "256x256",
                "messages": [
                    {"role": "assistant", "content": "!]" * 90_000 + "![" * 49_000},
                    {"role": "user", "content": "x"},
                ],
            },
        ),
        (EDITS, {"prompt": "x", "image": "data:," + "%41" * 5_000_000}),
    ],
    ids=["slashes", "slashes in chat", "brackets in chat", "percent in a data URL"],
)
def test_no_text_takes_time_that_grows_with_its_square(tmp_path: Path, path: str, fields: dict[str, object]) -> None:
    """With the square it would be hours."""
    with started(tmp_path) as (port, _, _):
        answer = requests.post(f"http://127.0.0.1:{port}{path}", json.dumps(fields), headers=JSON, timeout=LONGEST)
        assert answer.status_code in {200, 400, 404}, answer.text[:300]
