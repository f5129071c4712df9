"""Stores images in the process's memory: for trials, tests and servers that hand out base64. Gone when the process
ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cloudflare_image_mcp.errors import GatewayError
from cloudflare_image_mcp.limits import MEBIBYTE
from cloudflare_image_mcp.storage.record import Record, check_key, missing, span

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from datetime import datetime

    from cloudflare_image_mcp.core.ports import StoredImage
    from cloudflare_image_mcp.imagefile.image import Image
    from cloudflare_image_mcp.storage.record import Expiry

MAX_MEMORY_BYTES: Final = 256 * MEBIBYTE
"""Total bytes of a memory store; the oldest images are deleted for new ones."""

MAX_ANSWERS: Final = 4096
"""Records of answers for the cache; the oldest is deleted for a new one."""


class MemoryStore:
    """An ``ImageStore`` of at most ``max_bytes``."""

    def __init__(self, expiry: Expiry, max_bytes: int = MAX_MEMORY_BYTES) -> None:
        self._expiry = expiry
        self._max_bytes = max_bytes
        self._images: dict[str, tuple[StoredImage, bytes]] = {}  # the oldest first
        self._bytes = 0
        self._answers: dict[str, tuple[datetime, str]] = {}  # the oldest first

    async def put(self, key: str, image: Image, details: Mapping[str, str]) -> StoredImage:
        check_key(key, image)
        data = await image.payload.read()
        if len(data) > self._max_bytes:
            raise GatewayError(
                "storage_error",
                f"The image is {len(data)} bytes long, and the memory store holds {self._max_bytes} in all.",
            )
        if key in self._images:
            raise GatewayError("storage_error", f"The key {key!r} is in use already.")
        while self._bytes + len(data) > self._max_bytes:
            self._drop(next(iter(self._images)))
        stored = Record(self._expiry.clock.now(), dict(details)).stored(key, len(data))
        self._images[key] = (stored, data)
        self._bytes += len(data)
        return stored

    async def find(self, key: str) -> StoredImage | None:
        found = self._images.get(key)
        return found[0] if found and not self._expiry.has_passed(found[0].created) else None

    async def read(self, key: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        if await self.find(key) is None:
            raise missing(key)
        data = self._images[key][1]
        first, last = span(len(data), start, stop)
        if first < last:
            yield data[first:last]

    async def put_answer(self, digest: str, text: str) -> None:
        self._answers.pop(digest, None)
        while len(self._answers) >= MAX_ANSWERS:
            del self._answers[next(iter(self._answers))]
        self._answers[digest] = (self._expiry.clock.now(), text)

    async def find_answer(self, digest: str) -> str | None:
        found = self._answers.get(digest)
        return found[1] if found else None

    async def list(self, limit: int = 100) -> list[StoredImage]:
        live = [stored for stored, _ in self._images.values() if not self._expiry.has_passed(stored.created)]
        return live[::-1][: max(0, limit)]

    async def delete(self, key: str) -> bool:
        found = await self.find(key)
        if key in self._images:
            self._drop(key)
        return found is not None

    async def sweep(self) -> int:
        expired = [key for key, (stored, _) in self._images.items() if self._expiry.has_passed(stored.created)]
        for key in expired:
            self._drop(key)
        self._answers = {
            digest: answer for digest, answer in self._answers.items() if not self._expiry.has_passed(answer[0])
        }
        return len(expired)

    async def aclose(self) -> None:
        self._images.clear()
        self._answers.clear()
        self._bytes = 0

    def _drop(self, key: str) -> None:
        self._bytes -= len(self._images.pop(key)[1])
