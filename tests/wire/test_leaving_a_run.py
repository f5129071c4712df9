"""Identical requests that wait for one run while clients hang up, or their API key is revoked."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
import requests

from cloudflare_image_mcp.rest.server import build_app
from cloudflare_image_mcp.settings import Settings
from tests.cli.commands import Home
from tests.emulator.calling import calls, holding
from tests.live import serving, workers_ai_at
from tests.waiting import LONGEST, wait_for
from tests.wire.conftest import UNLIMITED, wired_and_held
from tests.wire.test_image_cache import FIELDS, ON, ask, outcome

if TYPE_CHECKING:
    from pathlib import Path


def stream(origin: str, key: str = "") -> requests.Response:
    """A stream whose headers have come: its request leads the run or has joined it."""
    return requests.post(
        f"{origin}/v1/images/generations",
        json={**FIELDS, "stream": True},
        headers={"Authorization": f"Bearer {key}"} if key else {},
        stream=True,
        timeout=LONGEST,
    )


def status(origin: str, key: str) -> int:
    return requests.get(
        f"{origin}/v1/images/jobs", headers={"Authorization": f"Bearer {key}"}, timeout=LONGEST
    ).status_code


def completed(answer: requests.Response) -> dict[str, Any]:
    """The event with the image."""
    lines = [line.removeprefix("data: ") for line in answer.text.splitlines() if line.startswith("data: {")]
    event: dict[str, Any] = json.loads(lines[-1])
    assert event["type"] == "image_generation.completed", event
    return event


@pytest.mark.parametrize("stays", [0, 1, 3])
def test_the_one_that_stays_gets_its_image(stays: int) -> None:
    with wired_and_held(ON) as (wire, released):
        answers = [stream(wire.gateway) for _ in range(4)]
        assert [outcome(answer) for answer in answers] == ["miss", "joined", "joined", "joined"]
        wait_for(lambda: calls(wire.emulator), "the model was not called")
        last = answers.pop(stays)
        for answer in answers:
            answer.close()
        released.set()
        made = completed(last)
        assert calls(wire.emulator) == 1
        hit = ask(wire.gateway)
        assert outcome(hit) == "hit"
        assert hit.json()["data"][0]["b64_json"] == made["b64_json"]


def test_the_image_is_kept_when_all_hang_up() -> None:
    with wired_and_held(ON) as (wire, released):
        for answer in [stream(wire.gateway) for _ in range(3)]:
            answer.close()
        wait_for(lambda: calls(wire.emulator), "the model was not called")
        released.set()
        assert wait_for(lambda: outcome(ask(wire.gateway)) == "hit", "the image was not kept")
        assert calls(wire.emulator) == 1


def test_a_key_that_is_revoked_has_its_running_requests_answered(tmp_path: Path) -> None:
    with ExitStack() as stack:
        emulator, released = stack.enter_context(holding(**UNLIMITED))
        ledger = {"NEURON_LEDGER_URL": (tmp_path / "ledger").as_uri()}
        home = Home(tmp_path).set(API_KEYS_FILE=str(tmp_path / "keys.toml"), **ledger, **ON)
        key = home.run("keys", "add", "short", "--images-per-day", "3").stdout.decode().strip()
        environ = workers_ai_at(emulator, **home.environ)
        origin = stack.enter_context(serving(build_app(Settings.read(environ))))
        answers = [stream(origin, key) for _ in range(3)]
        assert [outcome(answer) for answer in answers] == ["miss", "joined", "joined"]
        assert home.run("keys", "revoke", "short").status == 0
        wait_for(lambda: status(origin, key) == 401, "the key is still valid")
        answers.pop().close()
        released.set()
        first, second = map(completed, answers)
        assert first["b64_json"] == second["b64_json"]
        assert calls(emulator) == 1
        assert "1 of 3" in home.run("keys", "usage", "short").stdout.decode()
