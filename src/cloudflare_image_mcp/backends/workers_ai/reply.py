"""Reads a reply of Workers AI: an image, as base64 in a JSON envelope or as bare bytes, or an error in one of three
envelopes.

The stated media type is not trusted: JSON begins with a brace, and no image does.
"""

from __future__ import annotations

import json
import math
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final

from cloudflare_image_mcp.backends.workers_ai.errors import NO_IMAGE, UpstreamError, is_known, meaning_of, plain
from cloudflare_image_mcp.errors import UnreadableImage
from cloudflare_image_mcp.imagefile.image import Image
from cloudflare_image_mcp.imagefile.payload import BytesPayload, base64_payload

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cloudflare_image_mcp.imagefile.payload import Payload

_START: Final = b'{"result":{"image":"'
_LONGEST_END: Final = 64 * 1024
"""Bytes of an envelope after its image, at the most. The text before is not searched for the quote that ends it, which
takes 3 % of the time of an image of 1 MB: a quote there is found when the text is read as base64.
"""
LONGEST_ERROR: Final = 300
"""Characters of the service's words in a message."""
LONGEST_RETRY_AFTER: Final = 24 * 3600.0
"""Seconds: a day, after which every limit of the service has ended. Longer values are cut to it."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP reply, read to its end. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    image: Payload | None = None
    """The image file, where the transport has read it already; then ``body`` is empty."""

    @property
    def neurons(self) -> float | None:
        """Neurons that the call cost, as the service reports; None when it reports none, or no number from 0."""
        try:
            neurons = float(self.headers["cf-ai-neurons"])
        except (KeyError, ValueError):
            return None
        return neurons if math.isfinite(neurons) and neurons >= 0 else None


async def image_of(reply: Reply) -> Image:
    """Returns the image, still in base64 if it came so. Raises ``UpstreamError``."""
    if reply.status != 200:
        raise failure_of(reply)
    try:
        payload = reply.image or _payload(reply)
        return await Image.sniff(payload)
    except UnreadableImage as error:
        raise UpstreamError(NO_IMAGE, str(error), neurons=reply.neurons) from error


def failure_of(reply: Reply) -> UpstreamError:
    """The failure that an error answer stands for, in whichever envelope it came, or in none. Of several errors the
    first whose code is known.
    """
    errors = _errors(reply.body)
    code, text = next((error for error in errors if is_known(error[0])), errors[0] if errors else (None, ""))
    text = text or f"HTTP status {reply.status}"
    text = plain(text)[:LONGEST_ERROR]
    return UpstreamError(
        meaning_of(reply.status, code, text),
        text,
        code=code,
        retry_after=retry_after(reply.headers),
        neurons=reply.neurons,
    )


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds from 0 to ``LONGEST_RETRY_AFTER``, from either form that RFC 9110 allows."""
    value = headers.get("retry-after")
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return None
    return None if math.isnan(seconds) else min(max(0.0, seconds), LONGEST_RETRY_AFTER)


def _errors(body: bytes) -> list[tuple[int, str]]:
    """Returns the codes and messages of an error envelope, without those that have no code; none without an envelope.

    Workers AI and Cloudflare's API send ``errors``, the AI binding ``{"internalCode", "description"}``.
    """
    try:
        envelope: Any = json.loads(body)
        listed: Any = [envelope] if "internalCode" in envelope else envelope["errors"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return []
    found: list[tuple[int, str]] = []
    for error in listed if isinstance(listed, list) else []:
        with suppress(ValueError, KeyError, TypeError, AttributeError):
            code = error["internalCode"] if "internalCode" in error else error["code"]
            found.append((int(str(code)), str(error.get("description") or error.get("message") or "")))
    return found


def _payload(reply: Reply) -> Payload:
    if not is_json(reply.body):
        return BytesPayload(reply.body)
    payload = read_image([reply.body])
    if payload is not None:
        return payload
    payload = base64_payload([_parsed(reply)])
    if payload is None:
        raise UpstreamError(NO_IMAGE, "its base64 is broken", neurons=reply.neurons)
    return payload


def read_image(pieces: Sequence[bytes]) -> Payload | None:
    """``result.image`` of a reply that came in pieces, in the envelope as the service writes it: without joining or
    parsing megabytes of JSON, and without a copy. None when the envelope is written in any other way, or the text is
    no base64, which is read to its last character: it is going to stand in the caller's JSON as it is.
    """
    if not pieces or not pieces[0].startswith(_START):
        return None
    text: list[memoryview] = []
    start, left = len(_START), sum(map(len, pieces))
    for number, piece in enumerate(pieces):
        left -= len(piece)
        end = piece.find(b'"', start) if left < _LONGEST_END else -1
        if end >= 0:
            text.append(memoryview(piece)[start:end])
            rest = piece[end + 1 : end + 2] or b"".join(pieces[number + 1 : number + 2])[:1]
            break
        text.append(memoryview(piece)[start:])
        start = 0
    else:
        return None
    return base64_payload(text) if rest in {b"}", b","} else None


def is_json(body: bytes) -> bool:
    """Whether a reply is a JSON object; else it is an image's bytes."""
    return body[:64].lstrip()[:1] == b"{"


def base64_bytes(text: str) -> bytes:
    """The base64 of a text, which may be a ``data:`` URL, without line breaks. What is not ASCII becomes ``?``, which
    is no base64.
    """
    return "".join(text.rpartition("base64,")[2].split()).encode("ascii", "replace")


def _parsed(reply: Reply) -> bytes:
    """``result.image`` of any envelope, without line breaks. Raises ``UpstreamError``; an error
    under status 200 is its own.
    """
    try:
        envelope: Any = json.loads(reply.body)
        if envelope.get("success") is False and envelope.get("errors"):
            raise failure_of(reply)
        return base64_bytes(str(envelope["result"]["image"]))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UpstreamError(NO_IMAGE, "it holds none", neurons=reply.neurons) from error
