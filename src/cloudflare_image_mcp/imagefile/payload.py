"""Payloads: the bytes of an image file as raw bytes, base64 text or a JavaScript object of a Worker.

All forms have the same few operations, so that the core does not depend on the form and bytes are copied once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from cloudflare_image_mcp.errors import UnreadableImage
from cloudflare_image_mcp.imagefile import base64_text

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

CHUNK: Final = 192 * 1024
"""Bytes in a chunk: a multiple of 3, so that the base64 of each chunk needs no padding."""
_TEXT: Final = CHUNK // 3 * 4
"""Characters of base64 in a chunk."""
_SHORT: Final = 16 * 1024
"""Characters of base64 up to which a file is decoded at once: 5 microseconds."""


class Payload(Protocol):
    """An image file that can be read in parts, more than once."""

    @property
    def size(self) -> int:
        """Length of the file in bytes."""
        ...

    async def slice(self, start: int, stop: int) -> bytes:
        """The bytes from ``start`` (inclusive) to ``stop`` (exclusive); shorter at the end of the file."""
        ...

    async def read(self) -> bytes:
        """The whole file."""
        ...

    def chunks(self) -> AsyncIterator[bytes]:
        """The whole file, a piece at a time."""
        ...

    def base64_chunks(self) -> AsyncIterator[bytes | memoryview]:
        """The whole file as base64 text in ASCII, a piece at a time; the pieces joined are valid base64."""
        ...

    async def spliced(self, start: int, stop: int, data: bytes) -> Payload:
        """The file with ``data`` in place of its bytes from ``start`` to ``stop``."""
        ...


class BytesPayload:
    """A file in memory."""

    __slots__ = ("__weakref__", "_data")

    def __init__(self, data: bytes) -> None:
        self._data = data

    @property
    def size(self) -> int:
        return len(self._data)

    async def slice(self, start: int, stop: int) -> bytes:
        return self._data[start:stop]

    async def read(self) -> bytes:
        return self._data

    async def spliced(self, start: int, stop: int, data: bytes) -> BytesPayload:
        return BytesPayload(b"".join((self._data[:start], data, self._data[stop:])))

    async def chunks(self) -> AsyncIterator[bytes]:
        yield self._data

    async def base64_chunks(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self._data), CHUNK):
            yield base64_text.encode(self._data[start : start + CHUNK])


class Base64Payload:
    """A file as base64 text (ASCII, standard alphabet, padded, no line breaks): spliced through undecoded
    where base64 is what the caller wants. Other text raises ``UnreadableImage`` once it is decoded.
    """

    __slots__ = ("_parts", "_size")

    def __init__(self, *parts: bytes | memoryview) -> None:
        """``parts`` joined are the text."""
        self._parts = tuple([part for part in parts if part])
        length = sum(map(len, self._parts))
        padding = b"".join([part[-2:] for part in self._parts[-2:]])[-2:].count(b"=")
        self._size = length // 4 * 3 - padding

    @property
    def size(self) -> int:
        return self._size

    @property
    def parts(self) -> tuple[bytes | memoryview, ...]:
        return self._parts

    async def slice(self, start: int, stop: int) -> bytes:
        if start >= stop:
            return b""
        first, last = start // 3, -(-min(stop, self._size) // 3)
        text = b"".join(self._text(first * 4, last * 4))
        return _decoded(text)[start - first * 3 : stop - first * 3]

    async def read(self) -> bytes:
        return b"".join(map(_decoded, base64_text.whole_groups(self._parts)))

    async def chunks(self) -> AsyncIterator[bytes]:
        for groups in base64_text.whole_groups(self._parts):
            yield _decoded(groups)

    async def base64_chunks(self) -> AsyncIterator[bytes | memoryview]:
        for part in self._parts:
            for start in range(0, len(part), _TEXT):
                yield memoryview(part)[start : start + _TEXT]

    async def spliced(self, start: int, stop: int, data: bytes) -> Payload:
        """Stays undecoded, but for a few characters at the seams, where the difference in length is a multiple
        of 3: then what follows keeps its place in the groups of 3.
        """
        if (len(data) - (stop - start)) % 3:
            return await BytesPayload(await self.read()).spliced(start, stop, data)
        first, last = start // 3 * 3, min(-(-stop // 3) * 3, self._size)
        middle = await self.slice(first, start) + data + await self.slice(stop, last)
        before = self._text(0, first // 3 * 4)
        after = self._text(-(-last // 3) * 4, sum(map(len, self._parts)))
        return Base64Payload(*before, base64_text.encode(middle), *after)

    def _text(self, start: int, stop: int) -> Iterator[memoryview]:
        """Views of the text, not copies."""
        for part in self._parts:
            if start < len(part) and stop > 0:
                yield memoryview(part)[max(0, start) : stop]
            start, stop = start - len(part), stop - len(part)


def base64_payload(parts: Sequence[bytes | memoryview]) -> Payload | None:
    """The file whose base64 text the parts joined are; None where they are no base64, or empty. A long text is checked
    and left as it is; a short one is decoded, because that takes less time than to work with pieces of text.
    """
    length = sum(map(len, parts))
    if length > _SHORT:
        return Base64Payload(*parts) if base64_text.is_valid(parts) else None
    try:
        return BytesPayload(base64_text.decode(b"".join(parts))) if length else None
    except ValueError:
        return None


def _decoded(text: bytes | memoryview) -> bytes:
    try:
        return base64_text.decode(text)
    except ValueError:
        raise UnreadableImage("the image is no valid base64") from None
