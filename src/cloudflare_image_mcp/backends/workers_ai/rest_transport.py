"""Sends requests to Cloudflare's REST API: one pooled aiohttp session for every account.

aiohttp, because one answer of 1 MB costs 0.7 ms of CPU with it and 2.2 to 3.1 ms with httpx2
(docs/performance.md).
"""

from __future__ import annotations

import asyncio
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from yarl import URL

from cloudflare_image_mcp import __version__
from cloudflare_image_mcp.backends.workers_ai.errors import TIMED_OUT, TOO_LONG, UNREACHABLE, UpstreamError
from cloudflare_image_mcp.backends.workers_ai.reply import Reply, read_image
from cloudflare_image_mcp.core.tracing import NO_TRACER
from cloudflare_image_mcp.errors import masked_url
from cloudflare_image_mcp.limits import MEBIBYTE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudflare_image_mcp.backends.workers_ai.accounts import Account
    from cloudflare_image_mcp.backends.workers_ai.request import WireRequest
    from cloudflare_image_mcp.backends.workers_ai.transport import Callee
    from cloudflare_image_mcp.core.tracing import Tracer

_AT_ONCE: Final = MEBIBYTE
"""Bytes of a request that are written at once; aiohttp warns above it."""
API_BASE_URL: Final = "https://api.cloudflare.com/client/v4"
CONNECT_TIMEOUT: Final = 10.0  # seconds
MAX_CONNECTIONS: Final = 256
"""Calls in progress at once; further calls wait for one to end."""
MAX_REPLY: Final = 64 * MEBIBYTE
"""Bytes, unpacked. The largest image that a model makes, 2500 x 2500 as a PNG in base64, is 25 MB."""
_SHORT: Final = 64 * 1024
"""Bytes. A reply with a message for people is shorter."""


class RestTransport:
    """Implements ``Transport`` over HTTP. Opens its connections at the first call."""

    def __init__(self, base_url: str = API_BASE_URL, *, tracer: Tracer = NO_TRACER) -> None:
        self._base_url = base_url.rstrip("/")
        self._tracer = tracer
        self._session: aiohttp.ClientSession | None = None
        # Waited for here and not in aiohttp's pool, where waiting counts towards the call's own time: an image that is
        # being made, and paid for, would be given up.
        self._free = asyncio.Semaphore(MAX_CONNECTIONS)

    async def send(self, account: Account, model: Callee, request: WireRequest) -> Reply:
        path = "ai/run" if model.proxied else f"ai/run/{model.id}"
        url = _url(self._base_url, account.account_id, path)
        timeout = _timeout(request.timeout)
        text = request.body
        if model.proxied and text is not None:
            text = b'{"model":"' + model.id.encode() + b'","input":' + text + b"}"
        if self._tracer.is_on:
            self._tracer.current.set(_attributes(url, f"{masked_url(self._base_url)}/accounts/REDACTED/{path}"))
        try:
            async with (
                self._free,
                self._open().post(
                    url,
                    data=_form(request) if text is None else _json_payload(text),
                    headers={**_headers(account, request), **self._tracer.headers()},
                    timeout=timeout,
                    allow_redirects=False,
                ) as response,
            ):
                self._tracer.current.set({"http.response.status_code": response.status})
                headers = {name.lower(): value for name, value in response.headers.items()}
                return _reply(response.status, headers, await _body(response), account)
        except aiohttp.ConnectionTimeoutError as error:
            raise UpstreamError(UNREACHABLE, "the connection was not made in time") from error
        except TimeoutError as error:
            raise UpstreamError(TIMED_OUT, f"{request.timeout:g} seconds") from error
        except (aiohttp.ClientError, OSError) as error:
            # Not chained: aiohttp's errors hold the headers sent, and with them the token.
            raise UpstreamError(UNREACHABLE, _reason(error)) from None

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()

    def _open(self) -> aiohttp.ClientSession:
        """Here and not in the constructor, because a session belongs to the running event loop."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0),
                cookie_jar=aiohttp.DummyCookieJar(),
                read_bufsize=MEBIBYTE,  # every pause and resumption of reading is a system call
                headers={
                    "User-Agent": f"cloudflare-image-mcp/{__version__}",
                    # base64 of a JPEG shrinks by a quarter and costs more to inflate than to receive.
                    "Accept-Encoding": "identity",
                },
                proxy=_proxy(self._base_url),
            )
        return self._session


@lru_cache(maxsize=1024)
def _url(base: str, account_id: str, path: str) -> URL:
    return URL(f"{base}/accounts/{quote(account_id, safe='')}/{path}", encoded=True)


@lru_cache(maxsize=64)
def _timeout(seconds: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=seconds, sock_connect=CONNECT_TIMEOUT)


def _headers(account: Account, request: WireRequest) -> dict[str, str]:
    headers = {"Authorization": f"Bearer {account.api_token}", **request.gateway}
    if request.body is not None:
        headers["Content-Type"] = "application/json"
    return headers


def _attributes(url: URL, shown: str) -> dict[str, str | int | float]:
    """What the span of a call says of its HTTP request. ``shown``: the URL without the account's id and a password."""
    return {
        "http.request.method": "POST",
        "url.full": shown,
        "server.address": url.host or "",
        "server.port": url.port or 443,
    }


def _proxy(url: str) -> str | None:
    """Returns the proxy that the environment names for an address. (aiohttp's own ``trust_env`` looks it up in a thread
    at every call.)
    """
    parts = urlsplit(url)
    return None if proxy_bypass(parts.hostname or "") else getproxies().get(parts.scheme)


def _json_payload(text: bytes) -> aiohttp.BytesPayload | BytesIO:
    """A short body as aiohttp wants it in the end: it takes time to find out what ``bytes`` become."""
    body = _in_pieces(text)
    return aiohttp.BytesPayload(body) if isinstance(body, bytes) else body


def _in_pieces(data: bytes) -> bytes | BytesIO:
    """aiohttp writes ``bytes`` in one piece, which holds up the event loop where they are long."""
    return BytesIO(data) if len(data) > _AT_ONCE else data


def _form(request: WireRequest) -> aiohttp.FormData:
    form = aiohttp.FormData(default_to_multipart=True)
    for part in request.parts:
        value = _in_pieces(part.value) if isinstance(part.value, bytes) else part.value
        form.add_field(part.name, value, content_type=part.media_type, filename=part.filename)
    return form


async def _body(response: aiohttp.ClientResponse) -> list[bytes]:
    """Reads the whole reply. Raises ``UpstreamError`` when it is longer than any image."""
    pieces: list[bytes] = []
    length = 0
    async for piece, _ in response.content.iter_chunks():
        length += len(piece)
        if length > MAX_REPLY:
            raise UpstreamError(TOO_LONG, f"more than {MAX_REPLY // MEBIBYTE} MiB")
        pieces.append(piece)
    return pieces


def _reply(status: int, headers: Mapping[str, str], pieces: list[bytes], account: Account) -> Reply:
    image = read_image(pieces) if status == 200 else None
    return Reply(status, headers, b"" if image else _without_secrets(b"".join(pieces), account), image)


def _without_secrets(body: bytes, account: Account) -> bytes:
    """Removes the token and the account id from a short reply, whose text may be shown to a caller or logged."""
    if len(body) <= _SHORT:
        for secret in (account.api_token, account.account_id):
            # Shorter ones are made up, for an emulator, and may be a word or a part of one.
            if len(secret) >= 16:
                body = body.replace(secret.encode(), b"[withheld]")
    return body


_REASONS: Final[tuple[tuple[type[Exception], str], ...]] = (
    (aiohttp.ClientConnectorCertificateError, "its certificate is not trusted"),
    (aiohttp.ClientConnectorDNSError, "its name was not found"),
    (aiohttp.ClientProxyConnectionError, "no connection to the proxy"),
    (aiohttp.ClientHttpProxyError, "the proxy refused"),
    (aiohttp.InvalidURL, "the proxy's address cannot be used"),
    (aiohttp.ClientConnectorError, "no connection"),
    (aiohttp.ClientPayloadError, "the answer was cut short"),
)
"""Reasons by exception type; the first match is used."""


def _reason(error: Exception) -> str:
    """Says why there was no reply, without an address of this machine or a header."""
    return next((words for kind, words in _REASONS if isinstance(error, kind)), "the connection was lost")
