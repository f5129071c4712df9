"""One image from one URL that a stranger wrote.

Straight on httpcore2, the transport under httpx2: it is where sockets can be checked, and it follows no
redirect, keeps no cookie, decodes nothing and reads no proxy from the environment unless told to.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import httpcore2
import httpx2

from cloudflare_image_mcp.errors import GatewayError, UnreadableImage, shown
from cloudflare_image_mcp.fetcher.addresses import is_public, is_reachable
from cloudflare_image_mcp.fetcher.network import GuardedNetwork, Refused, system_resolver
from cloudflare_image_mcp.imagefile.header import HeaderCutShort, read_header
from cloudflare_image_mcp.imagefile.payload import BytesPayload
from cloudflare_image_mcp.limits import (
    FETCH_REDIRECTS,
    FETCH_TIMEOUT,
    MAX_IMAGE_BYTES,
    MAX_URL_LENGTH,
    MEBIBYTE,
)

if TYPE_CHECKING:
    import ssl

    from cloudflare_image_mcp.fetcher.network import AddressRule, Resolver
    from cloudflare_image_mcp.imagefile.payload import Payload

PUBLIC_PORTS: Final = frozenset({80, 443})
"""A gateway that connects anywhere is a port scanner for strangers, and speaks to mail servers and databases.
"""

_HEADERS: Final = (
    ("Accept", "image/png, image/jpeg, image/webp, image/gif"),
    # Images are compressed already; anything else may unpack to a thousand times its size.
    ("Accept-Encoding", "identity"),
    ("User-Agent", "cloudflare-image-mcp"),
    ("Connection", "close"),
)
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_TELLING: Final = 64
"""Bytes after which the type is known, and a page or a film is not read on."""
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchLimits:
    """How much one fetch may take. The defaults are the gateway's; smaller ones make quick tests."""

    bytes: int = MAX_IMAGE_BYTES
    seconds: float = FETCH_TIMEOUT
    redirects: int = FETCH_REDIRECTS


class GuardedFetcher:
    """An ``ImageFetcher``. Safe against requests that aim the gateway at its own network (SSRF)."""

    def __init__(
        self,
        *,
        allow_private: bool = False,
        limits: FetchLimits | None = None,
        resolve: Resolver = system_resolver,
        address_rule: AddressRule | None = None,
        ports: frozenset[int] | None = PUBLIC_PORTS,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        """``allow_private`` (the setting ALLOW_PRIVATE_IMAGE_URLS) admits addresses of the gateway's own
        network, and every port. The rest is for tests, which have loopback alone: who resolves, which
        addresses and ports count as public (None: every port), and whose certificates are trusted.
        """
        rule = address_rule or (is_reachable if allow_private else is_public)
        kind = "one that images may come from" if allow_private else "a public one"
        self._network = GuardedNetwork(resolve, rule, f"its host's address is not {kind}")
        self._ports = None if allow_private else ports
        self._limits = limits or FetchLimits()
        self._ssl_context = ssl_context
        self._allowed = _allowed(self._limits, self._ports, allow_private=allow_private)

    async def fetch(self, url: str, param: str) -> Payload:
        try:
            async with asyncio.timeout(self._limits.seconds):
                return BytesPayload(await self._follow(url))
        except Refused as refused:
            reason = str(refused)
        except TimeoutError:
            reason = f"it was not fetched within {self._limits.seconds:g} seconds"
        except httpcore2.ConnectError as error:
            reason = "no secure connection" if _is_tls(error) else "no connection"
            reason = f"{reason} to its host could be made"
        except (httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.TimeoutException):
            reason = "its host broke off or did not speak HTTP"
        raise GatewayError(
            "invalid_image_url",
            f"The image at {_shown(url)} was not taken: {reason}. {self._allowed}",
            param=param,
        )

    async def _follow(self, url: str) -> bytes:
        target = self._checked(url)
        for _ in range(self._limits.redirects + 1):
            answer = await self._get(target)
            if isinstance(answer, bytes):
                return answer
            target = self._checked(answer)
        raise Refused(f"it redirects more than {self._limits.redirects} times")

    async def _get(self, target: httpx2.URL) -> bytes | str:
        """The image, or where the host redirects to."""
        # A pool a request: no connection outlives the check of its address.
        pool = httpcore2.AsyncConnectionPool(
            ssl_context=self._tls(), network_backend=self._network, max_connections=1, http2=False
        )
        seconds = self._limits.seconds
        timeout = {"connect": seconds, "read": seconds, "write": seconds, "pool": seconds}
        url = httpcore2.URL(scheme=target.raw_scheme, host=target.raw_host, port=target.port, target=target.raw_path)
        headers = [("Host", target.netloc.decode("ascii")), *_HEADERS]
        async with (
            pool,
            pool.stream("GET", url, headers=headers, extensions={"timeout": timeout}) as response,
        ):
            if response.status in _REDIRECTS:
                return _location(target, response)
            return await self._image(response)

    async def _image(self, response: httpcore2.Response) -> bytes:
        if response.status != 200:
            raise Refused(f"its host answered with status {response.status}")
        if (encoding := _header(response, "content-encoding")) not in (None, "identity"):
            raise Refused(f"its host packed it ({shown(encoding)}) although asked not to")
        too_large = Refused(f"it is larger than {_size(self._limits.bytes)}")
        # httpcore2 has made sure that it is a number.
        if int(_header(response, "content-length") or 0) > self._limits.bytes:
            raise too_large
        data = bytearray()
        known = False
        async for chunk in response.aiter_stream():
            data += chunk
            if len(data) > self._limits.bytes:
                raise too_large
            if not known and len(data) >= _TELLING:
                _check_type(bytes(data[:_TELLING]))
                known = True
        _check_type(bytes(data), whole=True)
        return bytes(data)

    def _checked(self, url: str) -> httpx2.URL:
        """Raises ``Refused`` for what is wrong with the URL itself."""
        if len(url) > MAX_URL_LENGTH:
            raise Refused(f"the URL is longer than {MAX_URL_LENGTH} characters")
        try:
            target = httpx2.URL(url)
            target.netloc.decode("ascii")
        except (httpx2.InvalidURL, ValueError, TypeError) as error:
            raise Refused("it is not a valid URL") from error
        if target.scheme not in _DEFAULT_PORTS:
            raise Refused("its scheme is neither http nor https")
        if target.userinfo:
            raise Refused("it holds a user name or password")
        if not target.host:
            raise Refused("it names no host")
        port = _DEFAULT_PORTS[target.scheme] if target.port is None else target.port
        if not 0 < port < 65536:
            raise Refused("it is not a valid URL")
        if self._ports is not None and port not in self._ports:
            raise Refused("its port is not allowed")
        return target

    def _tls(self) -> ssl.SSLContext:
        if self._ssl_context is None:
            self._ssl_context = httpx2.create_ssl_context()
        return self._ssl_context


def _check_type(head: bytes, *, whole: bool = False) -> None:
    """Raises ``Refused`` unless the bytes begin an image, or, ``whole``, have an image's header."""
    try:
        read_header(head)
    except UnreadableImage as error:
        if whole or not isinstance(error, HeaderCutShort):
            raise Refused(str(error)) from error


def _location(target: httpx2.URL, response: httpcore2.Response) -> str:
    location = _header(response, "location")
    if not location:
        raise Refused("it redirects without saying where to")
    try:
        return str(target.join(location))
    except (httpx2.InvalidURL, ValueError) as error:
        raise Refused("it redirects to what is not a valid URL") from error


def _header(response: httpcore2.Response, name: str) -> str | None:
    for key, value in response.headers:
        if key.lower() == name.encode():
            return value.decode("latin-1").strip()
    return None


def _is_tls(error: BaseException) -> bool:
    import ssl

    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__ or cause.__context__
    return cause is not None


def _shown(url: str) -> str:
    """The URL as it may stand in a message and a log: no user name, password, query or fragment."""
    scheme, mark, rest = url.partition("://")
    rest = re.split(r"[?#]", rest, maxsplit=1)[0]
    host, slash, path = rest.partition("/")
    return shown(f"{scheme}{mark}{host.rpartition('@')[2]}{slash}{path}" if mark else scheme[:20], 200)


def _size(length: int) -> str:
    return f"{length // MEBIBYTE} MiB" if length >= MEBIBYTE else f"{length} bytes"


def _allowed(limits: FetchLimits, ports: frozenset[int] | None, *, allow_private: bool) -> str:
    at = "" if ports is None else f" on port {' or '.join(map(str, sorted(ports)))}"
    where = "" if allow_private else " of a public host"
    return (
        f"Allowed are http and https URLs{where}{at} that answer with a PNG, JPEG, WebP or GIF image "
        f"of at most {_size(limits.bytes)}, within {limits.seconds:g} s and {limits.redirects} redirects."
    )
