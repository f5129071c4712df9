"""Reads a reply of another provider's model: an image, as a URL, a ``data:`` URL or base64, or an error.

Over REST the answer is ``{"success", "result": {"state", "result": {"image"}}}``; the AI binding gives what is inside.
An image's URL expires, so that it is fetched at once.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from cloudflare_image_mcp.backends.workers_ai.errors import NO_IMAGE, UpstreamError, plain
from cloudflare_image_mcp.backends.workers_ai.proxied_errors import EXPIRED, NOT_FETCHED, proxied_meaning_of
from cloudflare_image_mcp.backends.workers_ai.reply import LONGEST_ERROR, base64_bytes, is_json, retry_after
from cloudflare_image_mcp.errors import ImageNotFetched, UnreadableImage
from cloudflare_image_mcp.imagefile.image import Image
from cloudflare_image_mcp.imagefile.payload import BytesPayload, base64_payload

if TYPE_CHECKING:
    from cloudflare_image_mcp.backends.workers_ai.reply import Reply
    from cloudflare_image_mcp.core.ports import ImageFetcher
    from cloudflare_image_mcp.imagefile.payload import Payload

_EXPIRED: Final = frozenset({401, 403, 404, 410})
"""Statuses under which stores answer for a URL whose time has passed."""
_FETCHES: Final = 3
"""The image is paid for: a host that does not answer is asked again."""
_PAUSE: Final = 0.5  # seconds
_DEEPEST: Final = 4
"""Objects inside one another in an answer."""


async def proxied_image_of(reply: Reply, fetcher: ImageFetcher) -> Image:
    """Returns the image. Raises ``UpstreamError``."""
    try:
        payload = reply.image or await _payload(reply, fetcher)
        return await Image.sniff(payload)
    except UnreadableImage as error:
        raise UpstreamError(NO_IMAGE, str(error)) from error


async def _payload(reply: Reply, fetcher: ImageFetcher) -> Payload:
    if reply.status == 200 and not is_json(reply.body):
        return BytesPayload(reply.body)
    text = _image_text(reply)
    if text.startswith(("http://", "https://")):
        return await _fetched(text, fetcher)
    payload = base64_payload([base64_bytes(text)])
    if payload is None:
        raise UpstreamError(NO_IMAGE, "its base64 is broken")
    return payload


def _image_text(reply: Reply) -> str:
    """The URL, ``data:`` URL or base64 of the image. Raises ``UpstreamError``."""
    value = _parsed(reply.body)
    if reply.status != 200 or not isinstance(value, dict) or (value.get("success") is False and _errors(value)):
        raise _failure(reply.status, value, reply)
    for _ in range(_DEEPEST):
        state = value.get("state")
        if isinstance(state, str) and state.lower() != "completed":
            raise _failure(200, value, reply, state)
        image = value.get("image") or value.get("images")
        image = image[0] if isinstance(image, list) and image else image
        if isinstance(image, dict):
            image = image.get("url") or image.get("b64_json")
        if isinstance(image, str):
            return image
        if not isinstance(value.get("result"), dict):
            break
        value = value["result"]
    raise UpstreamError(NO_IMAGE, "it holds none")


async def _fetched(url: str, fetcher: ImageFetcher) -> Payload:
    for attempt in range(_FETCHES):
        try:
            return await fetcher.fetch(url, "image")
        except ImageNotFetched as error:
            if error.status in _EXPIRED:
                raise UpstreamError(EXPIRED, error.reason) from error
            if not error.transient or attempt == _FETCHES - 1:
                raise UpstreamError(NOT_FETCHED, error.reason) from error
        await asyncio.sleep(_PAUSE * 2**attempt)
    raise AssertionError("unreachable")


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _failure(status: int, value: Any, reply: Reply, state: str = "") -> UpstreamError:
    code, text = next(iter(_errors(value)), (None, ""))
    text = plain(text)[:LONGEST_ERROR]
    meaning = proxied_meaning_of(status, code, f"{state} {text}")
    if state:
        text = f'its state is "{state}"' + (f', "{text}"' if text else "")
    elif code is None and text and meaning.quoted:
        text = f'"{text}"'
    return UpstreamError(meaning, text or f"HTTP status {status}", code=code, retry_after=retry_after(reply.headers))


def _errors(value: Any) -> list[tuple[int | None, str]]:
    """The codes and messages of an error in any of the forms that are seen: ``errors`` or ``error``, a list, an object
    or a text, or the AI binding's ``internalCode``. Providers' own codes, which are words, are left out.
    """
    if not isinstance(value, dict):
        return []
    if "internalCode" in value:
        value = {"error": {"code": value["internalCode"], "message": value.get("description")}}
    found: list[tuple[int | None, str]] = []
    listed = value.get("errors") or value.get("error") or value.get("message")
    for error in listed if isinstance(listed, list) else [listed]:
        code: int | None = None
        text = error
        if isinstance(error, dict):
            text = error.get("message") or error.get("description") or error.get("type")
            with suppress(ValueError, TypeError):
                code = int(str(error.get("code")))
        if isinstance(text, str) or code is not None:
            found.append((code, text if isinstance(text, str) else ""))
    return found
