"""A traced gateway in front of the emulator: its settings, requests, upstream and collector."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import pytest
import requests

from cloudflare_image_mcp.emulator import EmulatorOptions, make_server
from tests.collector import Collector, collecting
from tests.live import command, running, workers_ai_at
from tests.ports import free_port
from tests.waiting import LONGEST

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from starlette.types import ASGIApp, Receive, Scope, Send

KLEIN: Final = "@cf/black-forest-labs/flux-2-klein-4b"
ACCOUNT: Final = "0123456789abcdef0123456789abcdef"
TOKEN: Final = "a-token-that-no-span-may-hold"
PROMPT: Final = "heliotrope zeppelin"
GENERATIONS: Final = "POST /v1/images/generations"
CALLER: Final = "00f067aa0ba902b7"
"""The span of the client that calls."""


def traceparent(trace: str) -> dict[str, str]:
    return {"traceparent": f"00-{trace}-{CALLER}-01"}


@dataclass
class Upstream:
    """ASGI: the emulator, which fails as often as it is told to, and the headers of the calls that it got."""

    app: ASGIApp
    address: str = ""
    failures: int = 0
    headers: list[dict[bytes, bytes]] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and "/ai/run/" in scope["path"]:
            self.headers.append(dict(scope["headers"]))
            if self.failures:
                self.failures -= 1
                body = b'{"success":false,"errors":[{"code":3040,"message":"Capacity temporarily exceeded"}]}'
                await send({"type": "http.response.start", "status": 429, "headers": []})
                await send({"type": "http.response.body", "body": body})
                return
        await self.app(scope, receive, send)


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    server = make_server(EmulatorOptions(daily_neurons=1e12))
    wrapped = server.config.app = Upstream(server.config.app)  # type: ignore[arg-type]  # it may be a name, too
    with running(server) as wrapped.address:
        yield wrapped


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


def settings(upstream: Upstream, endpoint: str, **more: str) -> dict[str, str]:
    account = {"CLOUDFLARE_ACCOUNT_ID": ACCOUNT, "CLOUDFLARE_API_TOKEN": TOKEN}
    otel = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_BSP_SCHEDULE_DELAY": "100"}
    return workers_ai_at(upstream.address, **account, **(otel | more))


@contextmanager
def serving(environ: dict[str, str], log: Path) -> Iterator[str]:
    """The origin of a gateway process."""
    port = free_port()
    with command(port, environ, log):
        yield f"http://127.0.0.1:{port}"


def generate(origin: str, headers: dict[str, str] | None = None, **fields: Any) -> requests.Response:
    body = {"prompt": PROMPT, "size": "256x256", "model": KLEIN, **fields}
    return requests.post(f"{origin}/v1/images/generations", json=body, headers=headers, timeout=LONGEST)
