from __future__ import annotations

import io
import json
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

import pytest
from PIL import Image as Pillow

from cloudflare_image_mcp.backends.workers_ai.accounts import Account
from cloudflare_image_mcp.backends.workers_ai.backend import WorkersAIBackend
from cloudflare_image_mcp.backends.workers_ai.rest_transport import RestTransport
from cloudflare_image_mcp.backends.workers_ai.retry import RetryPolicy
from cloudflare_image_mcp.catalog import Operation, Size, models
from cloudflare_image_mcp.core.ports import Call
from cloudflare_image_mcp.imagefile.image import Image
from cloudflare_image_mcp.imaging.pixels import PillowPixels

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

QUICK = RetryPolicy(first=0.01)
LIGHTNING = "@cf/bytedance/stable-diffusion-xl-lightning"
DEMO = Account("demo", "demo")


class SetClock:
    """A ``Clock`` whose wall time a test sets."""

    def __init__(self, at: str) -> None:
        self.time = datetime.fromisoformat(at).replace(tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return monotonic()


@asynccontextmanager
async def backend_at(address: str, *accounts: Account, **more: Any) -> AsyncIterator[WorkersAIBackend]:
    """A backend that calls the server at ``address``."""
    clock = more.pop("clock", None) or SetClock("2026-11-23 12:00")
    transport = RestTransport(f"{address}/client/v4")
    backend = WorkersAIBackend(accounts or (DEMO,), transport, PillowPixels(), clock, **{"retry": QUICK} | more)
    try:
        yield backend
    finally:
        await backend.aclose()


def call(model: str = LIGHTNING, **values: Any) -> Call:
    defaults = {"operation": Operation.GENERATE, "prompt": "a cat", "size": Size(256, 256)}
    return Call(model=models()[model], **defaults | values)


def set_account(address: str, account: str, **values: Any) -> None:
    body = json.dumps(values).encode()
    with urlopen(Request(f"{address}/emulator/accounts/{account}", data=body, method="PUT")):
        pass


async def image(size: tuple[int, int] = (256, 256), mode: str = "RGB", colour: Any = "red") -> Image:
    """A PNG of one colour."""
    file = io.BytesIO()
    Pillow.new(mode, size, colour).save(file, "PNG")
    return await Image.of_bytes(file.getvalue())


@pytest.fixture
async def source() -> Image:
    return await image()


@pytest.fixture
async def mask() -> Image:
    """Everything is repainted."""
    return await image(mode="L", colour=255)
