"""Limits against hostile requests: the installed command in a process of its own, whose memory is watched."""

from __future__ import annotations

import base64
import gzip
import io
import json
import random
import resource
import select
import signal
import socket
import threading
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Final

import psutil
import pytest
import requests
from PIL import Image

from tests.live import command
from tests.ports import free_port
from tests.waiting import LONGEST, wait_for

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from pathlib import Path

MIB: Final = 1024 * 1024
MOST: Final = 400 * MIB
"""Resident memory that the process may never have."""
ENVIRON: Final = {
    "IMAGE_BACKEND": "local",
    "IMAGE_STORAGE_URL": "memory:",
    "READ_TIMEOUT": "120",
    "SHUTDOWN_TIMEOUT": "4",
}
JSON: Final = {"Content-Type": "application/json"}
FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}
PATH: Final = "/v1/images/generations"
HEAD: Final = "POST /v1/images/generations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


@contextmanager
def started(tmp_path: Path, **environ: str) -> Iterator[tuple[int, subprocess.Popen[bytes], Path]]:
    """The command's port, process and log. Its memory is watched until it ends."""
    port, log = free_port(), tmp_path / "log"
    with command(port, ENVIRON | environ, log) as process, watched(process):
        yield port, process, log


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, subprocess.Popen[bytes], Path]]:
    with started(tmp_path_factory.mktemp("limits")) as found:
        yield found


@pytest.fixture(scope="module")
def hasty_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, subprocess.Popen[bytes], Path]]:
    """A server that gives up a request after two seconds without data."""
    with started(tmp_path_factory.mktemp("hasty"), READ_TIMEOUT="2") as found:
        yield found


@contextmanager
def watched(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Fails where the process has more memory than it may have at any time."""
    seen, over = [0], threading.Event()
    watched_process = psutil.Process(process.pid)

    def watch() -> None:
        with suppress(psutil.NoSuchProcess):  # some tests end it
            while not over.wait(0.01):
                seen[0] = max(seen[0], watched_process.memory_info().rss)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    assert seen[0] < MOST, f"{seen[0] // MIB} MiB"


def ask_for_megabytes(connection: socket.socket, port: int) -> None:
    """Asks for 16 MB, more than the buffers of the system hold, and reads the first bytes of the answer."""
    noise = io.BytesIO()
    Image.frombytes("RGB", (1024, 1024), random.Random(1).randbytes(3 * 1024 * 1024)).save(noise, "PNG")
    fields = {"prompt": "x", "n": 4, "strength": 0, "size": "1024x1024", "response_format": "b64_json"}
    body = json.dumps(fields | {"image": base64.b64encode(noise.getvalue()).decode(), "output_format": "png"})
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect(("127.0.0.1", port))
    head = HEAD.replace(PATH, "/v1/images/edits")
    connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
    assert connection.recv(15) == b"HTTP/1.1 200 OK"


def until_closed(connection: socket.socket) -> bytes:
    """What comes until the server closes the connection."""
    data = bytearray()
    with suppress(ConnectionResetError):
        while chunk := connection.recv(65536):
            data += chunk
    return bytes(data)


def answer(connection: socket.socket) -> tuple[int, bytes]:
    data = until_closed(connection)
    return int(data.split(b" ", 2)[1]), data


FIELDS: Final = ("prompt", "n", "model", "size", "seed", "quality", "response_format", "user", "image")
HOSTILE: Final[dict[str, tuple[str, dict[str, str], Callable[[], bytes], int]]] = {
    "many keys": (PATH, JSON, lambda: json.dumps({f"k{i}": 0 for i in range(1_900_000)}).encode(), 413),
    "keys of one object": (PATH, JSON, lambda: json.dumps({f"k{i}": 0 for i in range(1_001)}).encode(), 413),
    "percent": (PATH, FORM, lambda: b"prompt=" + b"%41" * (20 * MIB), 400),
    "base64 in pieces": (
        "/v1/images/edits",
        JSON,
        lambda: b'{"prompt":"x","image":"' + b"A " * (24 * MIB) + b'"}',
        400,
    ),
    "nested lists": (PATH, JSON, lambda: b'{"prompt":"x","x":[' + b"[]," * (20 * MIB) + b"[]]}", 413),
    "nested lists to MCP": ("/mcp", JSON, lambda: b'{"method":"initialize","x":[' + b"[]," * (20 * MIB) + b"[]]}", 413),
    "bomb in a form": (
        PATH,
        {"Content-Type": "multipart/form-data; boundary=x", "Content-Encoding": "gzip"},
        lambda: gzip.compress(b'--x\r\nContent-Disposition: form-data; name="prompt"\r\n\r\n' + bytes(600 * MIB), 1),
        413,
    ),
    "bomb to MCP": ("/mcp", JSON | {"Content-Encoding": "gzip"}, lambda: gzip.compress(bytes(600 * MIB), 1), 413),
    "bomb": (PATH, JSON | {"Content-Encoding": "gzip"}, lambda: gzip.compress(bytes(600 * MIB), 1), 413),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_body_takes_little_memory(server: tuple[int, subprocess.Popen[bytes], Path], name: str) -> None:
    port, process, _ = server
    path, headers, make, status = HOSTILE[name]
    body = make()
    with watched(process):
        got = requests.post(f"http://127.0.0.1:{port}{path}", body, headers=headers, timeout=LONGEST)
    assert got.status_code == status, got.text[:300]
    assert got.json()["error"]["message"]


def test_refused_bodies_leave_no_memory_behind(tmp_path: Path) -> None:
    """Bodies of 48 to 64 MB one after another: neither the error that refused one nor the allocator keeps it."""
    with started(tmp_path) as (port, process, _):
        url = f"http://127.0.0.1:{port}"
        memory = psutil.Process(process.pid).memory_info
        assert requests.post(url + PATH, b"{}", headers=JSON, timeout=LONGEST).status_code == 400
        before = memory().rss
        for name in ("percent", "base64 in pieces", "nested lists", "nested lists to MCP"):
            path, headers, make, status = HOSTILE[name]
            assert requests.post(url + path, make(), headers=headers, timeout=LONGEST).status_code == status
            # It is freed some time after the client has its answer.
            wait_for(lambda: memory().rss - before < 24 * MIB, f"{name}: {(memory().rss - before) // MIB} MiB are kept")


@pytest.mark.parametrize("field", FIELDS)
def test_half_a_character_is_refused_by_name(server: tuple[int, subprocess.Popen[bytes], Path], field: str) -> None:
    port, _, log = server
    body = b'{"prompt":"x","%s":"\\ud800"}' % field.encode()
    got = requests.post(f"http://127.0.0.1:{port}{PATH}", body, headers=JSON, timeout=LONGEST)
    assert (got.status_code, got.json()["error"]["param"]) == (400, field)
    assert "Traceback" not in log.read_text("utf-8")


SOURCES: Final[dict[str, object]] = {
    "a text": "\ud800",
    "a list": ["\ud800"],
    "an object": {"image_url": "\ud800"},
    "a URL": "https://example.com/\ud800.png",
    "a data URL": "data:image/png;base64,\ud800",
}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("kind", ["image", "mask"])
def test_half_a_character_in_an_image_source_is_refused(
    server: tuple[int, subprocess.Popen[bytes], Path], kind: str, source: str
) -> None:
    port, _, log = server
    body = json.dumps({"prompt": "x", kind: SOURCES[source]})
    got = requests.post(f"http://127.0.0.1:{port}/v1/images/edits", body, headers=JSON, timeout=LONGEST)
    assert got.status_code == 400
    assert got.json()["error"]["param"].startswith(kind)
    assert "Traceback" not in log.read_text("utf-8")


@pytest.mark.parametrize("field", FIELDS)
def test_half_a_character_in_a_form_is_refused_by_name(
    server: tuple[int, subprocess.Popen[bytes], Path], field: str
) -> None:
    port, _, log = server
    part = b'--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
    fields = {b"prompt": b"x", field.encode(): b"\xed\xa0\x80"}
    body = b"".join(part % pair for pair in fields.items()) + b"--x--\r\n"
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    got = requests.post(f"http://127.0.0.1:{port}/v1/images/edits", body, headers=headers, timeout=LONGEST)
    assert (got.status_code, got.json()["error"]["param"]) == (400, field)
    assert "Traceback" not in log.read_text("utf-8")


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux sets the limits of another process")
def test_more_silent_connections_than_handles_do_not_block_others_for_long(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4096)), hard))
    with started(tmp_path, LOG_LEVEL="error", READ_TIMEOUT="2") as (port, process, _):
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (1024, 1024))
        silent = [socket.create_connection(("127.0.0.1", port), timeout=LONGEST) for _ in range(1_100)]
        try:
            closed = [until_closed(connection) for connection in silent]
            # What comes while there is no handle left is closed at once.
            assert {data[:12] for data in closed} <= {b"HTTP/1.1 408", b""}
            assert sum(map(bool, closed)) > 800
            url = f"http://127.0.0.1:{port}{PATH}"
            made = requests.post(url, b'{"prompt":"x","size":"256x256"}', headers=JSON, timeout=LONGEST)
            assert made.status_code == 200
        finally:
            for connection in silent:
                connection.close()


@pytest.mark.parametrize("sent", [b"", b"POST /v1/im", HEAD.encode()], ids=["nothing", "half a line", "half a head"])
def test_a_connection_without_a_whole_head_is_closed_with_408(
    hasty_server: tuple[int, subprocess.Popen[bytes], Path], sent: bytes
) -> None:
    with socket.create_connection(("127.0.0.1", hasty_server[0]), timeout=LONGEST) as connection:
        connection.sendall(sent)
        status, data = answer(connection)
    assert status == 408
    assert b'"request_timeout"' in data


SLOW: Final = {
    "json": HEAD,
    "form": HEAD.replace("application/json", "multipart/form-data; boundary=x"),
    "mcp": HEAD.replace(PATH, "/mcp"),
}
"""Requests whose bodies come slowly or not at all, up to the header that says how long they are."""


@pytest.mark.parametrize("way", SLOW)
def test_a_body_that_stops_coming_is_given_up_with_408(
    hasty_server: tuple[int, subprocess.Popen[bytes], Path], way: str
) -> None:
    with socket.create_connection(("127.0.0.1", hasty_server[0]), timeout=LONGEST) as connection:
        connection.sendall(f"{SLOW[way]}Connection: close\r\nContent-Length: 100\r\n\r\n{{".encode())
        assert answer(connection)[0] == 408


@pytest.mark.parametrize("seconds", [1.0, 0.2])
@pytest.mark.parametrize("way", SLOW)
def test_bodies_of_a_byte_now_and_then_are_given_up_with_408_in_little_memory(
    hasty_server: tuple[int, subprocess.Popen[bytes], Path], way: str, seconds: float
) -> None:
    port, process, _ = hasty_server
    refused = 0
    with ExitStack() as stack:
        stack.enter_context(watched(process))
        slow = [stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=LONGEST)) for _ in range(50)]
        for connection in slow:
            connection.sendall(f"{SLOW[way]}Connection: close\r\nContent-Length: 60000000\r\n\r\n".encode())
        for _ in range(100):
            for connection in select.select(slow, [], [], seconds)[0]:
                slow.remove(connection)
                # A byte that arrives after the answer resets the connection.
                with suppress(ConnectionResetError):
                    assert connection.recv(20).startswith(b"HTTP/1.1 408")
                    refused += 1
            for connection in slow:
                with suppress(ConnectionError):
                    connection.sendall(b" ")
            if not slow:
                break
    assert not slow, "they were not given up"
    assert refused


def test_a_client_that_takes_nothing_of_its_answer_is_cut_off(
    hasty_server: tuple[int, subprocess.Popen[bytes], Path],
) -> None:
    port, process, _ = hasty_server
    with socket.socket() as connection:
        ask_for_megabytes(connection, port)
        own = connection.getsockname()[1]

        def is_open() -> bool:
            found = psutil.Process(process.pid).net_connections("tcp")
            return any(row.raddr and row.raddr.port == own for row in found)

        assert is_open()
        wait_for(lambda: not is_open(), "the connection is still open")


def test_what_is_no_http_is_answered_in_the_same_json(server: tuple[int, subprocess.Popen[bytes], Path]) -> None:
    with socket.create_connection(("127.0.0.1", server[0]), timeout=LONGEST) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nno header\r\n\r\n")
        status, data = answer(connection)
    assert status == 400
    assert b'"invalid_request_error"' in data


def send_half(connection: socket.socket) -> None:
    """Sends a request without the end of its body; returns once the server reads the body."""
    connection.sendall(f"{HEAD}Expect: 100-continue\r\nContent-Length: 100\r\n\r\n".encode())
    assert connection.recv(100).startswith(b"HTTP/1.1 100")
    connection.sendall(b"{")


def is_closed(port: int) -> bool:
    """Whether the server does not listen any more."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=LONGEST).close()
    except ConnectionRefusedError:
        return True
    return False


@pytest.mark.parametrize("held", ["half a request", "a download nobody reads"])
def test_a_signal_ends_the_server_with_stalled_clients(tmp_path: Path, held: str) -> None:
    with started(tmp_path, READ_TIMEOUT="600") as (port, process, log):
        with socket.socket() as connection:
            if held == "half a request":
                connection.connect(("127.0.0.1", port))
                send_half(connection)
            else:
                ask_for_megabytes(connection, port)
            process.send_signal(signal.SIGTERM)
            process.wait(LONGEST)
        assert process.returncode in (0, -signal.SIGTERM), log.read_text("utf-8")


def test_a_second_signal_ends_the_server_at_once(tmp_path: Path) -> None:
    with (
        started(tmp_path, READ_TIMEOUT="600", SHUTDOWN_TIMEOUT="600") as (port, process, _),
        socket.create_connection(("127.0.0.1", port)) as connection,
    ):
        send_half(connection)
        process.send_signal(signal.SIGTERM)
        wait_for(lambda: is_closed(port), "it still listens")
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(LONGEST) == -signal.SIGTERM


def test_only_pages_of_allowed_origins_may_use_the_server(tmp_path: Path) -> None:
    with started(tmp_path, ALLOWED_ORIGINS="https://chat.example") as (port, _, _):
        url = f"http://127.0.0.1:{port}{PATH}"
        body = json.dumps({"prompt": "x", "size": "256x256"})
        evil = {"Origin": "https://evil.example", "Content-Type": "text/plain"}
        other = requests.post(url, body, headers=evil, timeout=LONGEST)
        preflight = requests.options(url, headers={"Origin": "https://evil.example"}, timeout=LONGEST)
        allowed = requests.post(url, body, headers={"Origin": "https://chat.example"} | JSON, timeout=LONGEST)
        none = requests.post(url, body, headers=JSON, timeout=LONGEST)
    assert (other.status_code, other.json()["error"]["code"]) == (403, "origin_not_allowed")
    assert preflight.status_code == 403
    assert "access-control-allow-origin" not in other.headers
    assert (allowed.status_code, allowed.headers["access-control-allow-origin"]) == (200, "https://chat.example")
    assert none.status_code == 200
