"""``GET /images/{key}``: stored images, whole or in part."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from starlette.responses import Response, StreamingResponse

from cloudflare_image_mcp.errors import GatewayError, shown
from cloudflare_image_mcp.rest.errors import error_answer

if TYPE_CHECKING:
    from starlette.requests import Request

    from cloudflare_image_mcp.core.gateway import Gateway
    from cloudflare_image_mcp.core.ports import Clock, StoredImage

_DAY: Final = timedelta(days=1)
_RANGE: Final = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.IGNORECASE)
"""Any other header is ignored, and the whole file sent, as RFC 9110 allows; so are numbers that no file reaches."""


async def image_file(gateway: Gateway, key: str, request: Request, lifetime: timedelta | None) -> Response:
    """200, 206 (one range), 304 or 416; for caches to keep for a day, or what is left of the image's ``lifetime``.
    Raises ``GatewayError`` (404).

    A key is never used twice, so the answer never changes and the key itself is the ETag. HEAD knows no ranges
    (RFC 9110, 14.2).
    """
    stored = await gateway.store.find(key)
    if stored is None:
        raise GatewayError("not_found", f"image {shown(key)} does not exist, or has expired")
    etag = f'"{stored.id}"'
    headers = {
        "etag": etag,
        "accept-ranges": "bytes",
        "cache-control": f"public, max-age={_max_age(stored, lifetime, gateway.clock)}, immutable",
        "content-disposition": f'inline; filename="{stored.key}"',
        "x-content-type-options": "nosniff",
    }
    if etag in request.headers.get("if-none-match", "") or request.headers.get("if-none-match") == "*":
        return Response(status_code=304, headers=headers)
    if request.method == "HEAD":
        headers["content-length"] = str(stored.size)
        return Response(status_code=200, headers=headers, media_type=stored.media_type)
    try:
        span = _span(request.headers.get("range", ""), request.headers.get("if-range", etag) == etag, stored)
    except GatewayError as error:
        return error_answer(error, {"content-range": f"bytes */{stored.size}"})
    start, stop = span or (0, stored.size)
    if span:
        headers["content-range"] = f"bytes {start}-{stop - 1}/{stored.size}"
    headers["content-length"] = str(stop - start)
    chunks = gateway.store.read(stored.key, start, stop)
    return StreamingResponse(chunks, 206 if span else 200, headers=headers, media_type=stored.media_type)


def _max_age(stored: StoredImage, lifetime: timedelta | None, clock: Clock) -> int:
    """In seconds."""
    left = _DAY if lifetime is None else stored.created + lifetime - clock.now()
    return max(0, int(min(left, _DAY).total_seconds()))


def _span(header: str, current: bool, stored: StoredImage) -> tuple[int, int] | None:
    """The one range asked for; None for the whole file, also where several are asked for (which is allowed)."""
    match = _RANGE.fullmatch(header.strip())
    if match is None or not current or match[0].endswith("=-"):
        return None
    if match[1]:
        start, stop = int(match[1]), int(match[2]) + 1 if match[2] else stored.size
    else:
        start, stop = max(0, stored.size - int(match[2])), stored.size
    if start >= stored.size or stop <= start:
        raise GatewayError("range_not_satisfiable", f"range {shown(header)} is outside the image's {stored.size} bytes")
    return start, min(stop, stored.size)
