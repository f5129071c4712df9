"""A server on a real port that answers the bytes of a test, also such as no correct server sends."""

from __future__ import annotations

import asyncio
import base64
import io
import json
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from PIL import Image as Pillow

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator

Answering = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Scripted:
    """``address``, and the requests that came: head and body."""

    address: str = ""
    requests: list[tuple[bytes, bytes]] = field(default_factory=list)


@asynccontextmanager
async def scripted(*answers: bytes | Answering, tls: ssl.SSLContext | None = None) -> AsyncIterator[Scripted]:
    """The first request gets the first answer, all after the last one the last. A function writes its own answer, after
    which the connection is closed.
    """
    script = Scripted()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                lines = head.lower().split(b"\r\n")
                length = next((int(line[15:]) for line in lines if line[:15] == b"content-length:"), 0)
                script.requests.append((head, await reader.readexactly(length)))
                answer = answers[min(len(script.requests), len(answers)) - 1]
                if not isinstance(answer, bytes):
                    await answer(writer)
                    break
                writer.write(answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async with await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls) as server:
        host, port = server.sockets[0].getsockname()
        script.address = f"{'http' if tls is None else 'https'}://{host}:{port}"
        yield script


def http(status: int, body: bytes = b"", **headers: str) -> bytes:
    """A whole answer; ``retry_after`` is the header ``retry-after``."""
    lines = [f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items()]
    return f"HTTP/1.1 {status} X\r\n{''.join(lines)}content-length: {len(body)}\r\n\r\n".encode() + body


def refusal(status: int, *codes: int, message: str = "x", **headers: str) -> bytes:
    errors = [{"message": message, "code": code} for code in codes]
    body = {"errors": errors, "success": False, "result": {}, "messages": []}
    return http(status, json.dumps(body).encode(), **headers)


def jpeg() -> bytes:
    file = io.BytesIO()
    Pillow.effect_noise((256, 256), 90).convert("RGB").save(file, "JPEG")
    return file.getvalue()


def image_answer(**headers: str) -> bytes:
    """A good answer with an image in base64."""
    body = b'{"result":{"image":"' + base64.b64encode(jpeg()) + b'"},"success":true,"errors":[],"messages":[]}'
    return http(200, body, **headers)
