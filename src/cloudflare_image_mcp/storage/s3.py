"""Images as objects of a bucket: R2, S3, or any service that speaks S3's wire, through obstore.

An object appears whole, with its record as metadata, in one request. obstore cannot return metadata from a
listing (nor can S3): ``list`` asks for the newest images' records one by one, side by side.
"""

from __future__ import annotations

import asyncio
import logging
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import obstore
from obstore.exceptions import BaseError, GenericError, PermissionDeniedError, UnauthenticatedError
from obstore.store import S3Store as Bucket

from cloudflare_image_mcp.errors import GatewayError
from cloudflare_image_mcp.storage.record import CHUNK, DIGEST, Record, check_key, is_key, media_type, missing, span

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from obstore import GetOptions, GetResult, ObjectMeta
    from obstore.store import S3Config, S3Credential

    from cloudflare_image_mcp.core.ports import StoredImage
    from cloudflare_image_mcp.imagefile.image import Image
    from cloudflare_image_mcp.storage.record import Expiry
    from cloudflare_image_mcp.storage.s3_access import S3Access

_log = logging.getLogger(__name__)

_RECORD: Final = "record"
"""The metadata's name: ``x-amz-meta-record`` on the wire."""
MAX_HEADER_BYTES: Final = 2_000
"""S3 allows 2 KB of metadata with its names, R2 8 KB."""
_LOOKUPS: Final = 16
"""Records asked for at once by a listing."""
_TIMEOUT: Final = timedelta(seconds=30)
_ANSWER: Final = re.compile(rf"cache/{DIGEST}\.json")
"""Path of a record of an answer for the cache."""
_CODE: Final = re.compile(r"<Code>(\w+)</Code>")


class S3Store:
    """An ``ImageStore`` in a bucket, under a prefix. Any number of processes may share it."""

    def __init__(self, access: S3Access, expiry: Expiry) -> None:
        """Opens no connection."""
        place: S3Config = {"region": access.region, "virtual_hosted_style_request": False}
        if access.endpoint:
            place["endpoint"] = access.endpoint
        self._bucket = Bucket(
            access.bucket,
            prefix=access.prefix or None,
            config=place,
            client_options={"timeout": _TIMEOUT, "allow_http": (access.endpoint or "").startswith("http:")},
            retry_config={"max_retries": 3, "retry_timeout": _TIMEOUT},
            credential_provider=_credentials(access),
        )
        self._expiry = expiry
        self._lookups = asyncio.Semaphore(_LOOKUPS)

    async def put(self, key: str, image: Image, details: Mapping[str, str]) -> StoredImage:
        check_key(key, image)
        data = await image.payload.read()
        record = Record(self._expiry.clock.now(), dict(details))
        attributes = {"Content-Type": media_type(key), _RECORD: record.to_header(MAX_HEADER_BYTES)}
        try:
            # In one request for any size: several would leave an unfinished upload behind after a crash.
            await obstore.put_async(self._bucket, key, data, attributes=attributes, use_multipart=False)
        except (BaseError, FileNotFoundError) as error:
            raise _failed(error) from error
        return record.stored(key, len(data))

    async def find(self, key: str) -> StoredImage | None:
        async with self._lookups:
            found = await self._get(key, {"head": True})
        return found[1] if found else None

    async def read(self, key: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        if start or stop is not None:
            # A range outside the image is an error on the wire; so its size is asked for first.
            stored = await self.find(key)
            if stored is None:
                raise missing(key)
            start, stop = span(stored.size, start, stop)
            if start == stop:
                return
        found = await self._get(key, {} if stop is None else {"range": (start, stop)})
        if found is None:
            raise missing(key)
        try:
            async for chunk in found[0].stream(min_chunk_size=CHUNK):
                yield bytes(chunk)
        except BaseError as error:
            raise _failed(error) from error

    async def put_answer(self, digest: str, text: str) -> None:
        attributes = {"Content-Type": "application/json"}
        try:
            await obstore.put_async(
                self._bucket, _answer_path(digest), text.encode(), attributes=attributes, use_multipart=False
            )
        except (BaseError, FileNotFoundError) as error:
            raise _failed(error) from error

    async def find_answer(self, digest: str) -> str | None:
        try:
            found = await obstore.get_async(self._bucket, _answer_path(digest))
            return bytes(await found.bytes_async()).decode("utf-8", "replace")
        except FileNotFoundError:
            return None
        except BaseError as error:
            raise _failed(error) from error

    async def list(self, limit: int = 100) -> list[StoredImage]:
        objects = sorted(await self._objects(), key=lambda meta: meta["last_modified"], reverse=True)
        if limit < 1 or not objects:
            return []
        # The service gives whole seconds: images of the same second as the last one may be newer.
        oldest = objects[:limit][-1]["last_modified"]
        keys = [meta["path"] for meta in objects if meta["last_modified"] >= oldest]
        found = await asyncio.gather(*map(self.find, keys))
        newest = sorted(filter(None, found), key=lambda stored: stored.created, reverse=True)
        return newest[:limit]

    async def delete(self, key: str) -> bool:
        found = await self.find(key)
        if is_key(key):
            await self._delete([key])
        return found is not None

    async def sweep(self) -> int:
        objects = await self._objects(lambda path: is_key(path) or _ANSWER.fullmatch(path) is not None)
        expired = [meta["path"] for meta in objects if self._expiry.has_passed(meta["last_modified"])]
        if expired:
            await self._delete(expired)
        return sum(map(is_key, expired))

    async def aclose(self) -> None:
        """Nothing to close: idle connections close on their own."""

    async def _get(self, key: str, options: GetOptions) -> tuple[GetResult, StoredImage] | None:
        """The object and its record; None when there is none, or it has expired, or is not of our making."""
        if not is_key(key):
            return None
        try:
            result = await obstore.get_async(self._bucket, key, options=options)
        except FileNotFoundError:
            return None
        except BaseError as error:
            raise _failed(error) from error
        try:
            record = Record.from_header(result.attributes.get(_RECORD, ""))
            self._expiry.check(record.created)
        except ValueError as error:
            _log.warning("image store: the record of %s cannot be read: %s", key, error)
            return None
        if self._expiry.has_passed(record.created):
            return None
        return result, record.stored(key, result.meta["size"])

    async def _objects(self, is_own: Callable[[str], bool] = is_key) -> Sequence[ObjectMeta]:
        """Only objects that this store wrote; others under the prefix are ignored."""
        try:
            found = await obstore.list(self._bucket).collect_async()
        except (BaseError, FileNotFoundError) as error:
            raise _failed(error) from error
        return [meta for meta in found if is_own(meta["path"])]

    async def _delete(self, keys: Sequence[str]) -> None:
        try:
            await obstore.delete_async(self._bucket, keys)
        except FileNotFoundError:
            return
        except BaseError as error:
            raise _failed(error) from error


def _answer_path(digest: str) -> str:
    return f"cache/{digest}.json"


def _credentials(access: S3Access) -> Callable[[], S3Credential] | None:
    """What was read, all of it and nothing else: obstore would fill gaps from the process's environment."""
    if access.access_key_id is None or access.secret_access_key is None:
        return None
    credential: S3Credential = {
        "access_key_id": access.access_key_id,
        "secret_access_key": access.secret_access_key,
        "token": access.session_token,
        "expires_at": None,
    }
    return lambda: credential


def _failed(error: Exception) -> GatewayError:
    """The service's own code for what went wrong, if it gave one; its answers may hold more than a log
    should.
    """
    code = _CODE.search(str(error))
    if code:
        reason = code[1]
    elif isinstance(error, GenericError):  # what obstore calls all that is no answer of S3's
        reason = "it cannot be reached, or does not speak S3's wire"
    else:
        reason = type(error).__name__.removesuffix("Error")
    _log.error("image store: the bucket failed: %s", reason)
    if isinstance(error, PermissionDeniedError | UnauthenticatedError):
        return GatewayError("storage_error", f"The image store refused the gateway's credentials ({reason}).")
    return GatewayError("storage_error", f"The image store failed ({reason}).")
