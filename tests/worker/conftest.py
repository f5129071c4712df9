"""One Worker for the tests of this folder, with low limits, over an upstream that answers at once."""

from __future__ import annotations

import base64
import io
import random
from typing import TYPE_CHECKING

import httpx2
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from tests.live import serving
from tests.waiting import LONGEST
from tests.workerd import worker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request

    from tests.workerd import Worker

IMAGE_BYTES = 3 * 1024 * 1024


def image() -> bytes:
    """A PNG of 1024 x 1024 pixels and a little more than ``IMAGE_BYTES``, most of them a chunk that nobody reads."""
    filler = PngInfo()
    filler.add(b"teSt", random.Random(0).randbytes(IMAGE_BYTES))
    file = io.BytesIO()
    Image.new("L", (1024, 1024)).save(file, "PNG", pnginfo=filler)
    return file.getvalue()


@pytest.fixture(scope="session")
def upstream() -> Iterator[str]:
    """``host:port`` of a Workers AI that gives the same image of 1024 x 1024 pixels whatever it is asked."""
    text = base64.b64encode(image())
    body = b'{"result":{"image":"' + text + b'"},"success":true,"errors":[],"messages":[]}'

    async def answer(request: Request) -> Response:
        await request.body()
        return Response(body, media_type="application/json", headers={"cf-ai-neurons": "172.80"})

    with serving(Starlette(routes=[Route("/{path:path}", answer, methods=["POST"])])) as origin:
        yield origin.removeprefix("http://")


@pytest.fixture(scope="session")
def edgy(upstream: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    """A Worker whose images are of 3 MiB, which has no Images binding, and does what ``measured_main.py`` says."""
    address = f"http://{upstream}/client/v4/accounts/worker"
    arguments = [
        "--var",
        "ALLOW_PRIVATE_IMAGE_URLS=on",
        "--var",
        "IMAGE_CACHE=on",
        "--without",
        "IMAGES",
        "--main",
        "tests/worker/measured_main.py",
    ]
    with worker(address, tmp_path_factory.mktemp("workerd") / "log", *arguments) as served:
        yield served


@pytest.fixture
def client(edgy: Worker) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=edgy.origin, timeout=LONGEST) as client:
        yield client
