"""Limits the memory that request bodies and input images take together, over all requests."""

from __future__ import annotations

import asyncio
import weakref
from collections import deque
from typing import TYPE_CHECKING

from cloudflare_image_mcp.errors import GatewayError
from cloudflare_image_mcp.limits import MAX_TOTAL_BYTES, MEBIBYTE

if TYPE_CHECKING:
    from cloudflare_image_mcp.imagefile.payload import Payload


class ByteBudget:
    """Counts bytes that are held. One instance per process, or per isolate of a Worker."""

    def __init__(self, most: int = MAX_TOTAL_BYTES) -> None:
        """``most``: bytes."""
        self.most = most
        self.held = 0
        self._owners: set[int] = set()
        self._waiting: deque[asyncio.Future[None]] = deque()

    def take(self, count: int) -> None:
        """Counts more bytes. Raises ``GatewayError`` (503 ``overloaded``), and counts nothing, if they do not fit."""
        if self.held + count > self.most:
            raise self._overloaded()
        self.held += count

    def give_back(self, count: int) -> None:
        """Counts bytes no longer, and wakes those that wait for room."""
        self.held -= count
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.get_loop().call_soon_threadsafe(_wake, waiting)

    async def wait_for(self, count: int, seconds: float) -> None:
        """Counts more bytes as soon as they fit. Raises ``GatewayError`` (503 ``overloaded``) after ``seconds``."""
        try:
            async with asyncio.timeout(seconds):
                while self.held + count > max(self.most, count):
                    waiting = asyncio.get_running_loop().create_future()
                    self._waiting.append(waiting)
                    await waiting
        except TimeoutError:
            raise self._overloaded() from None
        self.held += count

    def hold(self, owner: object, count: int) -> None:
        """Counts bytes until ``owner`` is garbage, once for each owner. Whether they fit or not: they are held already,
        and what comes after them is refused or waits.
        """
        if id(owner) not in self._owners:
            self._owners.add(id(owner))
            self.held += count
            weakref.finalize(owner, self._release, id(owner), count)

    def counts(self, owner: object) -> bool:
        """Whether ``hold`` counts the bytes of ``owner``."""
        return id(owner) in self._owners

    def _release(self, owner: int, count: int) -> None:
        self._owners.discard(owner)
        self.give_back(count)

    def _overloaded(self) -> GatewayError:
        return GatewayError(
            "overloaded",
            f"the requests being processed hold the {self.most // MEBIBYTE} MiB that are allowed for all together",
        )


class Room:
    """Bytes that are reserved in a budget for payloads that are still to come."""

    def __init__(self, budget: ByteBudget, count: int) -> None:
        """``count``: bytes, which the budget has counted already."""
        self._budget = budget
        self._left = count

    def fill(self, payload: Payload) -> None:
        """Counts a payload that has come in the place of reserved bytes, until it is garbage."""
        self._budget.hold(payload, payload.size)
        self._give_back(min(payload.size, self._left))

    def close(self) -> None:
        """Gives back what was not filled."""
        self._give_back(self._left)

    def _give_back(self, count: int) -> None:
        self._left -= count
        self._budget.give_back(count)


def _wake(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)
