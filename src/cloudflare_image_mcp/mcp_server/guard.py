"""Checks Host and Origin of requests to ``/mcp`` (against DNS rebinding), and exposes headers to pages.

A web page can reach a server on the user's own machine, also under a host name that the page's owner points there.
Such a page has no API key, so with keys any Host is accepted; the protocol wants the Origin checked in any case.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse

from cloudflare_image_mcp.errors import shown

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

EXPOSED: Final = "Mcp-Session-Id, MCP-Protocol-Version, WWW-Authenticate, X-Request-Id"
"""Headers of an answer that a page may read."""
ANY: Final = "*"
_HOST: Final = re.compile(r"(?:(?P<name>[a-z0-9._-]+)|\[(?P<address>[0-9a-f:.]+)\])(?::[0-9]{1,5})?")


class Guard:
    """ASGI: 421 for a Host and 403 for an Origin that is not allowed, else the application."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        hosts: tuple[str, ...] = (),
        origins: tuple[str, ...] = (),
        public_base_url: str | None = None,
        any_host: bool = False,
    ) -> None:
        """``hosts``: names, with or without a port; ``origins``: ``https://host[:port]``; ``*`` allows any."""
        public = [public_base_url] if public_base_url else []
        self._app = app
        self._hosts = {host.lower() for host in hosts} | {urlsplit(url).netloc.lower() for url in public}
        self._origins = {origin.lower() for origin in origins} | {origin_of(url) for url in public}
        self._any_host = any_host or ANY in hosts
        self._any_origin = ANY in origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Not every HTTP parser strips white space (RFC 9110, 5.5); the SDK compares the values.
        scope["headers"] = [(name, value.strip(b" \t")) for name, value in scope["headers"]]
        headers = Headers(scope=scope)
        host, origin = headers.get("host", ""), headers.get("origin")
        if not self.allows_host(host):
            message = f"Host {shown(host, 100)} is not allowed here; add it to MCP_ALLOWED_HOSTS, or set API_KEYS"
            await _refusal(421, message)(scope, receive, send)
            return
        if origin is not None and not self.allows_origin(origin, host):
            message = f"Origin {shown(origin, 100)} is not allowed here; add it to MCP_ALLOWED_ORIGINS"
            await _refusal(403, message)(scope, receive, send)
            return

        async def send_exposed(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["Access-Control-Expose-Headers"] = EXPOSED
            await send(message)

        await self._app(scope, receive, send_exposed)

    def allows_host(self, host: str) -> bool:
        """Besides the listed ones: localhost and every IP address, because no page can rebind its name to be one."""
        if self._any_host or host.lower() in self._hosts:
            return True
        name = _name(host)
        return name is not None and (name in self._hosts or _is_local(name) or _is_address(name))

    def allows_origin(self, origin: str, host: str) -> bool:
        """Pages of this machine, of this server's own origin, and listed ones."""
        written = origin.lower()
        if self._any_origin or written in self._origins:
            return True
        scheme, _, place = written.partition("://")
        name = _name(place)
        if scheme not in {"http", "https"} or name is None:
            return False
        return place == host.lower() or _is_local(name) or _is_loopback(name)


def origin_of(url: str) -> str:
    parts = urlsplit(url.lower())
    return f"{parts.scheme}://{parts.netloc}"


def _name(host: str) -> str | None:
    """Returns the host without its port, in lower case, an IPv6 address without its brackets; None for text that is not
    a host with an optional port.
    """
    match = _HOST.fullmatch(host.lower())
    return (match["name"] or match["address"]) if match else None


def _is_local(name: str) -> bool:
    return name == "localhost" or name.endswith(".localhost")


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _is_loopback(name: str) -> bool:
    return _is_address(name) and ip_address(name).is_loopback


def _refusal(status: int, message: str) -> JSONResponse:
    error = {"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": message}}
    return JSONResponse(error, status_code=status)
