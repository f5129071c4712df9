"""Request bodies of any kind that clients send, as one mapping of fields."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cloudflare_image_mcp.errors import GatewayError, invalid, shown
from cloudflare_image_mcp.limits import MAX_BODY_BYTES, MAX_JSON_LISTS, MAX_JSON_VALUES, MEBIBYTE
from cloudflare_image_mcp.rest.form import read_multipart, read_urlencoded

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from starlette.requests import Request

_DRAIN: Final = 4 * MAX_BODY_BYTES
"""Bytes of a body over the limit that are read and thrown away, so that the client gets to see the answer."""


@dataclass(frozen=True, slots=True)
class Body:
    """``text``: the values came as form text, in which numbers are spelt out."""

    fields: Mapping[str, object]
    text: bool


async def read_body(request: Request) -> Body:
    """Reads JSON, a multipart form or a URL-encoded one. Raises ``GatewayError`` (400, 413, 415).

    ``curl -d`` calls JSON a URL-encoded form, and ``fetch`` calls it plain text, unless told otherwise.
    """
    content_type = request.headers.get("content-type", "")
    kind = content_type.split(";", 1)[0].strip().lower()
    body = _limited(request)
    packed = request.headers.get("content-encoding", "identity").lower()
    if packed != "identity":
        raise await _unsupported(body, f"Content-Encoding must be identity, not {shown(packed)}")
    match kind:
        case "multipart/form-data":
            return Body(await read_multipart(body, content_type), text=True)
        case "application/x-www-form-urlencoded" | "text/plain":
            data = await _joined(body)
            if data.lstrip().startswith(b"{"):
                return Body(_json(data), text=False)
            if kind != "text/plain":
                return Body(read_urlencoded(data), text=True)
        case "application/json" | "":
            return Body(_json(await _joined(body)), text=False)
    raise await _unsupported(body, f"Content-Type must be application/json or multipart/form-data, not {shown(kind)}")


async def _unsupported(body: AsyncIterator[bytes], message: str) -> GatewayError:
    """Once the body is read to its end, so that the client gets to see the answer."""
    async for _ in body:
        pass
    return GatewayError("unsupported_media_type", message)


async def _limited(request: Request) -> AsyncIterator[bytes]:
    seen = 0
    async for chunk in request.stream():
        seen += len(chunk)
        if seen <= MAX_BODY_BYTES:
            yield chunk
        elif seen > _DRAIN:
            break
    if seen > MAX_BODY_BYTES:
        raise GatewayError(
            "request_too_large",
            f"the body is longer than the {MAX_BODY_BYTES // MEBIBYTE} MiB that are allowed",
        )


async def _joined(body: AsyncIterator[bytes]) -> bytes:
    return b"".join([chunk async for chunk in body])


def _check_count(data: bytes) -> None:
    """Raises ``GatewayError`` (413) where the body would take many times its length once it is read: an empty list of
    three bytes takes 72. Counted roughly, for commas and brackets in text count, too.
    """
    for what, found, limit in (
        ("lists and objects", data.count(b"[") + data.count(b"{"), MAX_JSON_LISTS),
        ("values", data.count(b","), MAX_JSON_VALUES),
    ):
        if found > limit:
            raise GatewayError(
                "request_too_large",
                f"the body has {found:,} {what}; at most {limit:,} are allowed (images go in as base64, or as a form)",
            )


def _json(data: bytes) -> dict[str, Any]:
    _check_count(data)
    try:
        value = json.loads(data or b"{}", parse_constant=_refuse)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise invalid(None, f"the body is not valid JSON: {error}") from None
    except RecursionError:
        raise invalid(None, "the body is not valid JSON: it is nested too deeply") from None
    except ValueError:
        # The one other: Python reads integers of up to 4,300 digits.
        raise invalid(None, "the body holds a number of more digits than are read") from None
    if not isinstance(value, dict):
        raise invalid(None, f"the body must be a JSON object, not {shown(value)}")
    return value


def _refuse(constant: str) -> object:
    raise json.JSONDecodeError(f"{constant} is no JSON number", "", 0)
