"""Prompts that a text model writes: what the image model got is in ``revised_prompt``, and a failure is a warning."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
import requests

from cloudflare_image_mcp.emulator.text_models import ADDED
from cloudflare_image_mcp.rest.server import build_app
from cloudflare_image_mcp.settings import Settings
from tests.backends.workers_ai.scripted import http, image_answer, scripted
from tests.live import serving, workers_ai_at
from tests.waiting import LONGEST
from tests.wire.conftest import wired

if TYPE_CHECKING:
    from tests.wire.conftest import Wire

PROMPT = "a fox"
VALUES = {"prompt": PROMPT, "size": "256x256", "response_format": "b64_json"}


def revised(answer: requests.Response) -> str:
    assert answer.status_code == 200, answer.text[:300]
    text: str = answer.json()["data"][0]["revised_prompt"]
    return text


def written(text: str) -> bytes:
    return http(200, json.dumps({"result": {"response": text}, "success": True}).encode())


async def asked(*answers: bytes, **values: Any) -> tuple[requests.Response, list[dict[str, Any]]]:
    """The answer of a gateway over a scripted upstream, and the bodies that the upstream got."""
    async with scripted(*answers) as upstream:
        environ = workers_ai_at(upstream.address)

        def ask() -> requests.Response:
            with serving(build_app(Settings.read(environ))) as origin:
                return requests.post(f"{origin}/v1/images/generations", json=VALUES | values, timeout=LONGEST)

        answer = await asyncio.to_thread(ask)
        return answer, [json.loads(body) for _, body in upstream.requests]


async def test_the_image_model_gets_what_revised_prompt_says() -> None:
    answer, bodies = await asked(written("Prompt: A red fox\n at dusk"), image_answer(), enhance=True)
    assert revised(answer) == "A red fox at dusk"
    assert bodies[0]["messages"][-1] == {"role": "user", "content": PROMPT}
    assert bodies[1]["prompt"] == "A red fox at dusk"


@pytest.mark.parametrize(
    "reply",
    [
        http(500, b'{"errors":[{"code":3043,"message":"Internal server error"}],"success":false}'),
        http(200, b'{"result":{},"success":true}'),
        http(200, b"no JSON"),
        written("x" * 5000),
    ],
    ids=["error", "empty", "no-json", "too-long"],
)
async def test_a_text_model_that_fails_leaves_the_prompt_as_it_came(reply: bytes) -> None:
    answer, bodies = await asked(reply, image_answer(), enhance=True)
    assert revised(answer) == PROMPT
    assert bodies[1]["prompt"] == PROMPT
    assert any(text.startswith("the prompt was not enhanced: ") for text in answer.json()["warnings"])


async def test_without_it_no_text_model_is_asked() -> None:
    answer, bodies = await asked(image_answer())
    assert revised(answer) == PROMPT
    assert len(bodies) == 1
    assert "enhance" not in answer.headers["server-timing"]


def test_the_setting_is_the_default_and_a_request_may_say_otherwise() -> None:
    with wired({"PROMPT_ENHANCE": "on"}) as wire:
        assert revised(wire.post("generations", VALUES)) == PROMPT + ADDED
        assert revised(wire.post("generations", VALUES | {"enhance": False})) == PROMPT


def test_an_edit_is_put_plainly_too(live: Wire, source: bytes) -> None:
    answer = live.post("edits", VALUES | {"enhance": "true"}, {"image": source})
    assert revised(answer) == PROMPT + ADDED


def test_a_text_model_that_is_down_costs_a_warning() -> None:
    with wired(faults="text-error:1") as wire:
        answer = wire.post("generations", VALUES | {"enhance": True})
    assert revised(answer) == PROMPT
    assert "Workers AI failed" in " ".join(answer.json()["warnings"])


def test_one_that_does_not_answer_is_not_waited_for() -> None:
    with wired(faults="text-slow:1") as wire:
        answer = wire.post("generations", VALUES | {"enhance": True})
    assert revised(answer) == PROMPT
    assert any("not enhanced" in text for text in answer.json()["warnings"])


def test_the_embedded_engine_reads_the_prompt_as_it_is(server: str) -> None:
    answer = requests.post(f"{server}/v1/images/generations", json=VALUES | {"enhance": True}, timeout=LONGEST)
    assert revised(answer) == PROMPT
    assert "enhance was ignored: it needs Workers AI" in answer.json()["warnings"]
