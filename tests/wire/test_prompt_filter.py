"""A filter of the operator's refuses prompts before anything is paid for, and refuses all where it cannot judge."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
import requests

from cloudflare_image_mcp.assembly import assemble
from cloudflare_image_mcp.errors import GatewayError, SettingError
from cloudflare_image_mcp.rest.server import build_app
from cloudflare_image_mcp.settings import Settings
from cloudflare_image_mcp.usage.word_filter import WordFilter
from tests.backends.workers_ai.scripted import http, scripted
from tests.live import serving, workers_ai_at
from tests.mcp_server.test_json_answers import Session, call
from tests.waiting import LONGEST
from tests.wire.conftest import wired

if TYPE_CHECKING:
    from pathlib import Path

    from tests.wire.conftest import Wire

WORDS = "# not for children\ngore\nred  dragon\n/blood(y|ied)?/\n\n"


def asked(wire: Wire, prompt: str) -> requests.Response:
    return wire.post("generations", {"prompt": prompt, "size": "256x256", "response_format": "b64_json"})


def refusal(answer: requests.Response) -> tuple[int, str, str | None]:
    error = answer.json()["error"]
    return answer.status_code, error["code"], error["param"]


@pytest.fixture
def words(tmp_path: Path) -> Path:
    path = tmp_path / "words.txt"
    path.write_text(WORDS, "utf-8")
    return path


@pytest.mark.parametrize("prompt", ["Gore!", "a RED   Dragon", "a bloodied knight", "no blood"])
async def test_words_and_patterns_are_refused(words: Path, prompt: str) -> None:
    with pytest.raises(GatewayError, match="filter does not allow the prompt") as raised:
        await WordFilter(words).check(prompt)
    assert raised.value.kind == "content_policy_violation"


@pytest.mark.parametrize("prompt", ["Gorenje fridge", "a red, tame dragon", "a knight", ""])
async def test_other_prompts_are_not(words: Path, prompt: str) -> None:
    await WordFilter(words).check(prompt)


@pytest.mark.parametrize(
    ("text", "named"), [("/(/\n", 'line 1, "/\\(/"'), ("# nothing\n", "no word"), (None, "cannot be read")]
)
def test_a_file_that_cannot_be_used_stops_the_start(tmp_path: Path, text: str | None, named: str) -> None:
    path = tmp_path / "words.txt"
    if text is not None:
        path.write_text(text, "utf-8")
    settings = Settings.read({"PROMPT_FILTER": f"file:{path}", "IMAGE_STORAGE_URL": "memory:"})
    with pytest.raises(SettingError, match=named):
        assemble(settings)


@pytest.mark.parametrize("value", ["words.txt", "file:words.txt", "llama"])
def test_a_setting_that_is_neither_is_named(value: str) -> None:
    with pytest.raises(SettingError, match="PROMPT_FILTER must be llama-guard, or file:/path"):
        Settings.read({"PROMPT_FILTER": value})


def test_llama_guard_needs_an_account() -> None:
    with pytest.raises(SettingError, match="PROMPT_FILTER is llama-guard"):
        assemble(Settings.read({"PROMPT_FILTER": "llama-guard", "IMAGE_STORAGE_URL": "memory:"}))


@pytest.mark.parametrize("kind", ["file", "llama-guard"])
def test_a_refused_prompt_costs_no_image_in_any_interface(words: Path, kind: str) -> None:
    setting = f"file:{words}" if kind == "file" else kind
    with wired({"PROMPT_FILTER": setting}) as wire:
        assert asked(wire, "a fox").status_code == 200
        made = wire.stats()["images"]
        assert refusal(asked(wire, "gore")) == (400, "content_policy_violation", "prompt")
        body = {"messages": [{"role": "user", "content": "gore --size=256x256"}]}
        chat = requests.post(f"{wire.gateway}/v1/chat/completions", json=body, timeout=LONGEST)
        assert refusal(chat)[:2] == (400, "content_policy_violation")
        over_mcp = Session(wire.gateway).post(call(2, "run_model", prompt="gore")).text
        assert "filter does not allow" in over_mcp or "judged the prompt unsafe" in over_mcp
        assert wire.stats()["images"] == made


def test_it_is_off_unless_it_is_set(live: Wire) -> None:
    assert asked(live, "a red dragon").status_code == 200


def test_no_image_is_made_where_llama_guard_fails() -> None:
    with wired({"PROMPT_FILTER": "llama-guard"}, faults="text-error:1") as wire:
        assert asked(wire, "a fox").status_code >= 500
        assert wire.stats()["images"] == {}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"result": {"response": "I cannot say"}, "success": true}', 502),
        (b'{"result": {}, "success": true}', 502),
        (b"no JSON", 502),
        (b'{"result": {"response": {"safe": false, "categories": ["S1"]}}, "success": true}', 400),
    ],
)
async def test_an_answer_without_a_verdict_is_no_yes(body: bytes, status: int) -> None:
    async with scripted(http(200, body)) as upstream:
        environ = workers_ai_at(upstream.address, PROMPT_FILTER="llama-guard")

        def ask() -> requests.Response:
            with serving(build_app(Settings.read(environ))) as origin:
                return requests.post(f"{origin}/v1/images/generations", json={"prompt": "a fox"}, timeout=LONGEST)

        answer = await asyncio.to_thread(ask)
        assert answer.status_code == status, answer.text
        assert len(upstream.requests) == 1
