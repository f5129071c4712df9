"""Pictures and files that the imaging tests share."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

from PIL import Image as PillowImage
from PIL import ImageChops

from cloudflare_image_mcp.imagefile.image import Image


def picture(size: tuple[int, int] = (90, 60), mode: str = "RGB") -> PillowImage.Image:
    """Colours that differ everywhere; in RGBA transparent to the left."""
    across = PillowImage.linear_gradient("L").rotate(90).resize(size)
    down = PillowImage.linear_gradient("L").resize(size)
    waves = PillowImage.effect_mandelbrot(size, (-2, -1, 1, 1), 20)
    made = PillowImage.merge("RGB", (across, down, waves))
    if mode == "RGBA":
        made.putalpha(across)
        return made
    return made.convert(mode)


def written(made: PillowImage.Image, kind: str = "PNG", **options: Any) -> bytes:
    out = io.BytesIO()
    made.save(out, kind, **options)
    return out.getvalue()


async def image(made: PillowImage.Image, kind: str = "PNG", **options: Any) -> Image:
    return await Image.of_bytes(written(made, kind, **options))


async def opened(made: Image) -> PillowImage.Image:
    read = PillowImage.open(io.BytesIO(await made.payload.read()))
    read.load()
    return read


def distance(one: PillowImage.Image, other: PillowImage.Image) -> float:
    """Mean difference of a channel's value, 0 to 255."""
    assert (one.size, one.mode) == (other.size, other.mode)
    histogram = ImageChops.difference(one, other).histogram()
    return sum(count * (place % 256) for place, count in enumerate(histogram)) / sum(histogram)


def png(
    width: int,
    height: int,
    pixels: bytes | list[bytes],
    *,
    depth: int = 8,
    colour: int = 2,
    before: bytes = b"",
) -> bytes:
    """A PNG made by hand: ``pixels`` are compressed as they are, ``before`` are chunks that come first."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    packer = zlib.compressobj(1)
    packed = [packer.compress(rows) for rows in ([pixels] if isinstance(pixels, bytes) else pixels)]
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", header),
            before,
            chunk(b"IDAT", b"".join(packed) + packer.flush()),
            chunk(b"IEND", b""),
        ]
    )


def chunk(kind: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4)
