"""An ``ImageResult`` as OpenAI's JSON, written a piece at a time: an image's base64 goes from its payload to the
socket without ever being part of a larger string.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, Literal

from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from starlette.types import Receive, Scope, Send

    from cloudflare_image_mcp.core.result import ImageResult, ResultImage
    from cloudflare_image_mcp.imagefile.image import Image
    from cloudflare_image_mcp.imagefile.payload import Payload


_TOGETHER: Final = 64 * 1024
"""Bytes that are collected before they are sent, because every piece sent is a system call."""


class PiecesResponse(Response):
    """A body that is written a piece at a time, the small ones together: every piece sent is a system call. Unlike
    Starlette's ``StreamingResponse`` it starts no task to watch for the client's leaving; a piece that nobody waits for
    is dropped by the server.
    """

    def __init__(self, pieces: AsyncIterator[bytes | memoryview], headers: dict[str, str], media_type: str) -> None:
        super().__init__(None, 200, headers, media_type)
        self._pieces = pieces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        waiting: list[bytes | memoryview] = []
        length = 0
        async for piece in self._pieces:
            if len(piece) >= _TOGETHER:  # not copied
                if waiting:
                    await send({"type": "http.response.body", "body": b"".join(waiting), "more_body": True})
                    waiting, length = [], 0
                await send({"type": "http.response.body", "body": piece, "more_body": True})
                continue
            waiting.append(piece)
            length += len(piece)
            if length >= _TOGETHER:
                await send({"type": "http.response.body", "body": b"".join(waiting), "more_body": True})
                waiting, length = [], 0
        await send({"type": "http.response.body", "body": b"".join(waiting), "more_body": False})


def image_answer(result: ImageResult, base_url: str) -> Response:
    """The 200 answer. ``base_url``: origin of the image URLs, without a slash."""
    return json_answer(list(result_pieces(result, base_url)), result_headers(result))


def json_answer(pieces: list[bytes | Payload], headers: dict[str, str]) -> Response:
    """A 200 answer of JSON in pieces, images as payloads, with its ``content-length``."""
    length = sum(len(piece) if isinstance(piece, bytes) else base64_length(piece) for piece in pieces)
    return PiecesResponse(written(pieces), headers | {"content-length": str(length)}, "application/json")


def result_headers(result: ImageResult) -> dict[str, str]:
    """Headers with the model that ran, the cost and the time of each phase."""
    timings = ", ".join(f"{phase};dur={seconds * 1000:.1f}" for phase, seconds in result.timings.items())
    headers = {"x-image-model": result.made_by, "x-image-backend": result.backend, "server-timing": timings}
    headers |= result.headers
    if result.cache is not None:
        headers["x-image-cache"] = result.cache
    if result.neurons is not None:
        headers["x-image-neurons"] = f"{result.neurons:.2f}"
    if result.usd is not None:
        headers["x-image-usd"] = f"{result.usd:.6f}".rstrip("0").rstrip(".")
    return headers


def image_url(base_url: str, key: str) -> str:
    return f"{base_url}/images/{key}"


def background(image: Image) -> Literal["opaque", "transparent"]:
    """OpenAI's word for whether the file has an alpha channel: an edit keeps its original's."""
    return "transparent" if image.header.has_alpha else "opaque"


def result_fields(result: ImageResult) -> dict[str, Any]:
    """The model that ran, and the fields that an answer has only where they say something."""
    fields: dict[str, Any] = {"model": result.made_by}
    if result.requested_model not in {None, result.made_by}:
        fields["requested_model"] = result.requested_model
    if result.safety_identifier is not None:
        fields["safety_identifier"] = result.safety_identifier
    if result.warnings:
        fields["warnings"] = list(result.warnings)
    return fields


NO_TOKENS: Final = {
    "input_tokens": 0,
    "input_tokens_details": {"image_tokens": 0, "text_tokens": 0},
    "output_tokens": 0,
    "total_tokens": 0,
}
"""OpenAI's ``usage`` of images: nothing here is counted in tokens (neurons are in the headers and the metadata)."""


def cost(result: ImageResult | ResultImage) -> dict[str, float]:
    """The price in USD as a field of ``usage``, where the images were paid in USD and it is known."""
    return {} if result.usd is None else {"cost": round(result.usd, 6)}


def base64_length(payload: Payload) -> int:
    """Characters of the payload as padded base64."""
    return -(-payload.size // 3) * 4


_encode: Final = json.JSONEncoder(separators=(",", ":")).encode
"""``json.dumps`` makes an encoder at every call."""


def compact_json(value: Any) -> bytes:
    return _encode(value).encode("ascii")


def result_pieces(result: ImageResult, base_url: str) -> Iterator[bytes | Payload]:
    """The JSON object of a result, its images as payloads whose base64 stands there."""
    yield b'{"created":%d,"data":[' % int(result.created.timestamp())
    for index, image in enumerate(result.images):
        if index:
            yield b","
        yield from _item(image, result, base_url)
    rest: dict[str, Any] = {
        "size": str(result.size),
        "output_format": result.output_format.value,
        "background": background(result.images[0].image),
    }
    yield b"]," + compact_json(rest | result_fields(result) | _usage(result))[1:]


def _usage(result: ImageResult) -> dict[str, Any]:
    return {} if result.usd is None else {"usage": NO_TOKENS | cost(result)}


def _item(image: ResultImage, result: ImageResult, base_url: str) -> Iterator[bytes | Payload]:
    rest: dict[str, Any] = {}
    if result.prompt:
        rest["revised_prompt"] = result.prompt
    if image.seed is not None:
        rest["seed"] = image.seed
    if result.response_format == "url" and image.stored is not None:
        yield compact_json({"url": image_url(base_url, image.stored.key)} | rest)
        return
    yield b'{"b64_json":"'
    yield image.image.payload
    yield b'"' + (b"," + compact_json(rest)[1:] if rest else b"}")


async def written(pieces: list[bytes | Payload]) -> AsyncIterator[bytes | memoryview]:
    for piece in pieces:
        if isinstance(piece, bytes):
            yield piece
        else:
            async for chunk in piece.base64_chunks():
                yield chunk
