"""A client, the gateway and the emulator, each on a real port."""

from __future__ import annotations

import base64
import io
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pytest
import requests
from PIL import Image

from cloudflare_image_mcp.rest.server import build_app
from cloudflare_image_mcp.settings import Settings
from tests.emulator.calling import emulating, holding, stats
from tests.live import serving, workers_ai_at
from tests.waiting import LONGEST

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator

UNLIMITED: Final = {"daily_neurons": 1e12, "requests_per_minute": 10**9}


@dataclass(frozen=True)
class Wire:
    """A gateway and the emulator behind it."""

    gateway: str
    emulator: str

    def post(self, task: str, values: dict[str, Any], files: dict[str, bytes] | None = None) -> requests.Response:
        """``task``: generations, edits or variations. With files, a form."""
        url = f"{self.gateway}/v1/images/{task}"
        if files is None:
            return requests.post(url, json=values, timeout=LONGEST)
        uploads = {name: (f"{name}.png", data, "image/png") for name, data in files.items()}
        return requests.post(url, data=values, files=uploads, timeout=LONGEST)

    def images(self, answer: requests.Response) -> list[Image.Image]:
        """The images of an answer, fetched where they came as URLs."""
        assert answer.status_code == 200, answer.text[:500]
        found: list[Image.Image] = []
        for item in answer.json()["data"]:
            if "b64_json" in item:
                data = base64.b64decode(item["b64_json"])
            else:
                data = requests.get(item["url"], timeout=LONGEST).content
            image = Image.open(io.BytesIO(data))
            image.load()
            found.append(image)
        return found

    def stats(self) -> Any:
        return stats(self.emulator)


@contextmanager
def wired(settings: dict[str, str] | None = None, **options: Any) -> Iterator[Wire]:
    """``settings`` of the gateway, ``options`` of the emulator."""
    with emulating(**UNLIMITED | options) as emulator, _wired_to(emulator, settings) as wire:
        yield wire


@contextmanager
def wired_and_held(settings: dict[str, str] | None = None) -> Iterator[tuple[Wire, threading.Event]]:
    """The models answer only while the event is set."""
    with holding(**UNLIMITED) as (emulator, released), _wired_to(emulator, settings) as wire:
        try:
            yield wire, released
        finally:
            released.set()


@contextmanager
def _wired_to(emulator: str, settings: dict[str, str] | None) -> Iterator[Wire]:
    environ = workers_ai_at(emulator, **(settings or {}))
    with serving(build_app(Settings.read(environ))) as gateway:
        yield Wire(gateway, emulator)


@pytest.fixture(scope="package")
def live() -> Iterator[Wire]:
    with wired() as wire:
        yield wire


@pytest.fixture(scope="package")
def documented() -> Iterator[Wire]:
    with wired(mode="documented") as wire:
        yield wire


@pytest.fixture
def source() -> bytes:
    """320 x 256 pixels of noise, in which every changed pixel shows."""
    file = io.BytesIO()
    Image.merge("RGB", [Image.effect_noise((320, 256), 80) for _ in range(3)]).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def mask() -> bytes:
    """Of the source's size: transparent, so to be repainted, in a box that starts at (96, 64) and is 128 x
    128.
    """
    image = Image.new("RGBA", (320, 256), "black")
    image.paste((0, 0, 0, 0), (96, 64, 224, 192))
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()
