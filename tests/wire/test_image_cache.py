"""``IMAGE_CACHE``: identical requests with a seed are made once, over the REST API, on each kind of store."""

from __future__ import annotations

import base64
import io
import json
import logging
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import requests
from PIL import Image
from prometheus_client.parser import text_string_to_metric_families

from cloudflare_image_mcp.core.shared_run import SharedRun
from cloudflare_image_mcp.rest.server import build_app
from cloudflare_image_mcp.settings import Settings
from tests.emulator.calling import calls, emulating
from tests.live import serving, workers_ai_at
from tests.mcp_server.test_json_answers import call
from tests.mcp_server.test_owners import Caller
from tests.storage.conftest import S3Server, s3_server
from tests.waiting import LONGEST, wait_for
from tests.wire.conftest import Wire, wired, wired_and_held
from tests.wire.test_hanging_up import hang_up

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cloudflare_image_mcp.core.result import ImageResult

KLEIN = "flux-2-klein-4b"
ON = {"IMAGE_CACHE": "on"}
FIELDS: dict[str, Any] = {
    "prompt": "a red dot",
    "model": KLEIN,
    "size": "256x256",
    "seed": 7,
    "response_format": "b64_json",
}


__all__ = ["s3_server"]  # a fixture, found by its name


def outcome(answer: requests.Response) -> str | None:
    assert answer.status_code == 200, answer.text[:500]
    return answer.headers.get("x-image-cache")


def ask(origin: str, key: str = "", task: str = "generations", **fields: Any) -> requests.Response:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    body = {name: value for name, value in {**FIELDS, **fields}.items() if value is not None}
    return requests.post(f"{origin}/v1/images/{task}", json=body, headers=headers, timeout=LONGEST)


def images(answer: requests.Response) -> list[bytes]:
    return [
        base64.b64decode(item["b64_json"]) if "b64_json" in item else requests.get(item["url"], timeout=LONGEST).content
        for item in answer.json()["data"]
    ]


@pytest.fixture(params=["file", "memory", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "file":
        return (tmp_path / "images").as_uri()
    if request.param == "memory":
        return "memory:"
    server: S3Server = request.getfixturevalue("s3_server")
    for name, value in server.environ.items():
        monkeypatch.setenv(name, value)
    return f"s3://{server.new_bucket()}/images"


@pytest.fixture
def waiting(monkeypatch: pytest.MonkeyPatch) -> list[SharedRun]:
    """The run for which each request waits or has waited, be it one that leads or one that joined."""
    waiting: list[SharedRun] = []
    wait = SharedRun.wait

    async def noted(run: SharedRun) -> ImageResult:
        waiting.append(run)
        return await wait(run)

    monkeypatch.setattr(SharedRun, "wait", noted)
    return waiting


def test_identical_requests_are_made_once(store: str, waiting: list[SharedRun]) -> None:
    with wired_and_held({"IMAGE_STORAGE_URL": store, **ON}) as (wire, released):
        with ThreadPoolExecutor(20) as pool:
            first = pool.submit(ask, wire.gateway)
            wait_for(lambda: calls(wire.emulator), "the model was not called")
            others = [pool.submit(ask, wire.gateway) for _ in range(19)]
            wait_for(lambda: len(waiting) == 20, "they do not wait for one another")
            released.set()
            answers = [future.result() for future in (first, *others)]
        assert [outcome(answer) for answer in answers] == ["miss"] + ["joined"] * 19
        assert calls(wire.emulator) == 1
        assert len({images(answer)[0] for answer in answers}) == 1
        costs = sorted(float(answer.headers["x-image-neurons"]) for answer in answers)
        assert costs[:-1] == [0.0] * 19
        assert costs[-1] > 0
        hit = ask(wire.gateway)
        assert outcome(hit) == "hit"
        assert images(hit) == images(answers[0])
        assert hit.headers["x-image-neurons"] == "0.00"
        assert hit.json()["data"][0]["seed"] == 7
        as_url = ask(wire.gateway, response_format="url")
        assert outcome(as_url) == "hit"
        assert "url" in as_url.json()["data"][0]
        assert images(as_url) == images(hit)
        assert calls(wire.emulator) == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"prompt": "a blue dot"},
        {"seed": 8},
        {"size": "256x320"},
        {"model": "flux-2-klein-9b"},
        {"output_format": "png"},
        {"output_format": "webp", "output_compression": 50},
        {"n": 2},
        {"steps": 4},
        {"unknown_field": 1},
    ],
)
def test_another_request_is_a_miss(cached: Wire, fields: dict[str, Any]) -> None:
    ask(cached.gateway)
    assert outcome(ask(cached.gateway)) == "hit"
    assert outcome(ask(cached.gateway, **fields)) == "miss"
    again = ask(cached.gateway, **fields)
    assert outcome(again) == "hit"
    assert len(again.json()["data"]) == fields.get("n", 1)


@pytest.fixture(scope="module")
def cached() -> Iterator[Wire]:
    with wired(ON) as wire:
        yield wire


@pytest.mark.parametrize(
    "fields",
    [
        {"response_format": "url"},
        {"user": "somebody", "safety_identifier": "x"},
        {"model": f"@cf/black-forest-labs/{KLEIN}"},
        {"model": f"workers-ai/@cf/black-forest-labs/{KLEIN}"},
        {"size": None, "width": 256, "height": 256},
        {"seed": "7"},
        {"seed": None, "random_seed": 7},
        {"prompt": "a red dot --seed=7", "seed": None},
        {"prompt": "a red dot --size 256x256", "size": None},
        {"n": 1, "quality": "auto"},
    ],
)
def test_the_same_request_in_other_words_is_a_hit(cached: Wire, fields: dict[str, Any]) -> None:
    ask(cached.gateway)
    answer = ask(cached.gateway, **fields)
    assert outcome(answer) == "hit"
    assert answer.json().get("safety_identifier") == fields.get("safety_identifier")


def test_a_request_without_a_seed_is_always_made(cached: Wire) -> None:
    before = calls(cached.emulator)
    for seed in (None, None, -1):
        assert outcome(ask(cached.gateway, seed=seed)) is None
    assert calls(cached.emulator) == before + 3


def test_the_log_and_the_metrics_say_what_the_cache_did(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "cloudflare_image_mcp.logs")
    with wired(ON) as wire:
        for _ in range(3):
            ask(wire.gateway)
        ask(wire.gateway, seed=None)
        lines = [record.getMessage() for record in caplog.records if "POST" in record.getMessage()]
        found = [re.search(r" cache=(\w+)", line) for line in lines]
        assert [match and match[1] for match in found] == ["miss", "hit", "hit", None]
        assert [" neurons=" in line for line in lines] == [True, False, False, True]
        text = requests.get(f"{wire.gateway}/metrics", timeout=LONGEST).text
        samples = {
            (sample.name, sample.labels.get("outcome")): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name
            in {"image_cache_total", "images_total", "image_requests_total", "image_request_seconds_count"}
        }
        assert samples == {
            ("image_cache_total", "miss"): 1,
            ("image_cache_total", "hit"): 2,
            ("images_total", None): 2,
            ("image_requests_total", None): 4,
            ("image_request_seconds_count", None): 2,
        }


def test_the_cache_is_off_by_default() -> None:
    with wired() as wire:
        assert [outcome(ask(wire.gateway)) for _ in range(2)] == [None, None]
        assert calls(wire.emulator) == 2


def test_a_hit_has_the_first_answers_warnings_and_its_model(cached: Wire) -> None:
    fields: dict[str, Any] = {"prompt": "a green dot", "negative_prompt": "red", "unknown_field": 3}
    first, second = ask(cached.gateway, **fields), ask(cached.gateway, **fields)
    assert (outcome(first), outcome(second)) == ("miss", "hit")
    kept = ("created", "model", "requested_model", "warnings", "size", "output_format", "background", "data")
    assert {name: first.json().get(name) for name in kept} == {name: second.json().get(name) for name in kept}
    assert len(first.json()["warnings"]) == 2
    assert "cache" in second.headers["server-timing"]
    assert "backend" not in second.headers["server-timing"]


def test_an_enhanced_prompt_is_not_written_again(cached: Wire) -> None:
    first = ask(cached.gateway, prompt="a fox", enhance=True)
    made = calls(cached.emulator)
    second = ask(cached.gateway, prompt="a fox", enhance=True)
    assert (outcome(first), outcome(second)) == ("miss", "hit")
    assert first.json()["data"] == second.json()["data"]
    assert first.json()["data"][0]["revised_prompt"] != "a fox"
    assert calls(cached.emulator) == made
    assert outcome(ask(cached.gateway, prompt="a fox")) == "miss"


def test_a_fallbacks_answer_is_not_kept(tmp_path: Path) -> None:
    settings = {**ON, "FALLBACKS": json.dumps({KLEIN: ["local"]}), "IMAGE_STORAGE_URL": (tmp_path / "images").as_uri()}
    with wired(settings, faults="3007:1.0") as wire:
        first = ask(wire.gateway)
        assert (outcome(first), first.json()["model"]) == ("miss", "illustrator")
    with wired(settings) as wire:
        answers = [ask(wire.gateway) for _ in range(2)]
        assert [outcome(answer) for answer in answers] == ["miss", "hit"]
        assert "flux-2-klein-4b" in answers[0].json()["model"]
        assert "warnings" not in answers[1].json()


def test_a_prompt_that_could_not_be_enhanced_is_tried_again(tmp_path: Path) -> None:
    settings = {**ON, "IMAGE_STORAGE_URL": (tmp_path / "images").as_uri()}
    with wired(settings, faults="text-error:1.0") as wire:
        first = ask(wire.gateway, prompt="a fox", enhance=True)
        assert (outcome(first), first.json()["data"][0]["revised_prompt"]) == ("miss", "a fox")
    with wired(settings) as wire:
        again = ask(wire.gateway, prompt="a fox", enhance=True)
        assert outcome(again) == "miss"
        assert again.json()["data"][0]["revised_prompt"] != "a fox"


def test_a_background_that_could_not_be_removed_is_tried_again(tmp_path: Path) -> None:
    settings = {**ON, "IMAGE_STORAGE_URL": (tmp_path / "images").as_uri(), "CLOUDFLARE_CATALOGUE": "on"}
    with wired(settings, faults="provider-unknown:1.0") as wire:
        first = ask(wire.gateway, background="transparent")
        assert (outcome(first), first.json()["background"]) == ("miss", "opaque")
    with wired(settings) as wire:
        answers = [ask(wire.gateway, background="transparent") for _ in range(2)]
        assert [outcome(answer) for answer in answers] == ["miss", "hit"]
        assert answers[1].json()["background"] == "transparent"


def test_the_answer_of_the_model_that_makes_refused_edits_is_kept(cached: Wire, source: bytes) -> None:
    fields = {"prompt": "a cat", "seed": "5", "model": "stable-diffusion-xl-base-1.0"}
    answers = [cached.post("edits", fields, {"image": source}) for _ in range(2)]
    assert [outcome(answer) for answer in answers] == ["miss", "hit"]
    assert answers[0].json()["warnings"] == answers[1].json()["warnings"] != []


def test_an_edit_is_told_by_its_images_and_its_mask(cached: Wire, source: bytes, mask: bytes) -> None:
    fields = {"prompt": "a cat", "seed": "5", "model": KLEIN}
    image = Image.new("RGBA", (320, 256), "black")
    image.paste((0, 0, 0, 0), (0, 0, 64, 64))
    file = io.BytesIO()
    image.save(file, "PNG")
    other_mask = file.getvalue()

    def edit(**files: bytes) -> str | None:
        return outcome(cached.post("edits", fields, files))

    assert [edit(image=source, mask=mask), edit(image=source, mask=mask)] == ["miss", "hit"]
    assert edit(image=source, mask=other_mask) == "miss"
    assert edit(image=source) == "miss"
    assert edit(image=mask, mask=mask) == "miss"
    assert edit(image=source, mask=mask) == "hit"


def test_a_deleted_image_is_a_miss(store: str) -> None:
    with wired({"IMAGE_STORAGE_URL": store, **ON}) as wire:
        first = ask(wire.gateway, response_format="url", n=2)
        assert outcome(ask(wire.gateway, n=2)) == "hit"
        name = first.json()["data"][1]["url"].rsplit("/", 1)[1].partition(".")[0]
        assert requests.delete(f"{wire.gateway}/v1/images/{name}", timeout=LONGEST).json()["deleted"]
        again = ask(wire.gateway, response_format="url", n=2)
        assert outcome(again) == "miss"
        assert again.json()["data"] != first.json()["data"]
        assert outcome(ask(wire.gateway, response_format="url", n=2)) == "hit"


@contextmanager
def started(emulator: str, **settings: str) -> Iterator[str]:
    with serving(build_app(Settings.read(workers_ai_at(emulator, **ON, **settings)))) as origin:
        yield origin


def test_a_restarted_server_answers_from_the_store(tmp_path: Path) -> None:
    with emulating(daily_neurons=1e12) as emulator:
        with started(emulator, IMAGE_STORAGE_URL=tmp_path.as_uri()) as origin:
            first = ask(origin)
        with started(emulator, IMAGE_STORAGE_URL=tmp_path.as_uri()) as origin:
            second = ask(origin)
        assert (outcome(first), outcome(second)) == ("miss", "hit")
        assert images(first) == images(second)


def test_what_a_request_of_another_key_made_is_not_found() -> None:
    with emulating(daily_neurons=1e12) as emulator, started(emulator, API_KEYS="one,two") as origin:
        assert [outcome(ask(origin, key)) for key in ("one", "two", "one", "two")] == ["miss", "miss", "hit", "hit"]
        with ThreadPoolExecutor(2) as pool:
            both = pool.map(lambda key: outcome(ask(origin, key, prompt="at once")), ("one", "two"))
        assert list(both) == ["miss", "miss"]


def test_a_failure_is_not_kept() -> None:
    with wired(ON, faults="3007:1.0") as wire:
        assert ask(wire.gateway).status_code >= 400
        made = calls(wire.emulator)
        assert ask(wire.gateway).status_code >= 400
        assert calls(wire.emulator) == 2 * made


def test_a_client_that_hangs_up_does_not_cancel_those_that_joined(waiting: list[SharedRun]) -> None:
    with wired_and_held(ON) as (wire, released), ThreadPoolExecutor(1) as pool:
        hang_up(wire, FIELDS)
        joining = pool.submit(ask, wire.gateway)
        wait_for(lambda: len(waiting) == 2, "the request did not join")
        released.set()
        assert outcome(joining.result()) == "joined"
        assert calls(wire.emulator) == 1
        assert outcome(ask(wire.gateway)) == "hit"


def test_the_tools_of_mcp_share_the_cache(cached: Wire) -> None:
    def run_model(**fields: Any) -> dict[str, Any]:
        message = call(2, "run_model", **{"prompt": "a tool", "model": KLEIN, "size": "256x256", "seed": 7, **fields})
        result: dict[str, Any] = Caller(cached.gateway, "none").post(message).json()["result"]
        return result

    first, second = run_model(), run_model()
    structured = [result["structuredContent"] for result in (first, second)]
    assert [content["cache"] for content in structured] == ["miss", "hit"]
    assert structured[0]["images"] == structured[1]["images"]
    assert structured[1]["cost"] == {"neurons": 0, "usd": 0}
    assert structured[1]["job_id"] != structured[0]["job_id"]
    text = [part["text"] for result in (first, second) for part in result["content"] if part["type"] == "text"]
    assert ["another seed" in each for each in text] == [False, True]
    assert outcome(ask(cached.gateway, prompt="a tool")) == "hit"
    assert "cache" not in run_model(seed=None)["structuredContent"]


def test_a_conversation_is_answered_from_the_store(cached: Wire) -> None:
    body = {"model": KLEIN, "messages": [{"role": "user", "content": "a red dot --seed=7 --size=256x256"}]}

    def chat(**fields: Any) -> requests.Response:
        return requests.post(f"{cached.gateway}/v1/chat/completions", json={**body, **fields}, timeout=LONGEST)

    ask(cached.gateway)
    whole, stream = chat(), chat(stream=True)
    assert (outcome(whole), outcome(stream)) == ("hit", "hit")
    url = whole.json()["choices"][0]["message"]["images"][0]["image_url"]["url"]
    assert base64.b64decode(url.partition(",")[2]) == images(ask(cached.gateway))[0]
    assert url in stream.text


def test_jobs_and_streams_are_answered_from_the_store(cached: Wire) -> None:
    fields = {**FIELDS, "prompt": "a job"}
    path = f"{cached.gateway}/v1/images/generations"
    made = requests.post(path, json={**fields, "async": True}, timeout=LONGEST).json()
    job = f"{cached.gateway}/v1/images/jobs/{made['id']}"
    done = wait_for(
        lambda: (answer := requests.get(job, timeout=LONGEST)).json()["status"] == "completed" and answer, "no result"
    )
    assert outcome(done) == "miss"
    assert outcome(ask(cached.gateway, prompt="a job")) == "hit"
    again = requests.post(path, json=fields, headers={"Prefer": "respond-async, wait=30"}, timeout=LONGEST)
    assert outcome(again) == "hit"
    stream = requests.post(path, json={**fields, "stream": True}, timeout=LONGEST)
    assert outcome(stream) == "hit"
    event = next(line for line in stream.text.splitlines() if "b64_json" in line)
    assert base64.b64decode(json.loads(event.removeprefix("data: "))["b64_json"]) == images(again)[0]
