"""The gateway on both runtimes (CPython, Worker), each a real server over the same emulated Workers AI."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx2
import pytest
from openai import OpenAI

from cloudflare_image_mcp.emulator.app import create_app
from cloudflare_image_mcp.emulator.emulator import Emulator, EmulatorOptions
from cloudflare_image_mcp.settings import Settings
from tests.live import serving
from tests.waiting import LONGEST
from tests.workerd import worker

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = "a black-box key"
OTHER_KEY = "another black-box key"


@pytest.fixture(scope="session")
def upstream() -> Iterator[str]:
    """Workers AI as emulated, up to and with its version: ``…/client/v4``."""
    options = EmulatorOptions(daily_neurons=1e9, requests_per_minute=100_000)
    with serving(create_app(Emulator(options))) as origin:
        yield f"{origin}/client/v4"


@dataclass(frozen=True)
class Home:
    """A runtime of the gateway."""

    name: str
    origin: str


@pytest.fixture(scope="session", params=["uvicorn", "workerd"])
def home(request: pytest.FixtureRequest, upstream: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    if request.param == "workerd":
        log = tmp_path_factory.mktemp("workerd") / "log"
        with worker(f"{upstream}/accounts/blackbox", log, "--var", f"API_KEYS={KEY},{OTHER_KEY}") as served:
            yield Home("workerd", served.origin)
        return
    environ = {
        "CLOUDFLARE_ACCOUNT_ID": "blackbox",
        "CLOUDFLARE_API_TOKEN": "a-token",
        "CLOUDFLARE_API_BASE_URL": upstream,
        "IMAGE_STORAGE_URL": "memory:",
        "NEURON_LEDGER_URL": "memory:",
        "API_KEYS": f"{KEY},{OTHER_KEY}",
    }
    from cloudflare_image_mcp.rest.server import build_app

    with serving(build_app(Settings.read(environ))) as origin:
        yield Home("uvicorn", origin)


@pytest.fixture
def client(home: Home) -> Iterator[httpx2.Client]:
    headers = {"authorization": f"Bearer {KEY}"}
    with httpx2.Client(base_url=home.origin, headers=headers, timeout=LONGEST) as client:
        yield client


@pytest.fixture
def openai(home: Home) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{home.origin}/v1", api_key=KEY, max_retries=0) as client:
        yield client
