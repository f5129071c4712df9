"""Small image files for requests, sound and broken."""

from __future__ import annotations

import io
import struct
import zlib

from PIL import Image


def picture(
    width: int = 64, height: int = 64, *, kind: str = "PNG", mode: str = "RGB", colour: object = (200, 40, 40)
) -> bytes:
    """An image file of one colour."""
    out = io.BytesIO()
    Image.new(mode, (width, height), colour).save(out, kind)  # type: ignore[arg-type]  # any colour of the mode
    return out.getvalue()


def mask(width: int = 64, height: int = 64) -> bytes:
    """A PNG whose left half is transparent: to be repainted."""
    image = Image.new("RGBA", (width, height), (0, 0, 0, 255))
    image.paste((0, 0, 0, 0), (0, 0, width // 2, height))
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def png_of_stated_size(width: int, height: int) -> bytes:
    """A PNG that says it is ``width`` x ``height`` and holds next to nothing."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(b"")) + _chunk(b"IEND", b"")


def png_bomb(side: int = 6000) -> bytes:
    """A sound PNG of ``side`` x ``side`` zero pixels: a few kilobytes that decode to over a hundred megabytes."""
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    squeeze = zlib.compressobj(9)
    row = bytes(1 + side * 3)
    data = b"".join(squeeze.compress(row) for _ in range(side)) + squeeze.flush()
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def text_bomb() -> bytes:
    """A small PNG with a comment that unpacks to a gigabyte."""
    sound = picture()
    squeeze = zlib.compressobj(9)
    million = bytes(1_000_000)
    data = b"".join(squeeze.compress(million) for _ in range(1000)) + squeeze.flush()
    return sound[:33] + _chunk(b"zTXt", b"Comment\0\0" + data) + sound[33:]


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
