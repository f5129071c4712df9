"""The commands that serve: they start, answer and end."""

from __future__ import annotations

import signal
import socket
from typing import TYPE_CHECKING

import httpx2
import pytest

from tests.cli.commands import free_port, wait_until_open

if TYPE_CHECKING:
    from tests.cli.commands import Home


@pytest.mark.parametrize(
    ("command", "path", "status"),
    [(["serve"], "/health", 200), (["emulate", "--documented"], "/client/v4/nothing", 404)],
)
def test_a_server_answers_and_ctrl_c_ends_it_cleanly(home: Home, command: list[str], path: str, status: int) -> None:
    port = free_port()
    process = home.start(*command, "--port", str(port))
    try:
        wait_until_open(port, process)
        assert httpx2.get(f"http://127.0.0.1:{port}{path}").status_code == status
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == 130
    assert b"Traceback" not in errors


def test_a_port_in_use_is_a_sentence(home: Home) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ran = home.run("serve", "--port", str(taken.getsockname()[1]))
    assert ran.status != 0
    assert "address already in use" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_faults_that_cannot_be_read_are_a_usage_error(home: Home) -> None:
    ran = home.run("emulate", "--faults", "slow:2")
    assert ran.status == 2
    assert "--faults" in ran.stderr
    assert "Traceback" not in ran.stderr
