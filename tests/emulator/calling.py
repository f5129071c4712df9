"""Calls to the emulator as its users make them: with curl."""

from __future__ import annotations

import asyncio
import json
import subprocess
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast
from urllib.request import urlopen

from cloudflare_image_mcp.emulator import EmulatorOptions, make_server
from tests.live import running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

SCHNELL = "@cf/black-forest-labs/flux-1-schnell"
KLEIN = "@cf/black-forest-labs/flux-2-klein-4b"
SDXL = "@cf/stabilityai/stable-diffusion-xl-base-1.0"
LIGHTNING = "@cf/bytedance/stable-diffusion-xl-lightning"
DREAMSHAPER = "@cf/lykon/dreamshaper-8-lcm"
PHOENIX = "@cf/leonardo/phoenix-1.0"
IMG2IMG = "@cf/runwayml/stable-diffusion-v1-5-img2img"
INPAINTING = "@cf/runwayml/stable-diffusion-v1-5-inpainting"


@contextmanager
def emulating(**options: Any) -> Iterator[str]:
    """The address of an emulator."""
    with running(make_server(EmulatorOptions(**options))) as address:
        yield address


class HeldAnswers:
    """An emulator whose models answer only while ``released`` is set."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.released = threading.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_later(message: Message) -> None:
            await asyncio.to_thread(self.released.wait)
            await send(message)

        await self._app(scope, receive, send_later if "/ai/run/" in scope.get("path", "") else send)


@contextmanager
def holding(**options: Any) -> Iterator[tuple[str, threading.Event]]:
    """The address of an emulator whose models answer only while the event is set."""
    server = make_server(EmulatorOptions(**options))
    server.config.app = held = HeldAnswers(cast("ASGIApp", server.config.app))
    with running(server) as address:
        try:
            yield address, held.released
        finally:
            held.released.set()


def stats(emulator: str) -> Any:
    """The emulator's counters since its start."""
    with urlopen(f"{emulator}/emulator/stats") as answer:
        return json.load(answer)


def calls(emulator: str) -> int:
    """Counts the models' calls of all accounts since the emulator's start."""
    return sum(account["calls"] for account in stats(emulator)["accounts"].values())


@dataclass(frozen=True)
class CurlAnswer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        error: dict[str, Any] = self.json["errors"][0]
        return error


def curl(url: str, *arguments: str, stdin: bytes = b"") -> CurlAnswer:
    """One call, whatever its status."""
    output = subprocess.run(
        ["curl", "--silent", "--include", "--max-time", "120", "-H", "Expect:", url, *arguments],
        input=stdin,
        capture_output=True,
        check=True,
    ).stdout
    head, _, body = output.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    return CurlAnswer(int(first.split()[1]), headers, body)


def run(
    address: str, model: str, *arguments: str, account: str = "demo", token: str | None = None, stdin: bytes = b""
) -> CurlAnswer:
    """One call to a model with curl's own options for what is sent."""
    url = f"{address}/client/v4/accounts/{account}/ai/run/{model}"
    return curl(url, "-H", f"Authorization: Bearer {token or account}", *arguments, stdin=stdin)


def run_json(address: str, model: str, values: Any, **more: Any) -> CurlAnswer:
    """The JSON goes through a pipe: it may be longer than a command line."""
    return run(address, model, "--data-binary", "@-", stdin=json.dumps(values).encode(), **more)


def run_form(address: str, model: str, *fields: str, chunked: bool = False, **more: Any) -> CurlAnswer:
    """``fields`` as curl's ``-F`` takes them. ``chunked``: the length is not stated."""
    head = ("-H", "Transfer-Encoding: chunked") if chunked else ()
    return run(address, model, *head, *[part for field in fields for part in ("-F", field)], **more)
