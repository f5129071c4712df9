"""The bytes of an image, in whatever form they arrived.

The core never asks which: raw bytes, base64 text as Workers AI answers it, or a handle to an object on the
JavaScript side of a Worker all offer the same few operations, so that bytes move once.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

CHUNK: Final = 192 * 1024
"""Bytes handed on at a time; a multiple of 3, so that each chunk's base64 stands alone."""


class Payload(Protocol):
    """An image file that can be looked at and handed on, more than once."""

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

    def base64_chunks(self) -> AsyncIterator[bytes]:
        """The whole file as base64 text in ASCII, a piece at a time; the pieces joined are valid base64."""
        ...


class BytesPayload:
    """A file in memory."""

    __slots__ = ("_data",)

    def __init__(self, data: bytes) -> None:
        self._data = data

    @property
    def size(self) -> int:
        return len(self._data)

    async def slice(self, start: int, stop: int) -> bytes:
        return self._data[start:stop]

    async def read(self) -> bytes:
        return self._data

    async def chunks(self) -> AsyncIterator[bytes]:
        yield self._data

    async def base64_chunks(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self._data), CHUNK):
            yield binascii.b2a_base64(self._data[start : start + CHUNK], newline=False)


class Base64Payload:
    """A file as base64 text (ASCII, standard alphabet, padded, no line breaks): spliced through undecoded when
    base64 is what the caller wants.
    """

    __slots__ = ("_parts", "_size")

    def __init__(self, *parts: bytes) -> None:
        """``parts`` joined are the text. Each but the last is a whole number of 4-character groups."""
        self._parts = parts
        length = sum(map(len, parts))
        padding = parts[-1][-2:].count(b"=") if parts else 0
        self._size = length // 4 * 3 - padding

    @property
    def size(self) -> int:
        return self._size

    @property
    def parts(self) -> tuple[bytes, ...]:
        return self._parts

    async def slice(self, start: int, stop: int) -> bytes:
        first, last = start // 3, -(-min(stop, self._size) // 3)
        text = b"".join(self._text(first * 4, last * 4))
        return base64.b64decode(text)[start - first * 3 : stop - first * 3]

    async def read(self) -> bytes:
        return b"".join([base64.b64decode(part) for part in self._parts])

    async def chunks(self) -> AsyncIterator[bytes]:
        for part in self._parts:
            yield base64.b64decode(part)

    async def base64_chunks(self) -> AsyncIterator[bytes]:
        for part in self._parts:
            yield part

    def _text(self, start: int, stop: int) -> Iterator[bytes]:
        offset = 0
        for part in self._parts:
            yield part[max(0, start - offset) : max(0, stop - offset)]
            offset += len(part)
