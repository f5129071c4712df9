"""``JoinedWrites`` over real connections, under both event loops."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, cast

import pytest
import uvloop

from cloudflare_image_mcp.rest.http_protocol import JoinedWrites

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 30
LENGTHS = [0, 1, 4, 700, 16_383, 16_384, 16_385, 200_000]


class Sender(asyncio.Protocol):
    """Writes random pieces in one turn of the event loop, and closes."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.sent = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        given = cast("asyncio.Transport", transport)  # uvloop's does not inherit from it
        joined = JoinedWrites(given, asyncio.get_running_loop())
        for _ in range(self._random.randrange(12)):
            piece = self._random.randbytes(self._random.choice(LENGTHS))
            joined.write(memoryview(piece) if self._random.random() < 0.5 else piece)
            self.sent += piece
        if self._random.random() < 0.5:
            joined.close()
        else:
            asyncio.get_running_loop().call_later(0.01, joined.close)
        assert joined.is_closing() == given.is_closing()


async def received(seed: int) -> tuple[bytes, bytes]:
    """What was sent over a connection, and what came."""
    sender = Sender(seed)
    server = await asyncio.get_running_loop().create_server(lambda: sender, "127.0.0.1", 0)
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        came = await reader.read()
        writer.close()
    return sender.sent, came


@pytest.mark.parametrize("new_loop", [uvloop.new_event_loop, asyncio.new_event_loop])
def test_everything_arrives_in_order(new_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    with asyncio.Runner(loop_factory=new_loop) as runner:
        for seed in range(ROUNDS):
            sent, came = runner.run(received(seed))
            assert came == sent


async def test_what_waits_when_the_connection_is_lost_is_dropped() -> None:
    loop = asyncio.get_running_loop()
    lost = loop.create_future()

    class Loser(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            given = cast("asyncio.Transport", transport)
            JoinedWrites(given, loop).write(b"small")
            given.abort()

        def connection_lost(self, exc: Exception | None) -> None:
            lost.set_result(exc)

    async with await loop.create_server(Loser, "127.0.0.1", 0) as server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        await lost
        assert await reader.read() == b""
        writer.close()
