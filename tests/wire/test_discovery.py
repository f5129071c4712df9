"""Models that are newer than the release: added to the account's catalogue, they work after the next reading of it."""

from __future__ import annotations

import asyncio
import json
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import requests

from cloudflare_image_mcp.assembly import Assembly, assemble
from cloudflare_image_mcp.backends.workers_ai import discovery
from cloudflare_image_mcp.backends.workers_ai.discovery import Discovery, DiscoveryError
from cloudflare_image_mcp.catalog import proxied_models
from cloudflare_image_mcp.emulator import EmulatorOptions, make_server
from cloudflare_image_mcp.rest.server import app_over
from cloudflare_image_mcp.settings import Settings
from tests.emulator.calling import emulating
from tests.live import running, serving, workers_ai_at
from tests.waiting import LONGEST, wait_for
from tests.wire.conftest import Wire

if TYPE_CHECKING:
    from collections.abc import Iterator

NEW = "acme/brush-9"
SCHEMA = {
    "input": {
        "type": "object",
        "properties": {
            "prompt": {"type": "string"},
            "aspect_ratio": {"type": "string", "enum": ["auto", "1:1", "16:9", "3:2"]},
            "resolution": {"type": "string", "enum": ["1K", "2K"]},
            "image_input": {"type": "array", "items": {"type": "string"}, "maxItems": 2},
            "output_format": {"type": "string", "enum": ["jpg", "png"]},
            "seed": {"type": "integer", "minimum": 0, "maximum": 1000},
            "watermark": {"type": "boolean"},
        },
        "required": ["prompt", "watermark"],
        "additionalProperties": False,
    },
    "name": "Brush 9",
}


@contextmanager
def reading(**settings: str) -> Iterator[tuple[Wire, Assembly]]:
    """A gateway whose catalogue is on, and what it is made of."""
    with emulating(daily_neurons=1e12, requests_per_minute=10**9) as emulator:
        read = Settings.read(workers_ai_at(emulator, CLOUDFLARE_CATALOGUE="on") | settings)
        assembly = assemble(read)
        with serving(app_over(assembly, read)) as origin:
            yield Wire(origin, emulator), assembly


def refresh(assembly: Assembly) -> dict[str, Any]:
    assert isinstance(assembly.discovery, Discovery)
    return dict(asyncio.run(assembly.discovery.refresh()))


def add(wire: Wire, model: str, schema: Any) -> None:
    answer = requests.put(f"{wire.emulator}/emulator/models/{model}", data=json.dumps(schema), timeout=LONGEST)
    assert answer.status_code == 200, answer.text


def test_a_new_model_works_after_the_next_reading_without_a_restart(source: bytes) -> None:
    values = {"model": "brush-9", "prompt": "a fox", "response_format": "b64_json"}
    with reading() as (wire, assembly):
        assert wire.post("generations", values).status_code == 404
        add(wire, NEW, SCHEMA)
        assert list(refresh(assembly)) == [NEW]
        rows = {row["id"]: row for row in requests.get(f"{wire.gateway}/v1/models", timeout=LONGEST).json()["data"]}
        answer = wire.post(
            "generations", values | {"size": "821x573", "seed": 7, "guidance": 3, "output_format": "png"}
        )
        edited = wire.post("edits", values, {"image": source})
        assert [image.size for image in wire.images(answer)] == [(821, 573)]
        assert [image.size for image in wire.images(edited)] == [(320, 256)]
    assert rows[NEW]["tasks"] == ["generate", "edit", "vary"]
    assert answer.headers["x-image-model"] == NEW
    assert answer.json()["data"][0]["seed"] == 7
    assert "guidance is not supported by brush-9 and was ignored" in answer.json()["warnings"]


def wait_until_offered(wire: Wire, model: str) -> None:
    def is_offered() -> bool:
        rows = requests.get(f"{wire.gateway}/v1/models", timeout=LONGEST).json()["data"]
        return model in {row["id"] for row in rows}

    wait_for(is_offered, f"{model} is not offered")


def test_the_running_gateway_reads_again_after_its_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two models, the second added once the first was found: no reading but those of the gateway itself."""
    monkeypatch.setattr(discovery, "KEPT", 0.1)
    with reading() as (wire, _):
        for model in (NEW, "acme/brush-10"):
            add(wire, model, SCHEMA)
            wait_until_offered(wire, model)
        made = wire.post("generations", {"model": "brush-10", "prompt": "a fox", "response_format": "b64_json"})
        assert made.status_code == 200, made.text


def test_the_running_gateway_reads_again_after_a_failure(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(discovery, "AFTER_FAILURE", 0.1)
    later = make_server(EmulatorOptions())
    with socket.create_server(("127.0.0.1", 0)) as free:
        later.config.port = free.getsockname()[1]
    with reading(CLOUDFLARE_API_BASE_URL=f"http://127.0.0.1:{later.config.port}/client/v4") as (wire, _):
        failure = "the account's catalogue cannot be read: cannot be reached"
        wait_for(lambda: failure in caplog.text, "no failure was logged")
        with running(later) as emulator:
            add(Wire(wire.gateway, emulator), NEW, SCHEMA)
            wait_until_offered(wire, NEW)


def test_a_model_that_is_gone_is_offered_no_more_and_others_are_left_out() -> None:
    with reading(CLOUDFLARE_CATALOGUE_MODELS="acme/*") as (wire, assembly):
        add(wire, NEW, SCHEMA)
        add(wire, "acme/wants-a-voice", {"input": {"properties": {"voice": {"type": "object"}}, "required": ["voice"]}})
        add(wire, "acme/film", SCHEMA | {"task": "Text-to-Video"})
        add(wire, "other/brush", SCHEMA)
        assert list(refresh(assembly)) == [NEW]
        listed = requests.get(f"{wire.gateway}/v1/models", timeout=LONGEST).json()["data"]
    assert [row["id"] for row in listed if not row["id"].startswith("@cf/") and "/" in row["id"]] == [NEW]


def test_a_catalogue_that_cannot_be_read_leaves_the_models_as_they_were() -> None:
    with reading(CLOUDFLARE_API_TOKEN="wrong") as (wire, assembly):
        with pytest.raises(DiscoveryError, match=r"HTTP 40[13]"):
            refresh(assembly)
        listed = requests.get(f"{wire.gateway}/v1/models", timeout=LONGEST).json()["data"]
    assert set(proxied_models()) <= {row["id"] for row in listed}
