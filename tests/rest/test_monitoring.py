"""/metrics, /ready and the line of each request: what they say is what happened."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from cloudflare_image_mcp.assembly import assemble
from cloudflare_image_mcp.rest.server import app_over, build_app
from cloudflare_image_mcp.settings import Settings
from tests.cli.commands import Home
from tests.emulator.calling import emulating
from tests.live import gateway, serving
from tests.mcp_server.backends import NoiseBackend
from tests.mcp_server.test_json_answers import call
from tests.mcp_server.test_owners import Caller
from tests.waiting import LONGEST, wait_for
from tests.wire.conftest import wired

if TYPE_CHECKING:
    from pathlib import Path

PROMPT: Final = "heliotrope zeppelin"
KLEIN: Final = "@cf/black-forest-labs/flux-2-klein-4b"
Samples = dict[str, dict[tuple[tuple[str, str], ...], float]]


def scraped(origin: str, key: str = "") -> Samples:
    """The samples of /metrics by name and labels, as Prometheus's own parser reads them."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    answer = requests.get(f"{origin}/metrics", headers=headers, timeout=LONGEST)
    assert answer.status_code == 200, answer.text
    found: Samples = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sorted(sample.labels.items()))] = sample.value
    return found


def total(samples: Samples, name: str, **labels: str) -> float:
    wanted = set(labels.items())
    return sum(value for key, value in samples.get(name, {}).items() if wanted <= set(key))


def body(**fields: Any) -> dict[str, Any]:
    return {"prompt": PROMPT, "size": "256x256", "response_format": "b64_json", **fields}


IMAGES: Final = "/v1/images/generations"
MIXED: Final[tuple[tuple[str, dict[str, Any], str], ...]] = (
    (IMAGES, body(), "generate"),
    (IMAGES, body(n=2, model="lucid-origin"), "generate"),
    (IMAGES, body(response_format="url"), "generate"),
    (IMAGES, body(stream=True), "generate"),
    (IMAGES, body(steps=99), "generate"),
    (IMAGES, body(model="no-such-model"), "generate"),
    (IMAGES, {}, "generate"),
    ("/v1/images/edits", body(), "edit"),
    ("/v1/chat/completions", {"messages": [{"role": "user", "content": f"{PROMPT} --size=256x256"}]}, "generate"),
    ("/v1/chat/completions", {"messages": []}, ""),
)
"""Requests as they come: path, body, and the operation that is counted."""


async def test_the_totals_are_what_500_mixed_requests_did() -> None:
    settings = Settings.read({"IMAGE_STORAGE_URL": "memory:"})
    statuses: Counter[tuple[int, int]] = Counter()
    with serving(app_over(assemble(settings, backend=NoiseBackend()), settings)) as origin:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=8)) as client:

            async def post(number: int) -> None:
                path, json, _ = MIXED[number % len(MIXED)]
                async with client.post(f"{origin}{path}", json=json) as answer:
                    await answer.read()
                    statuses[number % len(MIXED), answer.status] += 1

            await asyncio.gather(*map(post, range(500)))
        samples = scraped(origin)
    assert statuses.total() == 500
    assert list(statuses.values()) == [50] * len(MIXED)  # the same answer to the same request
    wanted: Counter[tuple[str, str]] = Counter()
    for (number, status), count in statuses.items():
        wanted[MIXED[number][2], str(status)] += count
    for (operation, answered), count in wanted.items():
        assert total(samples, "image_requests_total", operation=operation, status=answered) == count
    assert total(samples, "image_requests_total") == 500
    made = sum(count for (_, status), count in statuses.items() if status == 200)
    assert total(samples, "images_total") == made + 50  # 50 requests asked for two
    assert total(samples, "images_total", model="@cf/leonardo/lucid-origin", backend="noise") == 100
    assert total(samples, "image_request_seconds_count") == made
    assert total(samples, "image_request_seconds_bucket", le="+Inf") == made
    assert total(samples, "images_in_flight") == 0
    assert total(samples, "image_store_bytes_total") > 50 * 10_000


def test_calls_retries_and_costs_of_workers_ai_are_counted() -> None:
    with wired(faults="3040:0.4") as wire:
        sent = [wire.post("generations", body(model=KLEIN)) for _ in range(12)]
        samples, stats = scraped(wire.gateway), wire.stats()
    made = [answer for answer in sent if answer.status_code == 200]
    calls = stats["accounts"]["demo"]["calls"]
    assert total(samples, "image_upstream_calls_total", account="demo", model=KLEIN) == calls
    assert total(samples, "image_upstream_calls_total", code="") == len(made)
    assert total(samples, "image_upstream_calls_total", code="3040") == stats["faults"]["3040"]
    assert total(samples, "image_upstream_retries_total", code="3040") > 0
    neurons = sum(float(answer.headers["x-image-neurons"]) for answer in made)
    assert total(samples, "image_neurons_total", model=KLEIN, backend="workers-ai") == pytest.approx(neurons, abs=0.1)
    assert total(samples, "image_usd_total") == pytest.approx(neurons * 0.011 / 1000, rel=0.01)


def test_metrics_want_an_admin_key_unless_they_are_open(tmp_path: Path) -> None:
    file = str(tmp_path / "keys.toml")
    added = Home(tmp_path).set(API_KEYS_FILE=file).run("keys", "add", "boss", "--admin")
    admin = added.stdout.decode().strip()
    environ = {"API_KEYS": "key B", "API_KEYS_FILE": file}
    with gateway(tmp_path / "images", **environ) as origin:
        made = requests.post(
            f"{origin}{IMAGES}", json=body(), headers={"Authorization": "Bearer key B"}, timeout=LONGEST
        )
        assert made.status_code == 200
        refused = requests.get(f"{origin}/metrics", headers={"Authorization": "Bearer key B"}, timeout=LONGEST)
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "not_allowed")
        assert requests.get(f"{origin}/metrics", timeout=LONGEST).status_code == 401
        assert total(scraped(origin, admin), "images_total", model="@cf/black-forest-labs/flux-1-schnell") == 1
        assert requests.get(f"{origin}/ready", timeout=LONGEST).json() == {"status": "ready"}
    with gateway(tmp_path / "images", METRICS_OPEN="on", **environ) as origin:
        assert total(scraped(origin), "image_requests_total") == 0


def test_over_mcp_they_are_counted_with_the_key(tmp_path: Path) -> None:
    settings = Settings.read({"IMAGE_STORAGE_URL": "memory:", "API_KEYS": "key A", "METRICS_OPEN": "on"})
    with serving(app_over(assemble(settings, backend=NoiseBackend()), settings)) as origin:
        caller = Caller(origin, "key A")
        caller.post(call(2, "run_model", prompt=PROMPT, size="256x256"))
        caller.post(call(3, "run_model", prompt=PROMPT, size="256x256", steps=99))
        samples = scraped(origin)
    assert total(samples, "image_requests_total", status="200") == 1
    assert total(samples, "image_requests_total", status="400") == 1
    (labels,) = samples["images_total"]
    assert dict(labels)["key"].startswith("api-keys-")


def test_a_job_is_counted_when_it_ends() -> None:
    settings = Settings.read({"IMAGE_STORAGE_URL": "memory:"})
    with serving(app_over(assemble(settings, backend=NoiseBackend()), settings)) as origin:
        started = requests.post(f"{origin}{IMAGES}", json=body(**{"async": True}), timeout=LONGEST)
        assert started.status_code == 202
        wait_for(lambda: total(scraped(origin), "image_requests_total", status="200") == 1, "it is not counted")
        assert total(scraped(origin), "image_requests_total") == 1


def test_a_server_without_a_store_or_an_account_is_not_ready(tmp_path: Path) -> None:
    images = tmp_path / "images"
    with gateway(images) as origin:
        shutil.rmtree(images)
        images.write_bytes(b"")
        answer = requests.get(f"{origin}/ready", timeout=LONGEST)
        assert (answer.status_code, answer.json()["status"]) == (503, "not ready")
        assert "store" in answer.json()["problems"][0]
        assert requests.get(f"{origin}/health", timeout=LONGEST).status_code == 200
    with wired(daily_neurons=1) as wire:
        assert requests.get(f"{wire.gateway}/ready", timeout=LONGEST).status_code == 200
        assert [wire.post("generations", body(model=KLEIN)).status_code for _ in range(2)][-1] == 429
        answer = requests.get(f"{wire.gateway}/ready", timeout=LONGEST)
        assert (answer.status_code, answer.json()["problems"]) == (503, ["every account of Workers AI rests"])


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [record.request_fields for record in caplog.records if hasattr(record, "request_fields")]


@pytest.mark.parametrize("prompts", ["off", "on"])
def test_each_request_is_one_line_with_the_prompt_only_where_it_is_wanted(
    prompts: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "cloudflare_image_mcp")
    with emulating(daily_neurons=1e12) as emulator:
        account = {"CLOUDFLARE_ACCOUNT_ID": "demo", "CLOUDFLARE_API_TOKEN": "demo"}
        environ = {"CLOUDFLARE_API_BASE_URL": f"{emulator}/client/v4", "API_KEYS": "key A", "LOG_PROMPTS": prompts}
        stored = {"IMAGE_STORAGE_URL": "memory:", "NEURON_LEDGER_URL": "memory:"}
        with serving(build_app(Settings.read(environ | account | stored))) as origin:
            headers = {"Authorization": "Bearer key A"}
            for fields in (body(model=KLEIN), body(n=99), body(model=KLEIN, stream=True)):
                requests.post(f"{origin}{IMAGES}", json=fields, headers=headers, timeout=LONGEST)
            requests.get(f"{origin}/v1/models", timeout=LONGEST)
            Caller(origin, "key A").post(call(2, "run_model", prompt=PROMPT, model=KLEIN, size="256x256"))
    logged = lines(caplog)
    made, streamed = (line for line in logged if line.get("path") == IMAGES and line["status"] == 200)
    for line in made, streamed:
        assert (line["operation"], line["model"], line["images"]) == ("generate", KLEIN, 1)
        assert line["neurons"] == pytest.approx(6.51)
        assert line["key"].startswith("api-keys-")
        assert line["milliseconds"] > 0
        assert line.get("prompt") == (PROMPT if prompts == "on" else None)
    assert [line["status"] for line in logged if line.get("path") == IMAGES].count(400) == 1
    assert [(line["status"], line["method"]) for line in logged if line.get("path") == "/v1/models"] == [(401, "GET")]
    assert [line["images"] for line in logged if "operation" in line and "path" not in line] == [1]  # over MCP
    assert (PROMPT in caplog.text) is (prompts == "on")
