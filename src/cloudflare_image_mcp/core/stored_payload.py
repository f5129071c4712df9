"""The payload of an image in an image store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudflare_image_mcp.imagefile import base64_text
from cloudflare_image_mcp.imagefile.payload import CHUNK, BytesPayload

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from cloudflare_image_mcp.core.ports import ImageStore, StoredImage
    from cloudflare_image_mcp.imagefile.payload import Payload


class StoredPayload:
    """The bytes of a stored image, read from the store at each use. Raises ``GatewayError`` when it is gone."""

    __slots__ = ("_store", "_stored")

    def __init__(self, store: ImageStore, stored: StoredImage) -> None:
        self._store = store
        self._stored = stored

    @property
    def size(self) -> int:
        return self._stored.size

    async def slice(self, start: int, stop: int) -> bytes:
        return b"".join([chunk async for chunk in self._store.read(self._stored.key, start, stop)])

    async def read(self) -> bytes:
        return await self.slice(0, self._stored.size)

    async def spliced(self, start: int, stop: int, data: bytes) -> Payload:
        return await BytesPayload(await self.read()).spliced(start, stop, data)

    def chunks(self) -> AsyncIterator[bytes]:
        return self._store.read(self._stored.key)

    async def base64_chunks(self) -> AsyncIterator[bytes]:
        for start in range(0, self._stored.size, CHUNK):
            yield base64_text.encode(await self.slice(start, start + CHUNK))
