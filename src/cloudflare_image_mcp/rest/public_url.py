"""The base URL of the image URLs in answers, from the settings or from the request and its proxy's headers.

A header counts only if it is well formed: nothing but a scheme, a host name, a port and a path gets into a URL.
"""

from __future__ import annotations

import re
from ipaddress import IPv6Address
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from starlette.datastructures import Headers
    from starlette.requests import HTTPConnection

    from cloudflare_image_mcp.rest.options import AppOptions

_NAME: Final = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST: Final = re.compile(rf"(?P<host>{_NAME}(?:\.{_NAME})*\.?|\[[0-9A-Fa-f:.]{{2,45}}\])(?::(?P<port>[0-9]{{1,5}}))?")
_PREFIX: Final = re.compile(r"(?:/[A-Za-z0-9._~-]+)+")
_PAIR: Final = re.compile(r'\s*([A-Za-z]+)=(?:"([^"\\]*)"|([^\s";,]+))\s*')
_PORTS: Final = {"http": 80, "https": 443}


def base_url(request: HTTPConnection, options: AppOptions) -> str:
    """PUBLIC_BASE_URL; else the address under which the client reached the server or the outermost proxy.

    ``X-Forwarded-*`` come before ``Forwarded`` (RFC 7239), and that before ``Host``.
    """
    if options.public_base_url:
        return options.public_base_url
    headers: Headers = request.headers
    forwarded = _forwarded(headers.get("forwarded"))
    scheme = (
        _scheme(_first(headers.get("x-forwarded-proto")))
        or _scheme(forwarded.get("proto", ""))
        or _scheme(request.scope.get("scheme", ""))
        or "http"
    )
    host = (
        _host(_first(headers.get("x-forwarded-host")))
        or _host(forwarded.get("host", ""))
        or _host(headers.get("host", ""))
        or _own_host(request)
    )
    name, port = host
    port = _port(_first(headers.get("x-forwarded-port"))) or port
    prefix = _first(headers.get("x-forwarded-prefix")).rstrip("/")
    written_port = "" if port in (None, _PORTS[scheme]) else f":{port}"
    return f"{scheme}://{name}{written_port}{prefix if _is_prefix(prefix) else ''}"


def _first(header: str | None) -> str:
    """The value that the outermost of several proxies wrote."""
    return (header or "").split(",", 1)[0].strip()


def _forwarded(header: str | None) -> dict[str, str]:
    """The pairs of the first element of ``Forwarded``; none of them if the element is not well formed."""
    pairs: dict[str, str] = {}
    for pair in _first(header).split(";") if header else ():
        match = _PAIR.fullmatch(pair)
        if match is None:
            return {}
        pairs[match[1].lower()] = match[2] or match[3] or ""
    return pairs


def _scheme(written: str) -> str | None:
    lowered = written.lower()
    return lowered if lowered in _PORTS else None


def _host(written: str) -> tuple[str, int | None] | None:
    """The host name and the port; None if it is not well formed."""
    match = _HOST.fullmatch(written) if len(written) <= 260 else None
    if match is None:
        return None
    if match["host"].startswith("["):
        try:
            IPv6Address(match["host"][1:-1])
        except ValueError:
            return None
    port = _port(match["port"] or "")
    return None if match["port"] and port is None else (match["host"], port)


def _port(written: str) -> int | None:
    if not (written.isascii() and written.isdigit() and len(written) <= 5):
        return None
    return int(written) if 0 < int(written) < 65536 else None


def _is_prefix(written: str) -> bool:
    dots = {".", ".."}
    return len(written) <= 200 and bool(_PREFIX.fullmatch(written)) and not dots & set(written.split("/"))


def _own_host(request: HTTPConnection) -> tuple[str, int | None]:
    server = request.scope.get("server")
    if server is None:
        return "localhost", None
    name, port = server
    return (f"[{name}]" if ":" in name else name), port
