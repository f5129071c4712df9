"""Jobs over REST: started by a header or a field, described, followed, cancelled and listed, over a real server."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from cloudflare_image_mcp.rest.server import build_app
from cloudflare_image_mcp.settings import Settings
from tests.decoding import decoded
from tests.emulator.calling import calls, holding
from tests.live import gateway, serving, workers_ai_at
from tests.rest import pictures
from tests.waiting import LONGEST, wait_for

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator
    from pathlib import Path

RESPOND_ASYNC = {"Prefer": "respond-async"}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx2.Client]:
    with (
        gateway(tmp_path_factory.mktemp("jobs")) as origin,
        httpx2.Client(base_url=origin, timeout=LONGEST) as client,
    ):
        yield client


def fields(**more: Any) -> dict[str, Any]:
    return {"prompt": "a red fox", "size": "256x256", "seed": 3, **more}


def started(client: httpx2.Client, path: str = "generations", **more: Any) -> httpx2.Response:
    answer = client.post(f"/v1/images/{path}", json=fields(**{"async": True, **more}))
    assert answer.status_code == 202, answer.text
    return answer


def ended(client: httpx2.Client, path: str) -> dict[str, Any]:
    def job_that_ended() -> dict[str, Any] | None:
        job: dict[str, Any] = client.get(path).json()
        return None if job["status"] == "running" else job

    job = wait_for(job_that_ended, f"{path} does not end")
    assert job is not None
    return job


def without_place(answer: dict[str, Any]) -> dict[str, Any]:
    """What does not differ between two answers to the same request: the metadata of an image holds its time."""
    rows = [
        {
            name: decoded(value).tobytes() if name == "b64_json" else value
            for name, value in row.items()
            if name != "url"
        }
        for row in answer["data"]
    ]
    return {**answer, "created": 0, "data": rows}


@pytest.mark.parametrize("response_format", ["url", "b64_json"])
@pytest.mark.parametrize("how", ["header", "field"])
def test_a_job_s_result_is_the_synchronous_answer(client: httpx2.Client, how: str, response_format: str) -> None:
    body = fields(n=2, response_format=response_format, unknown=1)
    at_once = client.post("/v1/images/generations", json=body)
    if how == "header":
        answer = client.post("/v1/images/generations", json=body, headers=RESPOND_ASYNC)
        assert answer.headers["preference-applied"] == "respond-async"
    else:
        answer = client.post("/v1/images/generations", json={**body, "async": True})
        assert "preference-applied" not in answer.headers
    job = answer.json()
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/v1/images/jobs/{job['id']}"
    assert job["object"] == "image.job"
    assert job["status"] in ("running", "completed")
    done = ended(client, answer.headers["location"])
    assert (done["status"], done["progress"], done["created_at"]) == ("completed", 100, job["created_at"])
    assert done["expires_at"] >= done["created_at"] + 3600
    assert "error" not in done
    assert without_place(done["result"]) == without_place(at_once.json())
    if response_format == "url":
        assert client.get(done["result"]["data"][0]["url"]).status_code == 200


def test_a_form_starts_a_job_too(client: httpx2.Client) -> None:
    files = {"image": ("a.png", pictures.picture(256, 256))}
    for path in ("edits", "variations"):
        data = {"prompt": "make it blue", "async": "true", "response_format": "url"}
        answer = client.post(f"/v1/images/{path}", data=data, files=files)
        assert answer.status_code == 202, answer.text
        job = ended(client, answer.headers["location"])
        assert job["operation"] == ("edit" if path == "edits" else "vary")
        assert job["result"]["data"][0]["url"]


def test_a_preferred_wait_brings_the_images_at_once_when_they_are_made_in_time(client: httpx2.Client) -> None:
    headers = {"Prefer": 'respond-async; x="1", wait=50, odd=,'}
    answer = client.post("/v1/images/generations", json=fields(), headers=headers)
    assert answer.status_code == 200
    assert answer.json()["data"][0]["url"]
    refused = client.post("/v1/images/generations", json=fields(steps=99), headers=headers)
    assert refused.status_code == 400


@pytest.mark.parametrize(
    ("more", "param"), [({"steps": 99}, "steps"), ({"stream": True}, "stream"), ({"async": "maybe"}, "async")]
)
def test_a_wrong_request_is_refused_before_there_is_a_job(
    client: httpx2.Client, more: dict[str, Any], param: str
) -> None:
    answer = client.post("/v1/images/generations", json=fields(**{"async": True, **more}))
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


def test_a_stream_is_streamed_whatever_the_client_prefers(client: httpx2.Client) -> None:
    answer = client.post("/v1/images/generations", json=fields(stream=True), headers=RESPOND_ASYNC)
    assert answer.headers["content-type"].startswith("text/event-stream")


def events_of(client: httpx2.Client, path: str) -> list[tuple[str, str]]:
    text = client.get(f"{path}/events").text
    blocks = [block.split("\n") for block in text.strip().split("\n\n") if not block.startswith(":")]
    assert blocks[-1] == ["data: [DONE]"]
    return [(name.removeprefix("event: "), data.removeprefix("data: ")) for name, data in blocks[:-1]]


def test_events_end_with_the_result(client: httpx2.Client) -> None:
    path = started(client, n=2).headers["location"]
    *running, (name, data) = events_of(client, path)
    assert {name for name, _ in running} <= {"image.job.running"}
    assert name == "image.job.completed"
    assert json.loads(data) == client.get(path).json()
    assert [name for name, _ in events_of(client, path)] == ["image.job.completed"]


def test_jobs_are_listed_the_newest_first_page_by_page(client: httpx2.Client) -> None:
    ids = [started(client).json()["id"] for _ in range(3)]
    first = client.get("/v1/images/jobs?limit=2").json()
    assert [job["id"] for job in first["data"]] == ids[:0:-1]
    assert first["has_more"]
    assert "result" not in first["data"][0]
    second = client.get(f"/v1/images/jobs?limit=1&after={first['last_id']}").json()
    assert [job["id"] for job in second["data"]] == ids[:1]
    for query in ("limit=0", "after=nothing"):
        refused = client.get(f"/v1/images/jobs?{query}")
        assert (refused.status_code, refused.json()["error"]["param"]) == (400, query.split("=")[0])


def test_an_unknown_job_is_not_found(client: httpx2.Client) -> None:
    for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/events")):
        answer = client.request(method, f"/v1/images/jobs/none{path}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


def test_an_image_that_is_no_longer_stored_is_not_found(client: httpx2.Client) -> None:
    path = started(client).headers["location"]
    url = ended(client, path)["result"]["data"][0]["url"]
    assert client.delete(f"/v1/images/{url.rsplit('/', 1)[1]}").json()["deleted"]
    assert client.get(path).json()["status"] == "completed"


def test_a_conversation_says_that_it_starts_no_job(client: httpx2.Client) -> None:
    body = {"messages": [{"role": "user", "content": "a fox"}], "async": True, "size": "256x256"}
    answer = client.post("/v1/chat/completions", json=body)
    assert answer.status_code == 200
    assert any("async was ignored" in warning for warning in answer.json()["warnings"])


@dataclass(frozen=True)
class Held:
    """A gateway with the keys A and B over models that answer only while ``released`` is set."""

    client: httpx2.Client
    emulator: str
    released: threading.Event


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Held]:
    settings = {"IMAGE_STORAGE_URL": tmp_path.as_uri(), "API_KEYS": "A,B"}
    with (
        holding() as (emulator, released),
        serving(build_app(Settings.read(workers_ai_at(emulator, **settings)))) as origin,
        httpx2.Client(base_url=origin, timeout=LONGEST, headers={"Authorization": "Bearer A"}) as client,
    ):
        try:
            yield Held(client, emulator, released)
        finally:
            released.set()


def test_a_cancelled_job_stores_what_was_paid_for(held: Held) -> None:
    begun = started(held.client, prompt="a paid fox")
    path = begun.headers["location"]
    assert begun.json()["status"] == "running"
    wait_for(lambda: calls(held.emulator), "the model was not called")
    cancelled = held.client.delete(path).json()
    assert (cancelled["status"], cancelled["progress"]) == ("cancelled", 0)
    assert held.client.delete(path).json()["status"] == "cancelled"
    assert "images" not in cancelled
    held.released.set()
    (image,) = wait_for(lambda: held.client.get(path).json().get("images"), "the image was lost")
    assert held.client.get(path).json()["status"] == "cancelled"
    (stored,) = held.client.get("/v1/images?q=paid").json()["data"]
    assert image["url"] == stored["url"]


def test_one_key_s_jobs_are_not_another_s(held: Held) -> None:
    client = held.client
    path = started(client).headers["location"]
    other = {"Authorization": "Bearer B"}
    for method, tail in (("GET", ""), ("DELETE", ""), ("GET", "/events")):
        assert client.request(method, f"{path}{tail}", headers=other).status_code == 404
    assert client.get("/v1/images/jobs", headers=other).json()["data"] == []
    assert client.get("/v1/images/jobs", headers={"Authorization": ""}).status_code == 401
    held.released.set()
    assert ended(client, path)["status"] == "completed"
