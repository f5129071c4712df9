"""Masked edits of 1024 x 1024 pixels within a Worker's 128 MB; and the errors without the Images binding."""

from __future__ import annotations

import io
import random
from typing import TYPE_CHECKING, Final

import httpx2
import pytest
from PIL import Image, ImageChops

from tests.blackbox.pictures import mask, opened
from tests.waiting import LONGEST
from tests.workerd import worker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.workerd import Worker

ROUNDS: Final = 10
MAX_HEAP: Final = 128 * 1024 * 1024
SIZE: Final = (1024, 1024)
FIELDS: Final = {"prompt": "a sheep", "model": "flux-2-klein-4b", "response_format": "b64_json"}


def photograph(kind: str) -> bytes:
    """Noise, which no format compresses much."""
    made, data = (
        Image.frombytes("RGB", (256, 256), random.Random(5).randbytes(3 * 256 * 256)).resize(SIZE),
        io.BytesIO(),
    )
    made.save(data, kind, **({"quality": 95} if kind == "JPEG" else {}))
    return data.getvalue()


@pytest.fixture
def painter(upstream: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    """A fresh Worker with the Images binding, which says how large its memory is."""
    log = tmp_path_factory.mktemp("workerd") / "log"
    address = f"http://{upstream}/client/v4/accounts/worker"
    with worker(address, log, "--main", "tests/worker/measured_main.py") as served:
        yield served


def edited(client: httpx2.Client, data: bytes, n: int = 1, size: tuple[int, int] = SIZE) -> httpx2.Response:
    files = {"image": ("a", data, "image/png"), "mask": ("b", mask(size), "image/png")}
    return client.post("/v1/images/edits", files=files, data=FIELDS | {"n": str(n)})


@pytest.mark.parametrize(("kind", "n"), [("PNG", 1), ("JPEG", 1), ("PNG", 4)])
def test_many_masked_edits_fit_into_a_worker(painter: Worker, kind: str, n: int) -> None:
    data = photograph(kind)
    before = opened(data)
    with httpx2.Client(base_url=painter.origin, timeout=LONGEST) as client:
        for _ in range(ROUNDS if n == 1 else 3):
            answer = edited(client, data, n)
            assert answer.status_code == 200, answer.text[:500]
            heap = int(client.get("/health").headers["x-wasm-heap"])
            assert heap < MAX_HEAP
    for item in answer.json()["data"]:
        after = opened(item["b64_json"])
        assert after.format == "PNG"
        if kind == "PNG":  # of a JPEG each decoder makes its own pixels, within one or two
            assert ImageChops.difference(before, after).crop((512, 0, *SIZE)).getbbox() is None


def test_the_largest_masked_edit_fits_too(painter: Worker) -> None:
    data = io.BytesIO()
    Image.linear_gradient("L").resize((2048, 2048)).convert("RGB").save(data, "PNG")
    with httpx2.Client(base_url=painter.origin, timeout=LONGEST) as client:
        answer = edited(client, data.getvalue(), size=(2048, 2048))
        assert answer.status_code == 200, answer.text[:500]
        assert int(client.get("/health").headers["x-wasm-heap"]) < MAX_HEAP


def test_without_the_binding_a_masked_edit_says_what_to_add(client: httpx2.Client) -> None:
    answer = edited(client, photograph("JPEG"))
    assert answer.status_code == 501
    error = answer.json()["error"]
    assert (error["code"], error["param"]) == ("not_supported_here", None)
    assert "Images binding" in error["message"]
    assert "IMAGES" in error["message"]
    data = io.BytesIO()
    Image.new("RGB", SIZE).save(data, "PNG")
    error = edited(client, data.getvalue()).json()["error"]
    assert (error["code"], error["param"]) == ("not_supported_here", "mask")
    assert "a masked edit needs the Images binding" in error["message"]
