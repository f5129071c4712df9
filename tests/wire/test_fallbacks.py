"""Fallbacks and aliases over the wire: requests under faults, none of which is lost, and the operator's names."""

from __future__ import annotations

import asyncio
import json
from collections import Counter

import aiohttp
import requests

from tests.waiting import LONGEST
from tests.wire.conftest import wired

MODEL = "stable-diffusion-xl-lightning"
CHAIN = {"FALLBACKS": json.dumps({MODEL: ["stable-diffusion-xl-base-1.0", "local"]})}
FAULTS = "3042:0.3,5035:0.2,3041:0.2"
"""Faults without a retry on the same account: they are what moves on."""
REQUESTS = 60


def test_the_operators_names_are_listed_and_answer() -> None:
    with wired({"MODEL_ALIASES": '{"poster": "stable-diffusion-xl-lightning"}'}) as wire:
        row = requests.get(f"{wire.gateway}/v1/models/poster", timeout=LONGEST).json()
        listed = requests.get(f"{wire.gateway}/v1/models", timeout=LONGEST).json()["data"]
        answer = wire.post("generations", {"model": "Poster", "prompt": "a fox", "size": "256x256"})
    assert row == listed[-1]
    assert (row["id"], row["alias_of"]) == ("poster", "@cf/bytedance/stable-diffusion-xl-lightning")
    assert answer.headers["x-image-model"] == "@cf/bytedance/stable-diffusion-xl-lightning"


async def test_no_request_is_lost_and_each_answer_says_what_ran() -> None:
    ran: Counter[str] = Counter()
    with wired(CHAIN, faults=FAULTS, seed=4) as wire:
        url = f"{wire.gateway}/v1/images/generations"

        async def several(session: aiohttp.ClientSession, numbers: range) -> None:
            for number in numbers:
                values = {"model": MODEL, "prompt": "a fox", "size": "256x256", "seed": number}
                async with session.post(url, json=values | {"response_format": "b64_json"}) as response:
                    body = await response.json()
                    assert response.status == 200, body
                    maker = response.headers["x-image-model"]
                    fallback_warnings = [text for text in body.get("warnings", ()) if text.endswith("made this one")]
                    assert body["model"] == maker
                    assert bool(fallback_warnings) == (MODEL not in maker)
                    assert all(f"; {maker.rsplit('/', 1)[-1]} made this one" in text for text in fallback_warnings)
                    assert (response.headers["x-image-backend"] == "local") == (maker == "illustrator")
                    ran[maker] += 1

        async with aiohttp.ClientSession() as session:
            await asyncio.gather(*[several(session, range(start, REQUESTS, 4)) for start in range(4)])
    assert sum(ran.values()) == REQUESTS
    assert len(ran) == 3, ran


def test_a_refused_prompt_never_moves_on() -> None:
    with wired(CHAIN, faults="3030-nsfw:1") as wire:
        answer = wire.post("generations", {"model": MODEL, "prompt": "a fox"})
        stats = wire.stats()
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "content_policy_violation")
    assert sum(stats["faults"].values()) == 1
