"""Hosts on loopback with the answers of a test, over plain sockets and TLS."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import BytesIO
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, TypeAlias

import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from PIL import Image as Picture

if TYPE_CHECKING:
    from pathlib import Path

    from cloudflare_image_mcp.fetcher.addresses import Address

PUBLIC = IPv4Address("127.0.0.1")
"""Stands for every public address."""
PRIVATE = IPv4Address("127.0.0.2")
"""Stands for every private one."""

Answer: TypeAlias = bytes | Callable[[asyncio.StreamWriter], Awaitable[None]]


def counts_as_public(address: Address) -> bool:
    return address == PUBLIC


@dataclass
class Host:
    """One listening socket, what it answers on each path, and what it was asked."""

    answers: dict[str, Answer] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    """Each request's head, as it came."""
    connections: int = 0
    sent: int = 0
    """Bytes that streaming answers have sent."""
    port: int = 0
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    """Connections that are being answered."""

    @asynccontextmanager
    async def listening(
        self, address: IPv4Address, port: int = 0, tls: ssl.SSLContext | None = None
    ) -> AsyncIterator[Host]:
        """Listens; at the end, stops the answers that nobody waits for any more."""
        async with await asyncio.start_server(self.serve, str(address), port, ssl=tls) as server:
            self.port = server.sockets[0].getsockname()[1]
            yield self
            for task in self.tasks:
                task.cancel()
            await asyncio.gather(*self.tasks, return_exceptions=True)
        await asyncio.sleep(0)  # the loop closes a socket in its next round

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task
        self.tasks.add(task)
        try:
            await self._answer(reader, writer)
        finally:
            self.tasks.remove(task)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.requests.append(head)
            answer = self.answers.get(head.split(" ", 2)[1].partition("?")[0], reply(b"", "404 Not Found"))
            if isinstance(answer, bytes):
                writer.write(answer)
                await writer.drain()
            else:
                await answer(writer)

    def endless(self, head: bytes, piece: bytes, pause: float = 0.0) -> Answer:
        async def answer(writer: asyncio.StreamWriter) -> None:
            writer.write(head)
            while True:
                writer.write(piece)
                await writer.drain()
                self.sent += len(piece)
                await asyncio.sleep(pause)

        return answer


def reply(body: bytes, status: str = "200 OK", *headers: str, length: int | None = None) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def redirect(location: str, status: str = "302 Found", *headers: str) -> bytes:
    return reply(b"", status, f"Location: {location}", *headers)


@pytest.fixture
def png() -> bytes:
    file = BytesIO()
    Picture.effect_noise((64, 64), 90).save(file, "PNG")
    return file.getvalue()


@pytest_asyncio.fixture
async def host(png: bytes) -> AsyncIterator[Host]:
    host = Host({"/fox.png": reply(png, "200 OK", "Content-Type: text/plain")})
    async with host.listening(PUBLIC):
        yield host


@pytest_asyncio.fixture
async def inner(host: Host, png: bytes) -> AsyncIterator[Host]:
    """A host on a private address, on the public host's port, with an image that must not be fetched."""
    inner = Host({"/fox.png": reply(png)})
    async with inner.listening(PRIVATE, host.port):
        yield inner


@dataclass(frozen=True)
class Authority:
    """A certificate for one name, signed by itself."""

    path: Path

    def server(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.path)
        return context

    def trusting(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.path))


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "images.test")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("images.test")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "images.test.pem"
    path.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return Authority(path)


@pytest_asyncio.fixture
async def secure_host(authority: Authority, png: bytes) -> AsyncIterator[Host]:
    host = Host({"/fox.png": reply(png)})
    async with host.listening(PUBLIC, tls=authority.server()):
        yield host
