"""Stores of every kind, on a clock that the test moves; moto's server speaks S3's wire on a real port."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import TYPE_CHECKING, TypeAlias
from uuid import uuid4

import boto3
import pytest
import pytest_asyncio
from moto.server import ThreadedMotoServer
from PIL import Image as Picture

from cloudflare_image_mcp.core.ports import ImageStore
from cloudflare_image_mcp.imagefile.image import Image
from cloudflare_image_mcp.storage.opening import open_store

if TYPE_CHECKING:
    from pathlib import Path

KINDS = ("file", "memory", "s3")


@dataclass
class HandClock:
    """Starts now, because a bucket's own clock does, and goes on only when told to."""

    time: datetime = field(default_factory=lambda: datetime.now(UTC))

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.time.timestamp()

    def advance(self, **time: float) -> None:
        self.time += timedelta(**time)


def picture(format_: str, side: int = 16, seed: int = 0) -> bytes:
    """An image file of noise, which no format compresses much."""
    noise = Picture.effect_noise((side, side), 90 + seed).convert("RGB")
    file = BytesIO()
    noise.save(file, format_)
    return file.getvalue()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def png() -> bytes:
    return picture("PNG")


@pytest_asyncio.fixture
async def image(png: bytes) -> Image:
    return await Image.of_bytes(png)


@dataclass(frozen=True)
class S3Server:
    url: str

    @property
    def environ(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "test-access-key",
            "AWS_SECRET_ACCESS_KEY": "test-secret-key",
        }

    def new_bucket(self) -> str:
        name = f"bucket-{uuid4()}"
        client = boto3.client(
            "s3",
            endpoint_url=self.url,
            aws_access_key_id="test-access-key",
            aws_secret_access_key="test-secret-key",
            region_name="us-east-1",
        )
        client.create_bucket(Bucket=name)
        return name


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield S3Server(f"http://{host}:{port}")
    server.stop()


Opener: TypeAlias = Callable[[timedelta | None], Awaitable[ImageStore]]


@pytest_asyncio.fixture(params=KINDS)
async def open_kind(request: pytest.FixtureRequest, tmp_path: Path, clock: HandClock) -> AsyncIterator[Opener]:
    """Opens the same place each time, as a second process would; the memory store, which no other process
    sees, is opened once.
    """
    stores: list[ImageStore] = []
    environ: dict[str, str] = {}
    match request.param:
        case "file":
            url = (tmp_path / "images").as_uri()
        case "memory":
            url = "memory:"
        case _:
            server: S3Server = request.getfixturevalue("s3_server")
            url, environ = f"s3://{server.new_bucket()}/some/prefix", server.environ

    async def open_(expiry: timedelta | None) -> ImageStore:
        if request.param != "memory" or not stores:
            stores.append(open_store(url, expiry=expiry, clock=clock, environ=environ))
        return stores[-1]

    yield open_
    for store in stores:
        await store.aclose()
