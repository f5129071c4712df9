"""Name resolution with checked addresses, and an aiohttp connector that connects to nothing else.

A name is resolved once per request; the addresses that were checked are the ones that are connected to.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from typing import TYPE_CHECKING, TypeAlias

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from cloudflare_image_mcp.fetcher.addresses import Address

if TYPE_CHECKING:
    import ssl
    from collections.abc import Sequence

    from aiohappyeyeballs import AddrInfoType

Resolver: TypeAlias = Callable[[str, int], Awaitable["Sequence[Address]"]]
"""Returns the addresses of a host, in the order in which to try them. Raises ``OSError`` when there are none."""
AddressRule: TypeAlias = Callable[[Address], bool]


class Refused(Exception):
    """The URL or its answer is not accepted; the text is the reason, for the caller. ``status`` is its host's answer
    where that is the reason.
    """

    def __init__(self, reason: str, status: int | None = None) -> None:
        super().__init__(reason)
        self.status = status


async def system_resolver(host: str, port: int) -> Sequence[Address]:
    """Resolves as the system does, which also reads 2130706433, 0x7f.1 and similar as the addresses they are."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    # An IPv6 address may carry its zone; a zoned one is link-local, and no rule lets it pass.
    return [ip_address(str(sockaddr[0]).partition("%")[0]) for *_, sockaddr in found]


class CheckedNetwork:
    """Makes a connector for one request, after every address of the host passed the rule."""

    def __init__(self, resolve: Resolver, rule: AddressRule, refusal: str) -> None:
        """``refusal``: the reason for an address that the rule does not let pass."""
        self._resolve = resolve
        self._rule = rule
        self._refusal = refusal

    async def connector(self, host: str, port: int, ssl_context: ssl.SSLContext) -> aiohttp.TCPConnector:
        """Raises ``Refused``."""
        addresses = await self._addresses(host, port)
        return aiohttp.TCPConnector(
            resolver=_FixedResolver(addresses),
            socket_factory=self._socket,
            use_dns_cache=False,
            force_close=True,  # no connection outlives the check of its address
            ssl=ssl_context,
        )

    async def _addresses(self, host: str, port: int) -> list[Address]:
        try:
            addresses = list(dict.fromkeys(await self._resolve(host, port)))
        except (OSError, UnicodeError, ValueError):
            addresses = []
        if not addresses:
            raise Refused("its host is not known")
        # All, not the first that passes: a name with one private address is aimed at it. The message does not name
        # it.
        if not all(map(self._rule, addresses)):
            raise Refused(self._refusal)
        return addresses

    def _socket(self, address: AddrInfoType) -> socket.socket:
        """Checks the address of the socket itself, because aiohttp asks no resolver about a literal address."""
        family, kind, protocol, _, target = address
        if not self._rule(ip_address(str(target[0]).partition("%")[0])):
            raise Refused(self._refusal)
        return socket.socket(family, kind, protocol)


class _FixedResolver(AbstractResolver):
    """Answers with addresses that are known already."""

    def __init__(self, addresses: Sequence[Address]) -> None:
        self._addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=str(address),
                port=port,
                family=socket.AF_INET if address.version == 4 else socket.AF_INET6,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in self._addresses
        ]

    async def close(self) -> None:
        pass
