"""What the AI binding is asked for, and asked again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx2

from tests.emulator.calling import emulating
from tests.waiting import LONGEST
from tests.workerd import worker

if TYPE_CHECKING:
    from pathlib import Path


def test_a_flagged_picture_is_asked_for_with_another_seed(tmp_path: Path) -> None:
    """Half of the pictures are flagged, each of them every time."""
    values = {"model": "stable-diffusion-xl-lightning", "prompt": "a fox", "n": 8, "seed": 0, "size": "256x256"}
    with (
        emulating(faults="flagged:0.5", seed=5) as emulator,
        worker(f"{emulator}/client/v4/accounts/worker", tmp_path / "log") as served,
    ):
        answer = httpx2.post(f"{served.origin}/v1/images/generations", json=values, timeout=LONGEST)
    assert answer.status_code == 200, answer.text[:500]
    moved = [item["seed"] for item in answer.json()["data"] if item["seed"] >= 8]
    assert moved
    moved_warnings = [warning for warning in answer.json()["warnings"] if "was flagged" in warning]
    assert moved_warnings == [
        f"the output for seed {seed - 8} was flagged; seed {seed} made this one" for seed in moved
    ]


def test_used_up_neurons_come_back_at_midnight(tmp_path: Path) -> None:
    with (
        emulating(faults="4006:1.0") as emulator,
        worker(f"{emulator}/client/v4/accounts/worker", tmp_path / "log") as served,
    ):
        answer = httpx2.post(f"{served.origin}/v1/images/generations", json={"prompt": "a fox"}, timeout=LONGEST)
    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "insufficient_quota")
    assert answer.headers["x-should-retry"] == "false"
    assert 0 < int(answer.headers["retry-after"]) <= 24 * 3600


def test_an_answer_that_was_charged_and_held_no_image_is_counted(tmp_path: Path) -> None:
    with (
        emulating(faults="empty:0.5", seed=3) as emulator,
        worker(f"{emulator}/client/v4/accounts/worker", tmp_path / "log") as served,
    ):
        values = {"model": "flux-1-schnell", "prompt": "a fox", "n": 4}
        answer = httpx2.post(f"{served.origin}/v1/images/generations", json=values, timeout=LONGEST)
        spent = httpx2.get(f"{emulator}/emulator/stats", timeout=LONGEST).json()["accounts"]["worker"]["spent_neurons"]
    assert answer.status_code == 200, answer.text[:500]
    assert len(answer.json()["data"]) == 4
    assert float(answer.headers["x-image-neurons"]) == spent > 4 * 172.8
