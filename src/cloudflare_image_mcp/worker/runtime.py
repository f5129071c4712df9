"""The Worker's clock, names, work after the answer, and images fetched by address."""

from __future__ import annotations

import asyncio
import ipaddress
import secrets
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin, urlsplit

import js
from pyodide.ffi import JsException
from workers import wait_until

from cloudflare_image_mcp.errors import GatewayError, shown
from cloudflare_image_mcp.gateway.limits import (
    FETCH_REDIRECTS,
    FETCH_TIMEOUT,
    MAX_IMAGE_BYTES,
    MEBIBYTE,
)
from cloudflare_image_mcp.worker.handles import JsPayload, js_object, optional

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from cloudflare_image_mcp.worker.handles import Handle


class WorkerClock:
    """Implements ``Clock``. Both stand still between two waits: the runtime's guard against timing attacks."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.time()


class WorkerIds:
    """Implements ``Ids``."""

    def name(self) -> str:
        return secrets.token_urlsafe(16)

    def seed(self) -> int:
        return secrets.randbits(32)


def defer(work: Coroutine[object, object, None]) -> None:
    """Implements ``Defer``: the runtime keeps the Worker alive for ``work``, up to 30 s after the answer."""
    wait_until(asyncio.ensure_future(work))


_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})


class WorkerFetcher:
    """Implements ``ImageFetcher`` over the runtime's ``fetch``, which reaches public addresses alone; what names a
    private one all the same is refused here, with a reason.
    """

    def __init__(self, *, allow_private: bool = False) -> None:
        self._allow_private = allow_private

    async def fetch(self, url: str, param: str) -> JsPayload:
        signal = js.AbortSignal.timeout(round(FETCH_TIMEOUT * 1000))
        address = url
        try:
            for _ in range(FETCH_REDIRECTS + 1):
                self._check(address, param)
                options = js_object({"redirect": "manual", "headers": {"accept": "image/*"}})
                options.signal = signal
                response = await js.fetch(address, options)
                if response.status not in _REDIRECTS:
                    return await _image(response, param)
                address = urljoin(address, optional(response.headers.get("location")) or "")
        except JsException as error:
            late = error.name == "TimeoutError"
            reason = f"it took longer than {FETCH_TIMEOUT:g} seconds" if late else "it could not be reached"
            raise _refused(param, reason) from error
        raise _refused(param, f"it redirects more than {FETCH_REDIRECTS} times")

    def _check(self, url: str, param: str) -> None:
        try:
            parts = urlsplit(url)
            host = parts.hostname or ""
        except ValueError:
            raise _refused(param, f"{shown(url)} is no URL") from None
        if parts.scheme not in {"http", "https"} or not host:
            raise _refused(param, "only http and https addresses are fetched")
        if not self._allow_private and _is_private(host):
            raise _refused(param, "its host is not a public one")


def _is_private(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return host == "localhost" or host.endswith((".localhost", ".local", ".internal"))


async def _image(response: Handle, param: str) -> JsPayload:
    if response.status != 200:
        raise _refused(param, f"its server answered {response.status}")
    stated = optional(response.headers.get("content-length")) or ""
    if stated.isdigit() and int(stated) > MAX_IMAGE_BYTES:
        raise _too_large(param)
    if optional(response.body) is None:
        raise _refused(param, "its server answered with nothing")
    payload = await JsPayload.of_stream(response.body, MAX_IMAGE_BYTES)
    if payload is None:
        raise _too_large(param)
    return payload


def _too_large(param: str) -> GatewayError:
    return _refused(param, f"it is larger than {MAX_IMAGE_BYTES // MEBIBYTE} MiB")


def _refused(param: str, reason: str) -> GatewayError:
    return GatewayError("invalid_image_url", f"{param} cannot be fetched: {reason}", param=param)
