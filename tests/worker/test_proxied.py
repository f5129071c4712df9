"""Other providers' models in a Worker, through the AI binding."""

from __future__ import annotations

import base64
import io
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from PIL import Image

from cloudflare_image_mcp.emulator.text_models import ADDED
from tests.emulator.calling import emulating
from tests.waiting import LONGEST
from tests.workerd import worker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.workerd import Worker


@contextmanager
def proxied(log: Path, **options: Any) -> Iterator[Worker]:
    with emulating(**options) as emulator:
        settings = {"CLOUDFLARE_CATALOGUE": "on", "CLOUDFLARE_API_BASE_URL": f"{emulator}/client/v4"}
        arguments = [text for name, value in settings.items() for text in ("--var", f"{name}={value}")]
        with worker(f"{emulator}/client/v4/accounts/worker", log, *arguments) as served:
            yield served


def generate(served: Worker, model: str, **values: Any) -> httpx2.Response:
    request = {"model": model, "prompt": "a fox", "response_format": "b64_json"} | values
    return httpx2.post(f"{served.origin}/v1/images/generations", json=request, timeout=LONGEST)


def image_of(answer: httpx2.Response) -> Image.Image:
    assert answer.status_code == 200, answer.text[:500]
    return Image.open(io.BytesIO(base64.b64decode(answer.json()["data"][0]["b64_json"])))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    with proxied(tmp_path_factory.mktemp("workerd") / "log") as served:
        yield served


@pytest.mark.parametrize("model", ["recraft/recraftv4", "google/nano-banana-2", "bytedance/seedream-5-lite"])
def test_an_odd_size_is_delivered_to_the_pixel(served: Worker, model: str) -> None:
    answer = generate(served, model, size="821x573")
    assert image_of(answer).size == (821, 573)
    assert answer.headers["x-image-model"] == model


def test_the_price_and_the_default_size(served: Worker) -> None:
    answer = generate(served, "recraft/recraftv4")
    assert image_of(answer).size == (1024, 1024)
    assert answer.headers["x-image-usd"] == "0.04"
    assert answer.json()["usage"]["cost"] == 0.04
    assert answer.headers["cf-aig-log-id"] == "emulated"


def test_an_edit(served: Worker) -> None:
    file = io.BytesIO()
    Image.new("RGB", (320, 256), "teal").save(file, "PNG")
    answer = httpx2.post(
        f"{served.origin}/v1/images/edits",
        data={"prompt": "make it red", "model": "openai/gpt-image-2", "response_format": "b64_json"},
        files={"image": ("image.png", file.getvalue(), "image/png")},
        timeout=LONGEST,
    )
    assert image_of(answer).size == (320, 256)


def test_a_transparent_background(served: Worker) -> None:
    answer = generate(served, "recraft/recraftv4", background="transparent", size="320x256")
    image = image_of(answer)
    assert image.size == (320, 256)
    assert image.getchannel("A").getextrema() == (0, 255)
    assert answer.headers["x-image-usd"] == "0.058"


def test_a_text_model_writes_the_prompt(served: Worker) -> None:
    answer = generate(served, "recraft/recraftv4", enhance=True, size="320x256")
    assert image_of(answer).size == (320, 256)
    assert answer.json()["data"][0]["revised_prompt"] == f"a fox{ADDED}"


def test_a_refused_prompt(served: Worker) -> None:
    answer = generate(served, "openai/gpt-image-2", prompt="gore")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "content_policy_violation")


def test_failures(tmp_path: Path) -> None:
    """Each of the faults comes in an order that is always the same."""
    with proxied(tmp_path / "log", faults="expired:0.25,loopback:0.25,2009:0.25,no-credit:0.25", seed=1) as served:
        answers = [generate(served, "recraft/recraftv4", size="256x256") for _ in range(8)]
    found = {(answer.status_code, answer.json()["error"]["code"]) for answer in answers}
    assert found == {
        (502, "upstream_error"),
        (502, "upstream_authentication_error"),
        (429, "insufficient_quota"),
    }
    messages = " ".join(answer.json()["error"]["message"] for answer in answers)
    assert "its URL has expired" in messages
    assert "not a public one" in messages
