"""Fallbacks and aliases in a Worker, through the AI binding."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx2

from tests.emulator.calling import emulating
from tests.waiting import LONGEST
from tests.workerd import worker

if TYPE_CHECKING:
    from pathlib import Path

MODEL = "stable-diffusion-xl-lightning"


def test_another_model_makes_the_image(tmp_path: Path) -> None:
    """Half of the calls fail without a retry, in a fixed order."""
    fallbacks = json.dumps({MODEL: ["stable-diffusion-xl-base-1.0", "dreamshaper-8-lcm", "flux-1-schnell"]})
    aliases = json.dumps({"poster": MODEL})
    values = {"model": "poster", "prompt": "a fox", "size": "256x256", "response_format": "b64_json"}
    with (
        emulating(faults="3042:0.5", seed=3) as emulator,
        worker(
            f"{emulator}/client/v4/accounts/worker",
            tmp_path / "log",
            *("--var", f"FALLBACKS={fallbacks}", "--var", f"MODEL_ALIASES={aliases}"),
        ) as served,
    ):
        answers = [httpx2.post(f"{served.origin}/v1/images/generations", json=values, timeout=LONGEST) for _ in "12345"]
    assert [answer.status_code for answer in answers] == [200] * 5, [answer.text[:300] for answer in answers]
    ran = [answer.headers["x-image-model"].rsplit("/", 1)[-1] for answer in answers]
    assert len(set(ran)) > 1, ran
    for name, answer in zip(ran, answers, strict=True):
        warnings = [text for text in answer.json().get("warnings", ()) if text.endswith(f"; {name} made this one")]
        assert bool(warnings) == (name != MODEL)


def test_the_embedded_engine_is_not_in_a_worker(tmp_path: Path) -> None:
    with (
        emulating() as emulator,
        worker(
            f"{emulator}/client/v4/accounts/worker",
            tmp_path / "log",
            *("--var", f"FALLBACKS={json.dumps({MODEL: ['local']})}"),
        ) as served,
    ):
        answer = httpx2.get(f"{served.origin}/v1/models", timeout=LONGEST)
    assert answer.status_code == 500
    assert "FALLBACKS names local" in answer.json()["error"]["message"]
