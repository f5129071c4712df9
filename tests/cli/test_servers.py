"""The commands that serve: they start, answer and end."""

from __future__ import annotations

import re
import signal
import socket
from typing import TYPE_CHECKING

import httpx2
import pytest

from tests.cli.commands import emulated, wait_until_open
from tests.ports import free_port
from tests.waiting import LONGEST

if TYPE_CHECKING:
    import subprocess

    from tests.cli.commands import Home


@pytest.mark.parametrize(
    ("command", "path", "status"),
    [(["serve"], "/health", 200), (["emulate", "--documented"], "/client/v4/nothing", 404)],
)
def test_a_server_answers_where_it_says_and_ctrl_c_ends_it_cleanly(
    home: Home, command: list[str], path: str, status: int
) -> None:
    port = free_port()
    process = home.start(*command, "--port", str(port))
    try:
        wait_until_open(port, process)
        assert httpx2.get(f"http://127.0.0.1:{port}{path}", timeout=LONGEST).status_code == status
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=LONGEST)
    finally:
        process.kill()
    assert process.returncode == 130
    assert f"http://127.0.0.1:{port}" in errors.decode()
    assert b"Traceback" not in errors


@pytest.mark.parametrize("command", ["serve", "emulate"])
def test_a_port_in_use_is_a_sentence_before_anything_starts(home: Home, command: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ran = home.run(command, "--port", str(port))
    assert ran.status == 8
    reason = "Address already in use; change --host or --port"
    assert ran.stderr == f"Error: cannot listen on 127.0.0.1 port {port}: {reason}\n"


@pytest.mark.parametrize("host", ["nowhere.invalid", "192.0.2.1", "ä" * 70])
def test_a_host_that_is_not_here_is_a_sentence(home: Home, host: str) -> None:
    ran = home.run("serve", "--host", host, "--port", "0")
    assert ran.status == 8
    assert ran.stderr.startswith(f"Error: cannot listen on {host} port 0: ")
    assert "Traceback" not in ran.stderr


def errors_of_a_server(home: Home, *options: str) -> str:
    """What ``serve`` writes on stderr until Ctrl-C ends it once it listens."""
    port = free_port()
    process = home.start("serve", "--port", str(port), *options)
    wait_until_open(port, process)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=LONGEST)
    return errors.decode()


@pytest.mark.parametrize("command", [("serve", "--port", "0"), ("mcp",)])
def test_a_propagator_that_is_not_installed_is_named_with_its_setting(home: Home, command: tuple[str, ...]) -> None:
    ran = home.set(OTEL_PROPAGATORS="tracecontext,nothere").run(*command)
    assert ran.status == 8
    assert "Error: OTEL_PROPAGATORS cannot be used: Propagator nothere not found" in ran.stderr


@pytest.mark.parametrize(
    ("host", "keys", "warned"),
    [("0.0.0.0", "", True), ("0.0.0.0", "a-key", False), ("127.0.0.1", "", False), ("localhost", "", False)],
)
def test_a_server_open_to_others_without_keys_warns(home: Home, host: str, keys: str, warned: bool) -> None:
    errors = errors_of_a_server(home.set(API_KEYS=keys), "--host", host)
    warning = "Warning: without API_KEYS or API_KEYS_FILE, everyone who reaches this port can make images"
    assert (warning in errors) is warned


def test_mcp_tells_a_person_what_it_is_for(home: Home) -> None:
    sent: list[int] = []

    def leave(process: subprocess.Popen[bytes], written: bytes) -> None:
        if b"Ctrl-C ends it" in written and not sent:
            sent.append(process.pid)
            process.send_signal(signal.SIGINT)

    ran = home.run_in_terminal("mcp", then=leave)
    assert ran.status == 130
    assert "for a client that starts it" in ran.shown
    assert "for a client that starts it" not in home.run("mcp").stderr


def test_faults_that_cannot_be_read_are_a_usage_error(home: Home) -> None:
    ran = home.run("emulate", "--faults", "slow:2")
    assert ran.status == 2
    assert "--faults" in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize(
    ("environ", "line"),
    [
        ({}, "drawn by the embedded illustrator, which is not an AI model. Set CLOUDFLARE_ACCOUNT_ID and"),
        (
            {"CLOUDFLARE_ACCOUNT_ID": "a" * 32, "CLOUDFLARE_API_TOKEN": "t" * 40},
            "Images are made by Workers AI (1 account).",
        ),
        (
            {"CLOUDFLARE_ACCOUNT_ID": "a" * 32, "CLOUDFLARE_API_TOKEN": "t" * 40, "IMAGE_BACKEND": "local"},
            "not an AI model. Set IMAGE_BACKEND=auto to use",
        ),
    ],
)
def test_the_first_line_names_the_backend(home: Home, environ: dict[str, str], line: str) -> None:
    assert line in home.set(**environ).run("mcp").stderr.splitlines()[0]
    assert line in errors_of_a_server(home.set(**environ)).splitlines()[0]


def test_a_failed_request_is_one_log_line_with_the_id_of_its_answer(home: Home) -> None:
    port = free_port()
    with emulated(home, "--faults", "3040:1") as account:
        process = account.start("serve", "--port", str(port))
        try:
            wait_until_open(port, process)
            body = {"prompt": "a red fox", "model": "flux-1-schnell"}
            answer = httpx2.post(f"http://127.0.0.1:{port}/v1/images/generations", json=body, timeout=LONGEST)
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=LONGEST)
        finally:
            process.kill()
    assert answer.status_code == 503, answer.text
    lines = [line for line in errors.decode().splitlines() if " ERROR " in line]
    request_id = answer.headers["x-request-id"]
    assert len(lines) == 1
    assert re.match(rf"\d{{4}}-\d\d-\d\dT[\d:.]+Z ERROR {request_id} cloudflare_image_mcp\.logs: ", lines[0])
    assert re.search(
        r"generate with @cf/\S*flux-1-schnell on workers-ai failed after [\d.]+ s: 503 overloaded: ", lines[0]
    )
