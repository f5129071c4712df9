"""Connections to checked addresses alone: the name is resolved once, and what was checked is what is
connected to.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final, TypeAlias

import httpcore2

from cloudflare_image_mcp.fetcher.addresses import Address

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Resolver: TypeAlias = Callable[[str, int], Awaitable["Sequence[Address]"]]
"""The addresses of a host, in the order in which to try them. Raises ``OSError`` when there are none."""
AddressRule: TypeAlias = Callable[[Address], bool]

_ATTEMPT_SECONDS: Final = 5.0
"""For each address but the last: one that does not answer must not use up the time of the next."""


class Refused(Exception):
    """A reason, for the caller, not to go on. Not of httpcore2's family, so that it passes through it."""


async def system_resolver(host: str, port: int) -> Sequence[Address]:
    """As the system does it, which also reads 2130706433, 0x7f.1 and their like as the addresses they are."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    # An IPv6 address may carry its zone; a zoned one is link-local, and no rule lets it pass.
    return [ip_address(str(sockaddr[0]).partition("%")[0]) for *_, sockaddr in found]


class GuardedNetwork(httpcore2.AsyncNetworkBackend):
    """Opens the sockets under httpcore2. Host and SNI remain the URL's, since only the socket knows the
    address.
    """

    def __init__(self, resolve: Resolver, rule: AddressRule, refusal: str) -> None:
        self._resolve = resolve
        self._rule = rule
        self._refusal = refusal
        self._sockets = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore2's interface
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Raises ``Refused``, or httpcore2's ``ConnectError`` and ``ConnectTimeout``."""
        addresses = await self._addresses(host, port)
        for address in addresses[:-1]:
            try:
                return await self._sockets.connect_tcp(
                    str(address), port, _ATTEMPT_SECONDS, local_address, socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue
        return await self._sockets.connect_tcp(str(addresses[-1]), port, timeout, local_address, socket_options)

    async def _addresses(self, host: str, port: int) -> list[Address]:
        try:
            addresses = list(dict.fromkeys(await self._resolve(host, port)))
        except (OSError, UnicodeError, ValueError):
            addresses = []
        if not addresses:
            raise Refused("its host is not known")
        # All, not the first that passes: a name with one private address is aimed at it. Which it is stays
        # unsaid.
        if not all(map(self._rule, addresses)):
            raise Refused(self._refusal)
        return addresses

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
