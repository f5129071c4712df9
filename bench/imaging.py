"""CPU milliseconds of what happens to each image, and how long a stamp on base64 takes.

python bench/imaging.py
"""

from __future__ import annotations

import asyncio
import base64
import io
import random
import time
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from PIL import Image as PillowImage

from cloudflare_image_mcp.catalog import Size
from cloudflare_image_mcp.core.ports import Finish
from cloudflare_image_mcp.imagefile.header import ImageFormat
from cloudflare_image_mcp.imagefile.image import Image
from cloudflare_image_mcp.imagefile.payload import Base64Payload
from cloudflare_image_mcp.imagefile.provenance import Provenance, SourceType, stamp
from cloudflare_image_mcp.imaging.encode import encode
from cloudflare_image_mcp.imaging.pixels import PillowPixels

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_REPEATS = 7
_MADE = Provenance(
    source_type=SourceType.TRAINED,
    model="@cf/black-forest-labs/flux-1-schnell",
    created=datetime(2026, 1, 1, tzinfo=UTC),
    prompt="a fox in the snow",
    seed=1,
)


def photograph(side: int) -> PillowImage.Image:
    """Gradients, edges and a little noise: compresses about as a generated image does."""
    down = PillowImage.linear_gradient("L").resize((side, side))
    shapes = PillowImage.effect_mandelbrot((side, side), (-2, -1.5, 1, 1.5), 100)
    base = PillowImage.merge("RGB", (shapes, down, down.rotate(90)))
    return PillowImage.blend(base, PillowImage.effect_noise((side, side), 12).convert("RGB"), 0.12)


def file(picture: PillowImage.Image, kind: str, **options: int) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


async def least(work: Callable[[], Awaitable[object]]) -> float:
    """The least CPU time of several runs, in milliseconds."""
    times = []
    for _ in range(_REPEATS):
        start = time.process_time()
        await work()
        times.append(time.process_time() - start)
    return min(times) * 1000


async def show(name: str, work: Callable[[], Awaitable[Image]]) -> None:
    size = (await work()).payload.size
    print(f"{name:<44}{await least(work):>9.2f} ms{size / 1024:>9.0f} kB")


async def encoded(picture: PillowImage.Image, image_format: ImageFormat) -> Image:
    return await Image.of_bytes(encode(picture, image_format))


async def finishing(pixels: PillowPixels, side: int) -> None:
    picture = photograph(side)
    size, rendered = Size(side, side), await Image.of_bytes(file(picture, "JPEG", quality=90))
    for image_format in (ImageFormat.PNG, ImageFormat.JPEG, ImageFormat.WEBP):
        await show(f"{side}: encode {image_format}", partial(encoded, picture, image_format))
    finishes = {
        "untouched": Finish(size=size),
        "JPEG to PNG": Finish(size=size, format=ImageFormat.PNG),
        "JPEG to WebP": Finish(size=size, format=ImageFormat.WEBP),
        "resized to 3:2, JPEG": Finish(size=Size(side, side * 2 // 3)),
    }
    mask = PillowImage.new("L", size)
    mask.paste(255, (side // 4, side // 4, side // 2, side // 2))
    parts = [await Image.of_bytes(file(part, "PNG")) for part in (picture, mask)]
    finishes["masked, PNG"] = Finish(size=size, original=parts[0], mask=parts[1])
    for name, finish in finishes.items():
        await show(f"{side}: finish, {name}", partial(pixels.finish, rendered, finish))
    await show(f"{side}: reference of 512", partial(pixels.reference, rendered, 512))
    await show(f"{side}: preview of 512 in 100 kB", partial(pixels.preview, parts[0], 512, 100_000))


async def stamping() -> None:
    noise = PillowImage.frombytes("RGB", (590, 590), random.Random(1).randbytes(590 * 590 * 3))
    kinds = {"PNG": {}, "JPEG": {"quality": 100, "subsampling": 0}, "WEBP": {"lossless": 1}}
    for kind, options in kinds.items():
        data = file(noise, kind, **options)
        whole = await Image.of_bytes(data)
        text = await Image.sniff(Base64Payload(base64.b64encode(data)))
        await show(f"stamp {kind}, bytes", partial(stamp, whole, _MADE))
        await show(f"stamp {kind}, base64", partial(stamp, text, _MADE))
        await show(f"sniff {kind}, base64", partial(Image.sniff, text.payload))


async def main() -> None:
    pixels = PillowPixels(threads=1)
    for side in (512, 1024):
        await finishing(pixels, side)
    await stamping()
    pixels.close()


if __name__ == "__main__":
    asyncio.run(main())
