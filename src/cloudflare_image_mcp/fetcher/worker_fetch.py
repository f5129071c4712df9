"""Fetches images by URL with a Worker's ``fetch``."""

from __future__ import annotations

import ipaddress
from typing import Final

import js
from pyodide.ffi import JsException

from cloudflare_image_mcp.errors import ImageNotFetched
from cloudflare_image_mcp.fetcher.http_values import ACCEPT, REDIRECTS
from cloudflare_image_mcp.js_values import Handle, JsPayload, ignored, js_object, optional
from cloudflare_image_mcp.limits import FETCH_REDIRECTS, FETCH_TIMEOUT, MAX_IMAGE_BYTES, MEBIBYTE

_HEADERS: Final = {"accept": ACCEPT, "user-agent": "cloudflare-image-mcp"}
_GLOBAL_UNICAST: Final = ipaddress.IPv6Network("2000::/3")
"""Of IPv6; what is outside of it may stand for an IPv4 address."""


class WorkerFetcher:
    """Implements ``ImageFetcher`` over the runtime's ``fetch``, which reaches public addresses alone; what names a
    private one all the same is refused here, with a reason.
    """

    def __init__(self, *, allow_private: bool = False) -> None:
        self._allow_private = allow_private

    async def fetch(self, url: str, param: str) -> JsPayload:
        signal = js.AbortSignal.timeout(round(FETCH_TIMEOUT * 1000))
        address = self._checked(url, None, param)
        try:
            for _ in range(FETCH_REDIRECTS + 1):
                options = js_object({"redirect": "manual", "headers": _HEADERS})
                options.signal = signal
                response = await js.fetch(address, options)
                if response.status not in REDIRECTS:
                    return await _image(response, param)
                _leave(response)
                location = optional(response.headers.get("location"))
                if not location:
                    raise _refused(param, "it redirects without saying where to")
                address = self._checked(location, address, param)
        except JsException as error:
            late = error.name == "TimeoutError"
            reason = f"it took longer than {FETCH_TIMEOUT:g} seconds" if late else "it could not be reached"
            raise _refused(param, reason, transient=True) from error
        raise _refused(param, f"it redirects more than {FETCH_REDIRECTS} times")

    def _checked(self, url: str, base: str | None, param: str) -> str:
        """The address as the runtime reads it, so that what is checked is what is fetched: ``http://0x7f.1`` has the
        host 127.0.0.1.
        """
        parts = optional(js.URL.parse(url) if base is None else js.URL.parse(url, base))
        if parts is None:
            raise _refused(param, "it is not a valid URL")
        if parts.protocol not in {"http:", "https:"}:
            raise _refused(param, "its scheme is neither http nor https")
        if parts.username or parts.password:
            raise _refused(param, "it holds a user name or password")
        if not self._allow_private:
            if parts.port:
                raise _refused(param, "its port is not allowed")
            if not _is_public(parts.hostname):
                raise _refused(param, "its host's address is not a public one")
        return str(parts.href)


def _is_public(host: str) -> bool:
    """Names are not looked up: the runtime does that, and connects to public addresses alone."""
    name = host.rstrip(".")
    try:
        address = ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return name != "localhost" and not name.endswith((".localhost", ".local", ".internal"))
    within = address.version == 4 or address in _GLOBAL_UNICAST
    return within and address.is_global and not address.is_multicast


def _leave(response: Handle) -> None:
    """Cancels an unread body, which would occupy one of the six connections of a request."""
    if optional(response.body) is not None:
        response.body.cancel().catch(ignored)


async def _image(response: Handle, param: str) -> JsPayload:
    if response.status != 200:
        _leave(response)
        raise _refused(param, f"its server answered {response.status}", status=int(response.status))
    stated = optional(response.headers.get("content-length")) or ""
    if stated.isdigit() and int(stated) > MAX_IMAGE_BYTES:
        _leave(response)
        raise _too_large(param)
    if optional(response.body) is None:
        raise _refused(param, "its server answered with nothing")
    payload = await JsPayload.of_stream(response.body, MAX_IMAGE_BYTES)
    if payload is None:
        raise _too_large(param)
    return payload


def _too_large(param: str) -> ImageNotFetched:
    return _refused(param, f"it is larger than {MAX_IMAGE_BYTES // MEBIBYTE} MiB")


def _refused(param: str, reason: str, *, status: int | None = None, transient: bool = False) -> ImageNotFetched:
    message = f"{param} cannot be fetched: {reason}"
    return ImageNotFetched(message, param=param, reason=reason, status=status, transient=transient)
