"""Reads a request's fields: JSON, a multipart form or a URL-encoded one, as one mapping."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from cloudflare_image_mcp.errors import GatewayError, invalid, printable, shown
from cloudflare_image_mcp.limits import MAX_JSON_COLONS, MAX_JSON_KEYS, MAX_JSON_LISTS, MAX_JSON_VALUES
from cloudflare_image_mcp.rest.form import read_multipart, read_urlencoded

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from cloudflare_image_mcp.rest.request_body import RequestBody

_JSON_TYPE: Final = re.compile(r"(?:application|text)/(?:[\w.-]+[+-])?json")
"""``application/json``, ``text/json``, ``application/x-json``, ``application/vnd.api+json``."""
_END_OF_TYPE: Final = re.compile("[;,]")
_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F]")
_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")


async def read_body(request: Request) -> Mapping[str, object]:
    """The fields of the request. Raises ``GatewayError`` (400, 408, 413, 415, 503).

    ``curl -d`` calls JSON a URL-encoded form, ``fetch`` calls it plain text and other tools bytes, by default.
    """
    content_type = request.headers.get("content-type", "")
    kind = _END_OF_TYPE.split(content_type, maxsplit=1)[0].strip().lower()
    body: RequestBody = request.state.body
    if kind == "" or _JSON_TYPE.fullmatch(kind):
        return read_json(await body.read())
    match kind:
        case "multipart/form-data":
            return await read_multipart(body, content_type)
        case "application/x-www-form-urlencoded" | "text/plain" | "application/octet-stream":
            data = await body.read()
            if data[:1024].lstrip().startswith(b"{"):
                return read_json(data)
            if kind == "application/x-www-form-urlencoded":
                return await read_urlencoded(data)
    await body.discard()
    raise GatewayError(
        "unsupported_media_type",
        f"Content-Type must be application/json or multipart/form-data, not {shown(kind)}",
    )


def read_json(data: bytes) -> dict[str, Any]:
    """The JSON object in a body. Raises ``GatewayError`` (400, 413)."""
    check_json(data)
    try:
        value = _decode(data.decode(json.detect_encoding(data), "surrogatepass") if data else "{}")
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise invalid(None, f"the body is not valid JSON: {error}") from None
    except RecursionError:
        raise invalid(None, "the body is not valid JSON: it is nested too deeply") from None
    except ValueError:
        # Python reads integers of up to 4,300 digits.
        raise invalid(None, "the body holds a number of more digits than are read") from None
    if not isinstance(value, dict):
        raise invalid(None, f"the body must be a JSON object, not {shown(value)}")
    if len(value) > MAX_JSON_KEYS:
        raise _too_many(len(value), "keys in one object", MAX_JSON_KEYS)
    if b"\\u" in data and _SURROGATE.search(data):
        check_text(value)
    return value


def check_json(data: bytes) -> None:
    """Raises ``GatewayError`` (413) for JSON that takes many times its length in memory once it is read: an empty list
    of three bytes takes 72. The count is rough, because commas, brackets and colons in texts count, too.
    """
    for what, found, limit in (
        ("lists and objects", data.count(b"[") + data.count(b"{"), MAX_JSON_LISTS),
        ("values", data.count(b","), MAX_JSON_VALUES),
        ("keys", data.count(b":"), MAX_JSON_COLONS),
    ):
        if found > limit:
            raise _too_many(found, what, limit)


def check_text(fields: Mapping[str, object]) -> None:
    """Raises ``GatewayError`` (400) for a text with a lone surrogate, which cannot be written as UTF-8."""
    for name, value in fields.items():
        waiting: list[object] = [name, value]
        while waiting:
            match waiting.pop():
                case str() as text:
                    if found := _LONE_SURROGATE.search(text):
                        where = printable(name)[:100]
                        raise invalid(where, f"{where} holds {printable(found[0])}, which is not valid Unicode")
                case list() as items:
                    waiting += items
                case dict() as items:
                    waiting += [*items, *items.values()]


def _too_many(found: int, what: str, limit: int) -> GatewayError:
    return GatewayError(
        "request_too_large",
        f"the body has {found:,} {what}; at most {limit:,} are allowed (images go in as base64, or as a form)",
    )


def _refuse(constant: str) -> object:
    raise json.JSONDecodeError(f"{constant} is no JSON number", "", 0)


_decode: Final = json.JSONDecoder(parse_constant=_refuse).decode
"""``json.loads`` makes a decoder at every call."""
