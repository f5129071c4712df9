from __future__ import annotations

import base64
import subprocess
import time
from collections import Counter

import pytest

from cloudflare_image_mcp.emulator.faults import FaultPlan, FaultSpecError
from cloudflare_image_mcp.errors import UnreadableImage
from cloudflare_image_mcp.imagefile.image import Image
from tests.emulator.calling import LIGHTNING, SCHNELL, curl, emulating, run_json

CAT = {"prompt": "a cat", "width": 256, "height": 256}


def test_the_rates_are_those_asked_for_and_the_seed_fixes_the_order() -> None:
    spec = "3040:0.1, slow=3s:0.05,drop:0.02,truncate:0.01,empty:0.01"
    plans = [FaultPlan.parse(spec, seed=1) for _ in range(2)]
    drawn = [[fault and fault.kind for fault in (plan.draw() for _ in range(20_000))] for plan in plans]
    counts = Counter(drawn[0])
    assert drawn[0] == drawn[1]
    for kind, rate in {"3040": 0.1, "slow": 0.05, "drop": 0.02, "truncate": 0.01, "empty": 0.01}.items():
        assert 0.8 * rate < counts[kind] / 20_000 < 1.2 * rate


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("3040", "is not KIND:RATE"),
        ("9999:0.1", 'there is no "9999"'),
        ("drop:0.7,empty:0.7", "the rates add up to 1.4"),
        ("slow:0.1", "only slow takes a time"),
        ("drop=3s:0.1", "only slow takes a time"),
        ("3040:1.2.3", "is not KIND:RATE"),
        ("3040:.", "is not KIND:RATE"),
        ("slow=1..5s:0.1", "is not KIND:RATE"),
        ("3040:-0.1", "is not KIND:RATE"),
        ("flagged:0.1,flagged:0.2", "flagged is allowed once"),
    ],
)
def test_a_spec_that_cannot_be_read(spec: str, words: str) -> None:
    with pytest.raises(FaultSpecError) as caught:
        FaultPlan.parse(spec)
    assert words in str(caught.value)


def test_rates_that_add_up_to_one_in_decimal_are_taken() -> None:
    """In binary the sum of these is a little more than 1."""
    rates = (0.2, 0.4, 0.3, 0.1)
    assert sum(rates) > 1
    plan = FaultPlan.parse(",".join(f"3040:{rate}" for rate in rates))
    assert all(plan.draw() is not None for _ in range(1_000))


def test_slow_answers_late() -> None:
    with emulating(faults="slow=400ms:1") as address:
        start = time.monotonic()
        assert run_json(address, LIGHTNING, CAT).status == 200
        assert time.monotonic() - start >= 0.4


def test_empty_answers_without_an_image() -> None:
    with emulating(faults="empty:1") as address:
        answer = run_json(address, LIGHTNING, CAT)
    assert (answer.status, answer.json) == (
        200,
        {"result": {}, "success": True, "errors": [], "messages": []},
    )


async def test_truncate_answers_with_half_a_file() -> None:
    with emulating(faults="truncate:1") as address:
        raw = run_json(address, LIGHTNING, CAT).body
        text = run_json(address, SCHNELL, {"prompt": "a cat"}).json["result"]["image"]
    for data in (raw, base64.b64decode(text)):
        with pytest.raises(UnreadableImage, match="cut short"):
            await Image.of_bytes(data)


@pytest.mark.parametrize(("kind", "exit_code"), [("drop", 52), ("cut", 18)])
def test_broken_connections(kind: str, exit_code: int) -> None:
    """curl's 52: nothing received; 18: less than promised."""
    with emulating(faults=f"{kind}:1") as address, pytest.raises(subprocess.CalledProcessError) as caught:
        run_json(address, LIGHTNING, CAT)
    assert caught.value.returncode == exit_code


def test_faults_are_counted() -> None:
    with emulating(faults="3040:1") as address:
        run_json(address, LIGHTNING, CAT)
        stats = curl(f"{address}/emulator/stats").json
    assert (stats["faults"], stats["answers"]) == ({"3040": 1}, {"3040": 1})
