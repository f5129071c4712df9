"""``IMAGE_CACHE`` in a Worker: the records of answers are in R2."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.worker.test_r2 import EXPIRY, clock, sweep

if TYPE_CHECKING:
    import httpx2

    from tests.workerd import Worker

__all__ = ["clock"]  # a fixture, which every test here uses


def ask(client: httpx2.Client, **fields: Any) -> tuple[str | None, dict[str, Any]]:
    """Makes an image: how the cache answered, and the answer."""
    headers = {"x-now": f"{fields.pop('now'):.6f}"} if "now" in fields else {}
    body = {"prompt": "a fox", "seed": 3, "model": "flux-2-klein-4b", "response_format": "url", **fields}
    answer = client.post("/v1/images/generations", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return answer.headers.get("x-image-cache"), found


def test_identical_requests_are_answered_from_the_bucket(edgy: Worker, client: httpx2.Client) -> None:
    before = set(edgy.objects())
    first, second = ask(client, prompt="a fox in R2"), ask(client, prompt="a fox in R2")
    assert (first[0], second[0]) == ("miss", "hit")
    assert first[1] == second[1]
    new = set(edgy.objects()) - before
    assert sorted(name.partition("/")[0] for name in new) == ["cache", "images"]
    file = client.get(first[1]["data"][0]["url"]).content
    for fields in ({"response_format": "b64_json"}, {"user": "somebody", "response_format": "b64_json"}):
        outcome, answer = ask(client, prompt="a fox in R2", **fields)
        assert outcome == "hit"
        assert base64.b64decode(answer["data"][0]["b64_json"]) == file
    assert ask(client, prompt="a fox in R2", seed=4)[0] == "miss"
    assert ask(client, prompt="a fox in R2", seed=None)[0] is None


def test_a_stream_is_answered_from_the_bucket(client: httpx2.Client) -> None:
    made = ask(client, prompt="a stream", response_format="b64_json")[1]
    body = {"prompt": "a stream", "seed": 3, "model": "flux-2-klein-4b", "stream": True}
    stream = client.post("/v1/images/generations", json=body)
    assert stream.headers["x-image-cache"] == "hit"
    event = next(line for line in stream.text.splitlines() if "b64_json" in line)
    assert json.loads(event.removeprefix("data: "))["b64_json"] == made["data"][0]["b64_json"]


def test_a_deleted_image_is_a_miss(client: httpx2.Client) -> None:
    made = ask(client, prompt="deleted")[1]
    name = made["data"][0]["url"].rsplit("/", 1)[1].partition(".")[0]
    assert client.delete(f"/v1/images/{name}").json()["deleted"]
    assert ask(client, prompt="deleted")[0] == "miss"
    assert ask(client, prompt="deleted")[0] == "hit"


def test_an_expired_image_is_a_miss_and_its_record_is_swept(edgy: Worker, client: httpx2.Client) -> None:
    ask(client, prompt="expired")
    records = {name: since for name, since in edgy.objects().items() if name.startswith("cache/")}
    assert records
    assert ask(client, prompt="expired", now=max(records.values()) + EXPIRY)[0] == "miss"
    sweep(client)
    # The record of that second answer is as old as its image, on the bucket's own clock.
    left = {name: since for name, since in edgy.objects().items() if name.startswith("cache/")}
    assert not {name for name, since in left.items() if records.get(name) == since}


@pytest.mark.parametrize("name", ["cache/notes.txt", "cache/0a0b", f"cache/more/{'0a' * 32}", f"cache/{'0a' * 32}.bak"])
def test_other_objects_beside_the_records_are_left_alone(edgy: Worker, client: httpx2.Client, name: str) -> None:
    client.get("/health", headers={"x-put": name})
    try:
        client.get("/health", headers={"x-now": f"{edgy.objects()[name] + EXPIRY:.6f}"})
        sweep(client)
        assert name in edgy.objects()
    finally:
        client.get("/health", headers={"x-delete": name})
