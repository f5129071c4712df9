"""Fetches an input image from a URL in a request, protected against server-side request forgery (SSRF).

aiohttp follows no redirect here, keeps no cookie, decodes nothing and reads no proxy from the environment; each
redirect is checked like a URL in a request.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urljoin, urlsplit

import aiohttp
from yarl import URL

from cloudflare_image_mcp import __version__
from cloudflare_image_mcp.errors import ImageNotFetched, UnreadableImage, shown
from cloudflare_image_mcp.fetcher.addresses import is_public, is_reachable
from cloudflare_image_mcp.fetcher.http_values import ACCEPT, DEFAULT_PORTS, REDIRECTS
from cloudflare_image_mcp.fetcher.network import CheckedNetwork, Refused, system_resolver
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
    from collections.abc import AsyncIterator, Mapping

    from cloudflare_image_mcp.fetcher.network import AddressRule, Resolver
    from cloudflare_image_mcp.imagefile.payload import Payload

PUBLIC_PORTS: Final = frozenset(DEFAULT_PORTS.values())
"""Without this limit callers could scan ports with the gateway, or send requests to mail servers and databases."""

_HEADERS: Final = {
    "Accept": ACCEPT,
    # Images are compressed already; anything else may unpack to a thousand times its size.
    "Accept-Encoding": "identity",
    "User-Agent": f"cloudflare-image-mcp/{__version__}",
}
_HEAD_BYTES: Final = 64
"""Bytes after which the type is known; other files are not read further."""
_LEFT_AS_WRITTEN: Final = "%:/?#[]@!$&'()*+,;=-._~"
"""Characters of a path or a query that are sent as they are: the signature of a URL is over its exact text."""


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
        self._network = CheckedNetwork(resolve, rule, f"its host's address is not {kind}")
        self._ports = None if allow_private else ports
        self._limits = limits or FetchLimits()
        self._ssl_context = ssl_context
        self._allowed = _allowed(self._limits, self._ports, allow_private=allow_private)

    async def fetch(self, url: str, param: str) -> Payload:
        status, transient = None, True
        try:
            async with asyncio.timeout(self._limits.seconds):
                return BytesPayload(await self._follow(url))
        except Refused as refused:
            reason, status, transient = str(refused), refused.status, False
        except TimeoutError:
            reason = f"it was not fetched within {self._limits.seconds:g} seconds"
        except (aiohttp.ClientError, OSError) as error:
            reason, transient = failure(error), not isinstance(error, aiohttp.InvalidURL)
        raise ImageNotFetched(
            f"The image at {_shown(url)} was not taken: {reason}. {self._allowed}",
            param=param,
            reason=reason,
            status=status,
            transient=transient,
        )

    async def post(self, url: str, data: bytes, headers: Mapping[str, str]) -> int:
        """Sends a body and returns the status of the answer, which is not read; a redirect is not followed. Raises
        ``Refused``, ``aiohttp.ClientError``, ``OSError`` and ``TimeoutError``.
        """
        target = self.checked(url)
        async with asyncio.timeout(self._limits.seconds), self._session(target) as session:
            sent = {"User-Agent": _HEADERS["User-Agent"], **headers}
            async with session.post(target, data=data, headers=sent, allow_redirects=False) as response:
                return response.status

    async def _follow(self, url: str) -> bytes:
        target = self.checked(url)
        for _ in range(self._limits.redirects + 1):
            answer = await self._get(target)
            if isinstance(answer, bytes):
                return answer
            target = self.checked(answer)
        raise Refused(f"it redirects more than {self._limits.redirects} times")

    async def _get(self, target: URL) -> bytes | str:
        """Returns the image, or the URL that the host redirects to."""
        async with (
            self._session(target) as session,
            session.get(target, headers=_HEADERS, allow_redirects=False) as response,
        ):
            if response.status in REDIRECTS:
                return _location(target, response)
            return await self._image(response)

    @asynccontextmanager
    async def _session(self, target: URL) -> AsyncIterator[aiohttp.ClientSession]:
        """A session that connects to the checked addresses of the target's host alone."""
        connector = await self._network.connector(target.raw_host or "", target.port or 0, self._tls())
        async with aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            timeout=aiohttp.ClientTimeout(total=None),
        ) as session:
            yield session

    async def _image(self, response: aiohttp.ClientResponse) -> bytes:
        if response.status != 200:
            raise Refused(f"its host answered with status {response.status}", response.status)
        if (encoding := response.headers.get("content-encoding")) not in (None, "identity"):
            raise Refused(f"its host packed it ({shown(encoding)}) although asked not to")
        too_large = Refused(f"it is larger than {_size(self._limits.bytes)}")
        if (response.content_length or 0) > self._limits.bytes:
            raise too_large
        data = bytearray()
        known = False
        async for chunk in response.content.iter_any():
            data += chunk
            if len(data) > self._limits.bytes:
                raise too_large
            if not known and len(data) >= _HEAD_BYTES:
                _check_type(bytes(data[:_HEAD_BYTES]))
                known = True
        image = bytes(data)
        _check_type(image, whole=True)
        return image

    def checked(self, url: str) -> URL:
        """Parses a URL. Raises ``Refused`` for what is wrong with the URL itself."""
        if len(url) > MAX_URL_LENGTH:
            raise Refused(f"the URL is longer than {MAX_URL_LENGTH} characters")
        target = _parsed(url)
        if target.user is not None or target.password is not None:
            raise Refused("it holds a user name or password")
        if not target.host:
            raise Refused("it names no host")
        if not 0 < (target.port or 0) < 65536:
            raise Refused("it is not a valid URL")
        if self._ports is not None and target.port not in self._ports:
            raise Refused("its port is not allowed")
        return target

    def _tls(self) -> ssl.SSLContext:
        if self._ssl_context is None:
            self._ssl_context = ssl.create_default_context()
        return self._ssl_context


_FAILURES: Final[tuple[tuple[type[Exception], str], ...]] = (
    (aiohttp.InvalidURL, "it is not a valid URL"),
    (aiohttp.ClientSSLError, "no secure connection to its host could be made"),
    (ssl.SSLError, "no secure connection to its host could be made"),
    (aiohttp.ClientConnectorError, "no connection to its host could be made"),
    (TimeoutError, "its host did not answer in time"),
)
"""Reasons by exception type; the first match is used."""


def failure(error: Exception) -> str:
    """Says why there was no answer. The error's own text may hold the whole URL and what the host sent."""
    return next(
        (words for kind, words in _FAILURES if isinstance(error, kind)), "its host broke off or did not speak HTTP"
    )


def _parsed(url: str) -> URL:
    """Parses an absolute http or https URL; its path and query stay as written. Raises ``Refused``."""
    if re.search(r"[\x00-\x1f\x7f]", url):
        raise Refused("it is not a valid URL")
    try:
        parts = urlsplit(url)
        if parts.scheme not in DEFAULT_PORTS:
            raise Refused("its scheme is neither http nor https")
        if not parts.hostname:
            raise Refused("it names no host")
        return URL.build(
            scheme=parts.scheme,
            authority=URL(f"{parts.scheme}://{parts.netloc}").raw_authority,
            path=quote(parts.path or "/", _LEFT_AS_WRITTEN, errors="surrogateescape"),
            query_string=quote(parts.query, _LEFT_AS_WRITTEN, errors="surrogateescape"),
            encoded=True,
        )
    except ValueError:
        raise Refused("it is not a valid URL") from None


def _check_type(head: bytes, *, whole: bool = False) -> None:
    """Raises ``Refused`` unless the bytes begin an image, or, ``whole``, have an image's header."""
    try:
        read_header(head)
    except UnreadableImage as error:
        if whole or not isinstance(error, HeaderCutShort):
            raise Refused(str(error)) from error


def _location(target: URL, response: aiohttp.ClientResponse) -> str:
    location = response.headers.get("location")
    if not location:
        raise Refused("it redirects without saying where to")
    try:
        return urljoin(str(target), location)
    except ValueError:
        raise Refused("it redirects to what is not a valid URL") from None


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
