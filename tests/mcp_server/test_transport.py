"""The servers behind ``/mcp``: none before the first request, one for several requests at once."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import TYPE_CHECKING, Any, ClassVar

import httpx2
from mcp import Client

from cloudflare_image_mcp.mcp_server.transport import HttpTransport
from cloudflare_image_mcp.rest.server import build_app
from cloudflare_image_mcp.settings import Settings
from tests.live import serving
from tests.mcp_server.conftest import ROOT, clean_environ
from tests.waiting import LONGEST

if TYPE_CHECKING:
    from mcp.server.lowlevel import Server

    from cloudflare_image_mcp.catalog import Model

SETTINGS = Settings.read({"IMAGE_BACKEND": "local", "IMAGE_STORAGE_URL": "memory:"})


class Counting(HttpTransport):
    """Writes down what it builds, and breaks as often as it is told."""

    built: ClassVar[list[str | None]]
    breaks: ClassVar[int]

    def build(self, model: Model | None) -> Server[Any]:
        self.built.append(None if model is None else model.short_name)
        if len(self.built) <= self.breaks:
            raise RuntimeError("broken on purpose")
        return super().build(model)


def test_a_process_that_is_never_asked_does_without_the_sdk() -> None:
    program = (
        "import os, sys\n"
        "from cloudflare_image_mcp.rest.server import build_app\n"
        "from cloudflare_image_mcp.settings import Settings\n"
        "build_app(Settings.read(os.environ))\n"
        "print('mcp' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=clean_environ({"IMAGE_BACKEND": "local", "IMAGE_STORAGE_URL": "memory:"}),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "False"


async def test_requests_that_come_at_once_share_a_server() -> None:
    class Transport(Counting):
        built: ClassVar[list[str | None]] = []
        breaks: ClassVar[int] = 0

    async def names(path: str) -> list[str]:
        async with Client(f"{origin}{path}") as client:
            return [tool.name for tool in (await client.list_tools()).tools]

    simple = "/mcp/simple?model=flux-2-dev"
    with serving(build_app(SETTINGS, transport=Transport)) as origin:
        seen = await asyncio.gather(*(names(path) for path in ("/mcp", simple) for _ in range(4)))
    assert all("describe_model" in tools for tools in seen[:4])
    assert all("run_model" in tools and "describe_model" not in tools for tools in seen[4:])
    assert sorted(Transport.built, key=str) == [None, "flux-2-dev"]


async def test_a_server_that_could_not_begin_is_begun_by_the_next_request() -> None:
    class Transport(Counting):
        built: ClassVar[list[str | None]] = []
        breaks: ClassVar[int] = 1

    with serving(build_app(SETTINGS, transport=Transport)) as origin:
        async with httpx2.AsyncClient() as web:
            broken = await web.post(f"{origin}/mcp", json={}, timeout=LONGEST)
        async with Client(f"{origin}/mcp") as client:
            tools = (await client.list_tools()).tools
    assert broken.status_code == 500
    assert broken.json()["error"]["code"] == "internal_error"
    assert "on purpose" not in broken.text
    assert tools
    assert Transport.built == [None, None]
