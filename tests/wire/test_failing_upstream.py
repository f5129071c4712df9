"""A running server whose upstream fails: an account that was refused comes back, and the log says what failed."""

from __future__ import annotations

import asyncio
import re
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import requests

from cloudflare_image_mcp.assembly import assemble
from cloudflare_image_mcp.backends.workers_ai.accounts import Account
from cloudflare_image_mcp.backends.workers_ai.backend import WorkersAIBackend
from cloudflare_image_mcp.backends.workers_ai.rest_transport import RestTransport
from cloudflare_image_mcp.imaging.pixels import PillowPixels
from cloudflare_image_mcp.rest.server import app_over
from cloudflare_image_mcp.settings import Settings
from tests.backends.workers_ai.conftest import QUICK, SetClock
from tests.backends.workers_ai.scripted import image_answer, refusal, scripted
from tests.emulator.calling import emulating
from tests.live import command, serving, workers_ai_at
from tests.ports import free_port
from tests.test_logs import LINE
from tests.waiting import LONGEST

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REFUSED = Account("refused-1234", "wrong")
HEALTHY = Account("healthy-5678", "demo")


@contextmanager
def gateway_over(upstream: str, clock: SetClock, *accounts: Account) -> Iterator[str]:
    """The origin of a server whose accounts rest by ``clock``."""
    backend = WorkersAIBackend(accounts, RestTransport(f"{upstream}/client/v4"), PillowPixels(), clock, retry=QUICK)
    settings = Settings.read({"IMAGE_STORAGE_URL": "memory:", "NEURON_LEDGER_URL": "memory:"})
    with serving(app_over(assemble(settings, backend=backend), settings)) as origin:
        yield origin


def generate(origin: str) -> requests.Response:
    body = {"model": "stable-diffusion-xl-lightning", "prompt": "a fox", "size": "256x256", "seed": 1}
    return requests.post(f"{origin}/v1/images/generations", json=body, timeout=LONGEST)


async def test_a_refused_account_works_again_within_two_minutes() -> None:
    clock = SetClock("2026-11-23 12:00")
    async with scripted(refusal(401, 10000), image_answer()) as upstream:
        with gateway_over(upstream.address, clock, REFUSED) as origin:
            first = await asyncio.to_thread(generate, origin)
            clock.time += timedelta(minutes=2)
            second = await asyncio.to_thread(generate, origin)
        asked = len(upstream.requests)
    assert first.status_code == 502
    assert first.json()["error"]["code"] == "upstream_authentication_error"
    assert "…1234 (code 10000)" in first.json()["error"]["message"]
    assert second.status_code == 200
    assert asked == 2


def test_with_a_second_account_no_request_fails() -> None:
    clock = SetClock("2026-11-23 12:00")
    with emulating() as upstream, gateway_over(upstream, clock, REFUSED, HEALTHY) as origin:
        for _ in range(4):
            assert generate(origin).status_code == 200
            clock.time += timedelta(minutes=1)


def test_the_log_of_a_request_says_what_failed_where_and_how_often(tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "log"
    with emulating(faults="3043:1") as upstream:
        environ = workers_ai_at(upstream, CLOUDFLARE_ACCOUNT_ID="0123456789abcdef0123456789abcdef")
        with command(port, environ, log):
            answer = generate(f"http://127.0.0.1:{port}")
    assert answer.status_code >= 500
    identity = answer.headers["x-request-id"]
    lines = [line for line in log.read_text("utf-8").splitlines() if identity in line]
    assert all(re.fullmatch(LINE, line) for line in lines)
    failures = [line for line in lines if "upstream failure" in line]
    facts = [dict(re.findall(r"(\w+)=(\S+)", line)) for line in failures]
    assert [fact["attempt"] for fact in facts] == [str(number + 1) for number in range(len(facts))]
    assert len(facts) >= 2
    for fact in facts:
        assert fact["request"] == identity
        assert fact["model"] == "@cf/bytedance/stable-diffusion-xl-lightning"
        assert (fact["account"], fact["code"]) == ("cdef", "3043")
        assert float(fact["seconds"].rstrip(":")) >= 0
    (summary,) = [line for line in lines if " ERROR " in line]
    assert f"{answer.status_code} {answer.json()['error']['code']}" in summary
