"""Input images as callers write them, and the way from there to an ``Image`` whose header has been read."""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from cloudflare_image_mcp.core.byte_budget import ByteBudget, Room
from cloudflare_image_mcp.core.request import ImageSource
from cloudflare_image_mcp.core.written_values import snake_case
from cloudflare_image_mcp.errors import GatewayError, UnreadableImage, invalid, shown
from cloudflare_image_mcp.imagefile import base64_text
from cloudflare_image_mcp.imagefile.header import ImageCutShort, ImageFormat
from cloudflare_image_mcp.imagefile.image import Image
from cloudflare_image_mcp.imagefile.payload import BytesPayload
from cloudflare_image_mcp.imagefile.percent_text import percent_decoded
from cloudflare_image_mcp.limits import (
    FETCH_TIMEOUT,
    MAX_BODY_BYTES,
    MAX_IMAGE_BYTES,
    MAX_IMAGE_PIXELS,
    MAX_IMAGE_SIDE,
    MAX_INPUT_IMAGES,
    MAX_URL_LENGTH,
    MEBIBYTE,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

    from cloudflare_image_mcp.core.ports import ImageFetcher, ImageStore, Pixels, StoredImage
    from cloudflare_image_mcp.core.request import ImageRequest
    from cloudflare_image_mcp.imagefile.payload import Payload

_NAMES: Final = {
    "image": re.compile(
        r"(?:(?:input|reference|init|source)_)?(?:images?|image_urls?|image_b64)(?:\[\d*\])?|(?:input_|reference_)?image_\d+"
        r"|(?:image_)?files?(?:\[\d*\])?"
    ),
    "mask": re.compile(r"mask(?:_image|_b64|_url|_image_url)?(?:\[\d*\])?"),
}
"""The names under which clients send input images: one, a list, or one an index (FLUX.2's own are
``input_image_0`` to ``input_image_3``).
"""

IMAGE_KEYS: Final = ("image_url", "url", "b64_json", "data", "base64", "source", "inline_data", "inlineData")
"""In an object, where the image stands: OpenAI's JSON form, chat messages, our own answers handed back, and messages of
Anthropic's API (``source``) and Google's (``inlineData``).
"""

_MAX_NAME_LENGTH: Final = 64
_MAX_DEPTH: Final = 4
"""Lists and objects inside each other: ``images: [{"image_url": {"url": ...}}]`` has three."""

_MOST: Final = MAX_IMAGE_BYTES // MEBIBYTE
_OWN_URL: Final = re.compile(r"https?://[^?#]*/images/([\w-]{22}\.[a-z]{3,4})(?:[?#].*)?", re.ASCII)
_MAX_SCHEME: Final = 64
_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)


def read_sources(kind: str, fields: Mapping[str, object]) -> tuple[ImageSource, ...]:
    """All ``image`` or ``mask`` fields of a request, in the order of their indices, which a form need not have, else in
    that of the request. Raises ``GatewayError`` (400).
    """
    names = sorted((name for name in fields if source_kind(name) == kind), key=_index)
    found = [source for name in names for source in sources_in(name, fields[name])]
    if len(found) > MAX_INPUT_IMAGES:
        raise invalid(found[0].param, f"at most {MAX_INPUT_IMAGES} input images are allowed, not {len(found)}")
    return tuple(found)


def _index(name: str) -> int:
    digits = re.search(r"[\[_](\d{1,9})\]?$", name)
    return int(digits[1]) if digits else 0


def is_source_name(name: str) -> bool:
    """Whether an input image or a mask is sent under this name."""
    return source_kind(name) is not None


def source_kind(name: str) -> str | None:
    """``image`` or ``mask`` for a name under which clients send one."""
    return _kind(name) if len(name) <= _MAX_NAME_LENGTH else None


@lru_cache(maxsize=1024)
def _kind(name: str) -> str | None:
    return next((kind for kind, names in _NAMES.items() if names.fullmatch(snake_case(name))), None)


def source_names(fields: Mapping[str, object]) -> tuple[str, ...]:
    """The names of all image and mask fields that hold something."""
    return tuple(name for name, value in fields.items() if value not in (None, "", b"", []) and is_source_name(name))


def sources_in(param: str, value: object, depth: int = 0) -> Iterator[ImageSource]:
    """The input images in a value of any form: text, a file, a list, an object. Raises ``GatewayError`` (400)."""
    if depth > _MAX_DEPTH:
        raise invalid(param[:100], "the lists and objects of an input image are nested too deeply")
    match value:
        case None | "" | b"":
            return
        case bytes() | str():
            yield ImageSource(param, value)
        case list() if value and isinstance(value[0], int):
            yield ImageSource(param, _byte_array(param, value))
        case list():
            for index, item in enumerate(value):
                yield from sources_in(f"{param.removesuffix('[]')}[{index}]", item, depth + 1)
        case dict():
            yield from _object(param, value, depth)
        case _:
            raise invalid(param, f"{param} must be base64, a URL or a file, not {shown(value)}")


def _byte_array(param: str, values: list[object]) -> bytes:
    """Workers AI's own way of writing a file in JSON."""
    try:
        return bytes(values)  # type: ignore[arg-type]  # what is no byte raises here
    except (TypeError, ValueError):
        raise invalid(param, f"{param} must hold the file's bytes as integers from 0 to 255") from None


def _object(param: str, value: Mapping[str, object], depth: int) -> Iterator[ImageSource]:
    for key in IMAGE_KEYS:
        if value.get(key) is not None:
            yield from sources_in(f"{param}.{key}", value[key], depth + 1)
            return
    if "file_id" in value:
        raise invalid(
            f"{param}.file_id",
            f"{param}.file_id is not supported: there is no files API here; send image_url",
        )
    raise invalid(param, f"{param} must have image_url with an https or data: URL")


class SourceReader:
    """Turns an ``ImageSource`` into an ``Image`` within the limits."""

    def __init__(self, fetcher: ImageFetcher, store: ImageStore, pixels: Pixels, budget: ByteBudget) -> None:
        self._pixels = pixels
        self._budget = budget
        self._fetcher = fetcher
        self._store = store

    async def read_all(self, sources: Sequence[ImageSource]) -> tuple[Image, ...]:
        """One after another, and no more together than a body may hold: a URL is short and its image need not be.
        Raises ``GatewayError`` (400) naming the source's ``param``, what was found and what is allowed; 503 where there
        is no room for images that lie elsewhere.
        """
        if not sources:
            return ()
        images: list[Image] = []
        async with self._room_for(sources) as room:
            for source in sources:
                if len(source.data) > MEBIBYTE:  # other requests get their turn between two long steps
                    await asyncio.sleep(0)
                images.append(await self._image(source, room))
                if sum(image.payload.size for image in images) > MAX_BODY_BYTES:
                    raise GatewayError(
                        "invalid_image",
                        f"the input images have more than {MAX_BODY_BYTES // MEBIBYTE} MiB together with"
                        f" {source.param}",
                        param=source.param,
                    )
        return tuple(images)

    @asynccontextmanager
    async def _room_for(self, sources: Sequence[ImageSource]) -> AsyncIterator[Room]:
        """Room for all images of a request at once that are fetched, or read from the store. Requests that got room for
        one image after another would wait for each other.
        """
        elsewhere = sum(isinstance(source.data, str) and _is_address(source.data) for source in sources)
        count = min(elsewhere * min(MAX_IMAGE_BYTES, self._budget.most // 4), self._budget.most // 2)
        if count:
            await self._budget.wait_for(count, FETCH_TIMEOUT)
        room = Room(self._budget, count)
        try:
            yield room
        finally:
            room.close()

    async def _image(self, source: ImageSource, room: Room) -> Image:
        payload = await self._payload(source, room)
        if payload.size > MAX_IMAGE_BYTES:
            raise GatewayError(
                "invalid_image",
                f"{source.param} has {payload.size / MEBIBYTE:.1f} MiB; at most {_MOST} MiB are allowed",
                param=source.param,
            )
        try:
            image = await self._sniffed(payload)
        except UnreadableImage as error:
            raise unreadable_image(source.param, error) from None
        width, height = image.header.size
        if width * height > MAX_IMAGE_PIXELS or max(width, height) > MAX_IMAGE_SIDE:
            raise GatewayError(
                "invalid_image",
                f"{source.param} is {width}x{height}; at most {MAX_IMAGE_PIXELS:,} pixels are allowed, "
                f"{MAX_IMAGE_SIDE:,} a side",
                param=source.param,
            )
        return image

    async def _sniffed(self, payload: Payload) -> Image:
        try:
            return await Image.sniff(payload)
        except ImageCutShort as error:
            if error.header.format is not ImageFormat.JPEG:
                raise
            return await self._pixels.complete_jpeg(Image(payload, error.header))

    async def _payload(self, source: ImageSource, room: Room) -> Payload:
        if isinstance(source.data, bytes):
            return BytesPayload(source.data)
        text = source.data.strip()
        if text[:5].lower() == "data:":
            return BytesPayload(await _data_url(source.param, text))
        if _is_address(text):
            if len(text) > MAX_URL_LENGTH:
                raise invalid(
                    source.param,
                    f"{source.param} is a URL of {len(text)} characters; at most {MAX_URL_LENGTH} are allowed",
                )
            if text.startswith("image://"):
                payload = await self._stored(source.param, text)
            else:
                payload = await self._own(text) or await self._fetcher.fetch(text, source.param)
            room.fill(payload)
            return payload
        return BytesPayload(_decode(source.param, text))

    async def _stored(self, param: str, url: str) -> Payload:
        found = await find_stored(self._store, url.removeprefix("image://"))
        if found is None:
            raise GatewayError(
                "invalid_image", f"{param} names {shown(url)}, which is not stored (any more)", param=param
            )
        return await self._read(found)

    async def _own(self, url: str) -> Payload | None:
        """The image under a URL that the gateway handed out: it may lead to an address from which nothing is fetched,
        this machine's own. Whose host it names does not matter, for nobody else has the key.
        """
        match = _OWN_URL.fullmatch(url)
        found = await self._store.find(match[1]) if match else None
        return await self._read(found) if found else None

    async def _read(self, stored: StoredImage) -> Payload:
        return BytesPayload(b"".join([chunk async for chunk in self._store.read(stored.key)]))


def without_data(request: ImageRequest) -> ImageRequest:
    """The request without the text of its input images, which have been read: base64 of 50 MB, perhaps."""
    if not request.images and request.mask is None:
        return request
    return request.replace(
        images=tuple(replace(source, data=b"") for source in request.images),
        mask=request.mask and replace(request.mask, data=b""),
    )


def _is_address(text: str) -> bool:
    """Whether it is a URL, but no ``data:`` one."""
    return _SCHEME.match(text.lstrip(), 0, _MAX_SCHEME) is not None  # not through all of 50 MB of base64


async def find_stored(store: ImageStore, name: str) -> StoredImage | None:
    """The image under a key, or under a key without its extension."""
    keys = [name] if "." in name else [f"{name}.{format_.extension}" for format_ in ImageFormat]
    for key in keys:
        found = await store.find(key)
        if found is not None:
            return found
    return None


async def _data_url(param: str, url: str) -> bytes:
    head, comma, rest = url.partition(",")
    if not comma:
        raise invalid(param, f"{param} must be a data: URL with a comma before its data, not {shown(url)}")
    if head[-7:].lower() != ";base64":
        return await percent_decoded(rest.encode())
    if "%" in rest:  # escapes, which a URL may have and base64 has not
        rest = (await percent_decoded(rest.encode())).decode("latin-1")
    return _decode(param, rest)


def _decode(param: str, text: str) -> bytes:
    """Base64, standard or URL-safe, with or without line breaks and padding."""
    if len(text) > MAX_IMAGE_BYTES * 2:
        raise GatewayError(
            "invalid_image",
            f"{param} has {len(text):,} characters of base64; at most {_MOST} MiB of image are allowed",
            param=param,
        )
    try:
        data = text.encode("ascii")
        if any(mark in data for mark in _OTHER_FORMS):
            data = data.translate(_URL_SAFE, _SPACE)
        return base64_text.decode(data + b"=" * (-len(data) % 4))
    except ValueError:
        raise invalid(
            param, f"{param} must be base64, a data: URL, an https URL or a file, not {shown(text, 24)}"
        ) from None


_URL_SAFE: Final = bytes.maketrans(b"-_", b"+/")
_SPACE: Final = b" \t\r\n\f\v"
_OTHER_FORMS: Final = tuple(bytes([code]) for code in b"-_" + _SPACE)
"""Looked for first, because that is many times faster than translating 50 MB."""


def unreadable_image(param: str, error: UnreadableImage) -> GatewayError:
    return GatewayError("invalid_image", f"{param} must be a PNG, JPEG, WebP or GIF image: {error}", param=param)
