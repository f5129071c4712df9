"""AI Gateway: the caller's headers are sent on, and the reply's are passed back."""

from __future__ import annotations

import asyncio

import requests

from cloudflare_image_mcp.rest.server import build_app
from cloudflare_image_mcp.settings import Settings
from tests.backends.workers_ai.scripted import image_answer, scripted
from tests.live import serving, workers_ai_at
from tests.waiting import LONGEST

SENT = {"cf-aig-skip-cache": "false", "cf-aig-cache-ttl": "60", "cf-aig-metadata": '{"team":"a"}'}


async def answered(gateway: str, **more: str) -> tuple[requests.Response, bytes]:
    """The answer to a request for two images, and the head of the last request that Workers AI got."""
    reply = image_answer(cf_aig_log_id="log7", cf_aig_cache_status="MISS", cf_aig_step="0")
    async with scripted(reply) as upstream:
        environ = workers_ai_at(upstream.address, CLOUDFLARE_AI_GATEWAY=gateway)

        def ask() -> requests.Response:
            with serving(build_app(Settings.read(environ))) as origin:
                values = {"prompt": "a fox", "n": 2}
                return requests.post(f"{origin}/v1/images/generations", json=values, headers=more, timeout=LONGEST)

        answer = await asyncio.to_thread(ask)
        return answer, upstream.requests[-1][0].lower()


async def test_the_callers_headers_are_sent_on_and_the_replys_come_back() -> None:
    answer, head = await answered("default", **SENT, **{"cf-aig-authorization": "Bearer x"})
    assert answer.status_code == 200, answer.text[:300]
    lines = set(head.decode().split("\r\n"))
    # The model takes no seed, for which the cache is skipped unless the caller says otherwise.
    assert {f"{name}: {value}" for name, value in SENT.items()} | {"cf-aig-gateway-id: default"} <= lines
    assert b"cf-aig-authorization" not in head
    assert answer.headers["cf-aig-log-id"] == "log7, log7"
    assert answer.headers["cf-aig-cache-status"] == "MISS, MISS"
    assert "cf-aig-step" not in answer.headers


async def test_without_the_callers_headers_the_cache_is_skipped_where_there_is_no_seed() -> None:
    _, head = await answered("default")
    assert b"cf-aig-skip-cache: true" in head


async def test_without_a_gateway_nothing_is_sent_on() -> None:
    _, head = await answered("", **SENT)
    assert b"cf-aig-" not in head
