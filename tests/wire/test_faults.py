"""A thousand requests while one call in ten fails."""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import aiohttp

from cloudflare_image_mcp.errors import ERRORS
from tests.wire.conftest import wired

if TYPE_CHECKING:
    import pytest

FAULTS = ",".join(
    (
        "3040:0.02,3043:0.02,3007:0.01,3046:0.01",
        "drop:0.01,cut:0.01,truncate:0.005,empty:0.005,flagged:0.005,slow=300ms:0.005",
    )
)
REQUESTS = 1_000
AT_ONCE = 16
LONGEST = 60
"""Seconds that one request may take before it counts as hung: many times what all its retries take."""


async def test_a_thousand_requests_at_ten_percent_faults(capfd: pytest.CaptureFixture[str]) -> None:
    answers: Counter[str] = Counter()

    async def one(session: aiohttp.ClientSession, url: str, number: int) -> None:
        values = {
            "model": "stable-diffusion-xl-lightning",
            "prompt": "a fox",
            "size": "256x256",
            "seed": number % 10,
            "response_format": "b64_json",
        }
        async with session.post(url, json=values) as response:
            body = await response.json()
            answers[f"{response.status} {outcome(response.status, body)}"] += 1

    async def several(session: aiohttp.ClientSession, url: str, numbers: range) -> None:
        for number in numbers:
            await one(session, url, number)

    start = time.monotonic()
    with wired(faults=FAULTS, seed=4) as wire:
        url = f"{wire.gateway}/v1/images/generations"
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=LONGEST)) as session:
            await asyncio.gather(*[several(session, url, range(i, REQUESTS, AT_ONCE)) for i in range(AT_ONCE)])
        stats = wire.stats()
    calls = stats["accounts"]["demo"]["calls"]
    with capfd.disabled():
        sys.stdout.write(
            f"\n{REQUESTS} requests in {time.monotonic() - start:.1f} s: {dict(answers)}; {calls} calls, so"
            f" {calls - REQUESTS} retries; faults injected: {stats['faults']}\n"
        )
    assert sum(answers.values()) == REQUESTS
    assert sum(stats["faults"].values()) > 0.07 * REQUESTS
    assert answers["200 image"] >= REQUESTS - 5
    assert set(answers) <= {"200 image", "400 content_policy_violation", "502 upstream_error", "503 overloaded"} | {
        "504 upstream_timeout"
    }


def test_the_seed_reported_is_the_one_that_made_the_image() -> None:
    """Half of the pictures are flagged; wherever the seed is written, it is the one that was not."""
    values = {"model": "stable-diffusion-xl-lightning", "prompt": "a fox", "n": 8, "size": "256x256", "seed": 0}
    with wired(faults="flagged:0.5", seed=5) as wire:
        answer = wire.post("generations", values | {"output_format": "png"})
        seeds = [item["seed"] for item in answer.json()["data"]]
        images = wire.images(answer)
        again = [wire.images(wire.post("generations", values | {"n": 1, "seed": seed}))[0] for seed in seeds]
        keys = [item["url"].rsplit("/", 1)[1] for item in answer.json()["data"]]
    moved = [seed for seed in seeds if seed >= 8]
    assert moved
    assert len(set(seeds)) == len(seeds) == len(keys)
    assert set(seeds) <= set(range(16))
    moved_warnings = [warning for warning in answer.json()["warnings"] if "was flagged" in warning]
    assert moved_warnings == [
        f"the output for seed {seed - 8} was flagged; seed {seed} made this one" for seed in moved
    ]
    for seed, image, same in zip(seeds, images, again, strict=True):
        assert image.tobytes() == same.tobytes()
        assert f"Seed: {seed}," in image.info["parameters"]


def outcome(status: int, body: Any) -> str:
    """``image``, or the error's code when the envelope and the status belong together."""
    if status == 200:
        return "image" if len(body["data"][0]["b64_json"]) > 1000 else "nothing"
    code = body["error"]["code"]
    return str(code) if ERRORS[code].status == status else f"{code} with a wrong status"
