"""The sockets of a server are bound once, by the command, and handed to uvicorn."""

from __future__ import annotations

import re
import signal
from typing import TYPE_CHECKING

import httpx2
import pytest

from cloudflare_image_mcp.cli.listening import bind, is_open_to_others, listen
from cloudflare_image_mcp.errors import SettingError
from tests.waiting import LONGEST

if TYPE_CHECKING:
    from tests.cli.commands import Home


def test_of_two_servers_that_bind_at_once_one_gets_an_error() -> None:
    (first,) = bind("127.0.0.1", 0)
    port = first.getsockname()[1]
    (second,) = bind("127.0.0.1", port)
    with first, second:
        listen([first])
        with pytest.raises(SettingError, match=rf"cannot listen on 127\.0\.0\.1 port {port}: Address already in use"):
            listen([second])
        with pytest.raises(SettingError, match="Address already in use; change --host or --port"):
            bind("127.0.0.1", port)


@pytest.mark.parametrize(("command", "path"), [("serve", "/health"), ("emulate", "/client/v4/nothing")])
def test_port_0_is_a_free_port_that_the_server_names(home: Home, command: str, path: str) -> None:
    with home.start(command, "--port", "0") as process:
        try:
            assert process.stderr
            lines = (line.decode() for line in process.stderr)
            origin = next(found[0] for line in lines if (found := re.search(r"http://127\.0\.0\.1:[1-9]\d*", line)))
            assert httpx2.get(origin + path, timeout=LONGEST).status_code in {200, 404}
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=LONGEST)
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("host", "is_open"),
    [("127.0.0.1", False), ("::1", False), ("localhost", False), ("0.0.0.0", True), ("::", True), ("a-name", True)],
)
def test_which_addresses_other_machines_reach(host: str, is_open: bool) -> None:
    assert is_open_to_others(host) is is_open
