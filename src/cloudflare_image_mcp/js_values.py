"""Values on the JavaScript side of the Worker. An image stays there: only what is looked at enters Python, because
the memory of the Python runtime, once grown, never shrinks.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import js
from pyodide.ffi import jsnull, to_js

from cloudflare_image_mcp.imagefile.payload import CHUNK

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence

    from cloudflare_image_mcp.imagefile.payload import Payload

Handle: TypeAlias = Any
"""A JavaScript object as Python sees it (``JsProxy``), whose members are not known to the type checker."""


def js_object(values: Mapping[str, object]) -> Handle:
    """A plain JavaScript object; dicts and lists inside are converted too, ``bytes`` become ``Uint8Array``."""
    return to_js(values, dict_converter=js.Object.fromEntries)


def js_array(values: Sequence[object]) -> Handle:
    """A JavaScript array; JavaScript objects in it stay what they are."""
    return to_js(values)


def js_bytes(data: bytes) -> Handle:
    """A ``Uint8Array`` with a copy of ``data``."""
    return to_js(data)


def optional(value: Handle) -> Handle | None:
    """None for JavaScript's ``null`` too, which Python sees as an object of its own."""
    return None if value is jsnull else value


class JsPayload:
    """A file in a ``Uint8Array``."""

    __slots__ = ("__weakref__", "array")

    def __init__(self, array: Handle) -> None:
        self.array: Final = array

    @classmethod
    def of_base64_field(cls, values: Handle, name: str) -> JsPayload:
        """Decodes the base64 text in ``values[name]``, which never becomes a Python string.

        Raises ``pyodide.ffi.JsException`` when it is not base64, ``KeyError`` when there is no such field.
        """
        names = js.Object.keys(values).to_py()
        if name not in names:
            raise KeyError(name)
        index = names.index(name)
        arguments = js.Object.values(values).slice(index, index + 1)
        return cls(js.Reflect.apply(js.Uint8Array.fromBase64, js.Uint8Array, arguments))

    @classmethod
    async def of_response(cls, response: Handle) -> JsPayload:
        """The whole body of a ``Response``."""
        return cls(js.Uint8Array.new(await response.arrayBuffer()))

    @classmethod
    async def of_stream(cls, stream: Handle, limit: int) -> JsPayload | None:
        """The whole of a ``ReadableStream``, or None when it is longer than ``limit`` bytes."""
        parts = JsParts()
        reader = stream.getReader()
        while not (piece := await reader.read()).done:
            parts.add_array(piece.value)
            if parts.size > limit:
                await reader.cancel()
                return None
        return parts.payload()

    @classmethod
    async def of_payload(cls, payload: Payload) -> JsPayload:
        """The same file on the JavaScript side, handed over a piece at a time."""
        if isinstance(payload, JsPayload):
            return payload
        array = js.Uint8Array.new(payload.size)
        offset = 0
        async for chunk in payload.chunks():
            for start in range(0, len(chunk), CHUNK):
                piece = chunk[start : start + CHUNK]
                array.subarray(offset, offset + len(piece)).assign(piece)
                offset += len(piece)
        return cls(array)

    @property
    def size(self) -> int:
        return int(self.array.length)

    async def slice(self, start: int, stop: int) -> bytes:
        return bytes(self.array.subarray(start, min(stop, self.size)).to_bytes())

    async def read(self) -> bytes:
        return bytes(self.array.to_bytes())

    async def spliced(self, start: int, stop: int, data: bytes) -> JsPayload:
        array = js.Uint8Array.new(self.size + len(data) - (stop - start))
        array.set(self.array.subarray(0, start))
        array.subarray(start, start + len(data)).assign(data)
        array.set(self.array.subarray(stop), start + len(data))
        return JsPayload(array)

    async def chunks(self) -> AsyncIterator[bytes]:
        for start in range(0, self.size, CHUNK):
            yield await self.slice(start, start + CHUNK)

    async def base64_chunks(self) -> AsyncIterator[bytes]:
        for start in range(0, self.size, CHUNK):
            yield self.array.subarray(start, start + CHUNK).toBase64().encode("ascii")


class JsParts:
    """A file that is put together on the JavaScript side, so that each part leaves Python before the next is made."""

    def __init__(self) -> None:
        self._arrays = js.Array.new()
        self.size = 0  # bytes so far

    def add(self, part: bytes) -> None:
        self.add_array(js_bytes(part))

    def add_array(self, part: Handle) -> None:
        """``part`` is a ``Uint8Array``."""
        self._arrays.push(part)
        self.size += int(part.length)

    def payload(self) -> JsPayload:
        array = js.Uint8Array.new(self.size)
        offset = 0
        for part in self._arrays:
            array.set(part, offset)
            offset += int(part.length)
        return JsPayload(array)


async def read_stream(stream: Handle) -> AsyncGenerator[bytes]:
    """The pieces of a ``ReadableStream``; a reader that stops early cancels it."""
    reader = stream.getReader()
    try:
        while True:
            piece = await reader.read()
            if piece.done:
                return
            yield bytes(piece.value.to_bytes())
    except (GeneratorExit, asyncio.CancelledError):
        reader.cancel().catch(ignored)
        raise


def ignored(_: Handle) -> None:
    """For a promise that nobody waits for: the end of a stream that was given up."""
