"""Stored images in an R2 bucket, through its binding."""

from __future__ import annotations

import heapq
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from pyodide.ffi import JsException

from cloudflare_image_mcp.core.ports import StoredImage
from cloudflare_image_mcp.errors import GatewayError, shown
from cloudflare_image_mcp.js_values import JsPayload, js_object, optional, read_stream
from cloudflare_image_mcp.storage.record import DIGEST, Expiry, is_key, media_type

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from datetime import timedelta

    from cloudflare_image_mcp.core.ports import Clock
    from cloudflare_image_mcp.imagefile.image import Image
    from cloudflare_image_mcp.js_values import Handle

_PREFIX: Final = "images/"
"""Prefix of the objects' names; the bucket may hold other objects too."""
_CACHE_PREFIX: Final = "cache/"
"""The same of the records of answers for the cache."""
_ANSWER: Final = re.compile(_CACHE_PREFIX + DIGEST)
_PAGE: Final = 1000
"""Objects in one listing, and in one deletion: R2's maximum."""
_DETAILS: Final = 7_000
"""Bytes of the details kept beside an image: R2 takes 8,192 of metadata, names and all."""


class R2Store:
    """Implements ``ImageStore``. An object is visible whole or not at all: R2's own promise."""

    def __init__(self, bucket: Handle, clock: Clock, expiry: timedelta | None) -> None:
        """``bucket`` is the raw binding. ``expiry`` None keeps images for good."""
        self._bucket = bucket
        self._expiry = Expiry(expiry, clock)

    async def put(self, key: str, image: Image, details: Mapping[str, str]) -> StoredImage:
        payload = await JsPayload.of_payload(image.payload)
        kept = fitting(details)
        options = js_object({"httpMetadata": {"contentType": image.format.media_type}, "customMetadata": kept})
        try:
            stored = await self._bucket.put(_PREFIX + key, payload.array, options)
        except JsException as error:
            raise _failed("store", key) from error
        return StoredImage(
            key=key,
            media_type=image.format.media_type,
            size=payload.size,
            created=_time(stored.uploaded),
            details=kept,
        )

    async def find(self, key: str) -> StoredImage | None:
        if not is_key(key):
            return None
        try:
            found = optional(await self._bucket.head(_PREFIX + key))
        except JsException as error:
            raise _failed("find", key) from error
        record = None if found is None else _record(found)
        return record if record is not None and not self._expiry.has_passed(record.created) else None

    async def read(self, key: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        if stop is not None and stop <= start:
            return
        span: dict[str, int] = {"offset": start} if stop is None else {"offset": start, "length": stop - start}
        try:
            found = optional(await self._bucket.get(_PREFIX + key, js_object({"range": span})))
        except JsException as error:
            raise _failed("read", key) from error
        if found is None or self._expiry.has_passed(_time(found.uploaded)):
            raise GatewayError("not_found", f"image {shown(key)} does not exist, or has expired")
        async for chunk in read_stream(found.body):
            yield chunk

    async def put_answer(self, digest: str, text: str) -> None:
        try:
            await self._bucket.put(_CACHE_PREFIX + digest, text)
        except JsException as error:
            raise _failed("store", digest) from error

    async def find_answer(self, digest: str) -> str | None:
        try:
            found = optional(await self._bucket.get(_CACHE_PREFIX + digest))
            return None if found is None else str(await found.text())
        except JsException as error:
            raise _failed("read", digest) from error

    async def list(self, limit: int = 100) -> list[StoredImage]:
        """R2 lists by name, and names are random: every page is read to find the newest, which alone are kept."""
        newest: list[StoredImage] = []
        async for page in self._images(("customMetadata",)):
            live = [record for record in map(_record, page) if not self._expiry.has_passed(record.created)]
            newest = heapq.nlargest(limit, [*newest, *live], key=lambda record: record.created)
        return newest

    async def delete(self, key: str) -> bool:
        if await self.find(key) is None:
            return False
        await self._delete([_PREFIX + key])
        return True

    async def sweep(self) -> int:
        """Page by page, so that a full bucket needs no more memory than one page."""
        swept = 0
        async for page in self._images():
            swept += await self._sweep(page)
        async for page in self._pages(_CACHE_PREFIX):
            await self._sweep([found for found in page if _ANSWER.fullmatch(str(found.key))])
        return swept

    async def aclose(self) -> None:
        """A binding has nothing to close."""

    async def _sweep(self, page: Sequence[Handle]) -> int:
        expired = [str(found.key) for found in page if self._expiry.has_passed(_time(found.uploaded))]
        if expired:
            await self._delete(expired)
        return len(expired)

    async def _delete(self, names: Sequence[str]) -> None:
        try:
            await self._bucket.delete(js_object({"keys": list(names)}).keys)
        except JsException as error:
            raise _failed("delete", names[0].removeprefix(_PREFIX)) from error

    async def _images(self, include: Sequence[str] = ()) -> AsyncIterator[Sequence[Handle]]:
        """The images in the bucket, a page at a time, with the parts of their metadata that ``include`` names."""
        async for page in self._pages(_PREFIX, include):
            yield [found for found in page if is_key(_key(found))]

    async def _pages(self, prefix: str, include: Sequence[str] = ()) -> AsyncIterator[Sequence[Handle]]:
        """The objects under a prefix, a page at a time."""
        cursor: str | None = None
        while True:
            options: dict[str, object] = {"prefix": prefix, "limit": _PAGE, "include": list(include)}
            if cursor is not None:
                options["cursor"] = cursor
            try:
                page = await self._bucket.list(js_object(options))
            except JsException as error:
                raise _failed("list", "images") from error
            yield list(page.objects)
            if not page.truncated:
                return
            cursor = page.cursor


def fitting(details: Mapping[str, str]) -> dict[str, str]:
    """The details within what R2 keeps: the longest, which is the prompt, is cut at a character."""
    kept = dict(details)
    size = sum(len(name.encode()) + len(value.encode()) for name, value in kept.items())
    if size > _DETAILS:
        longest = max(kept, key=lambda name: len(kept[name]))
        data = kept[longest].encode()
        kept[longest] = data[: max(0, len(data) - (size - _DETAILS))].decode("utf-8", "ignore")
    return kept


def _record(found: Handle) -> StoredImage:
    return StoredImage(
        key=_key(found),
        media_type=media_type(_key(found)),
        size=int(found.size),
        created=_time(found.uploaded),
        details=found.customMetadata.to_py(),
    )


def _key(found: Handle) -> str:
    return str(found.key.removeprefix(_PREFIX))


def _time(date: Handle) -> datetime:
    return datetime.fromtimestamp(date.getTime() / 1000, UTC)


def _failed(what: str, key: str) -> GatewayError:
    return GatewayError("storage_error", f"the image store could not {what} {shown(key)}; try again")
