"""The page at ``/``: a form for the REST API, a mask editor and a gallery. Static files, the same in both runtimes."""

from __future__ import annotations

import hashlib
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

if TYPE_CHECKING:
    from starlette.requests import Request

MEDIA_TYPES: Final = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
_STATIC: Final = files("cloudflare_image_mcp.web").joinpath("static")


def page_routes() -> list[Route]:
    """``/`` and ``/web/{name}``, for GET and HEAD."""
    return [
        Route("/", _index, include_in_schema=False),
        Route("/web/{name}", _asset, include_in_schema=False),
    ]


async def _index(request: Request) -> Response:
    return _file("index.html", request)


async def _asset(request: Request) -> Response:
    return _file(request.path_params["name"], request)


def _file(name: str, request: Request) -> Response:
    """The file, or 304 where ``If-None-Match`` names its ``ETag`` (RFC 9110, 13.1.2).

    Raises ``HTTPException`` (404) for a name that the folder does not have.
    """
    known = {entry.name: entry for entry in _STATIC.iterdir() if entry.is_file()}
    if name not in known:
        raise HTTPException(404)
    content = known[name].read_bytes()
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {
        "etag": etag,
        "content-security-policy": CONTENT_SECURITY_POLICY,
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cache-control": "no-cache",
    }
    seen = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
    if seen & {etag, "*"}:
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type=MEDIA_TYPES[name.rsplit(".", 1)[1]])
