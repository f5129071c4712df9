"""The limit on the memory of all request bodies together; refused and answered requests no longer count."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
import requests

from cloudflare_image_mcp.assembly import assemble
from cloudflare_image_mcp.rest.app import create_app
from cloudflare_image_mcp.rest.options import AppOptions
from cloudflare_image_mcp.settings import Settings
from tests.live import serving
from tests.waiting import LONGEST, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cloudflare_image_mcp.core.byte_budget import ByteBudget

MOST = 1024 * 1024
PROMPT = json.dumps({"prompt": "a fox", "size": "256x256", "padding": "x" * (MOST * 5 // 8)}).encode()

_budgets: list[ByteBudget] = []


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    """Of a server that holds one megabyte."""
    gateway = assemble(Settings.read({"IMAGE_BACKEND": "local", "IMAGE_STORAGE_URL": "memory:"})).gateway
    gateway.budget.most = MOST
    _budgets.append(gateway.budget)
    with serving(create_app(gateway, AppOptions())) as origin:
        yield origin


def generate(origin: str) -> requests.Response:
    return requests.post(f"{origin}/v1/images/generations", PROMPT, timeout=LONGEST)


def test_a_body_beyond_what_is_left_is_refused_and_may_come_again(origin: str) -> None:
    host = urlsplit(origin)
    head = (
        f"POST /v1/images/generations HTTP/1.1\r\nHost: {host.netloc}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {MOST}\r\n\r\n"
    )
    assert generate(origin).status_code == 200
    wait_for(lambda: not _budgets[0].held, "the room of a request that was answered is not given back")

    def refusals() -> list[requests.Response]:
        answer = generate(origin)
        return [answer] if answer.status_code != 200 else []

    with socket.create_connection((host.hostname, host.port)) as slow:
        slow.sendall(head.encode() + b" " * (MOST * 3 // 4))
        # It is taken in some time after it was sent; until then there is room.
        (refused,) = wait_for(refusals, "no request is refused")
    assert refused.status_code == 503
    assert refused.headers["retry-after"] == "5"
    assert refused.json()["error"] == {
        "message": "the requests being processed hold the 1 MiB that are allowed for all together",
        "type": "server_error",
        "param": None,
        "code": "overloaded",
    }
    wait_for(lambda: generate(origin).status_code == 200, "its room is not given back")


def test_bodies_one_after_another_do_not_add_up(origin: str) -> None:
    assert [generate(origin).status_code for _ in range(6)] == [200] * 6
