"""Draws the pictures with the illustrator and encodes them as each model does."""

from __future__ import annotations

import asyncio
import io
import logging
import os
import random
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING, Final

from cloudflare_image_illustrator import Brief, Illustrator, IllustratorError
from cloudflare_image_mcp.backends.workers_ai.wire import wire_of
from cloudflare_image_mcp.catalog import Size
from cloudflare_image_mcp.emulator.errors import FAILED, refuse
from cloudflare_image_mcp.emulator.image_call import Mode

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

    from cloudflare_image_mcp.catalog import Model
    from cloudflare_image_mcp.emulator.image_call import ImageCall, InputImage

log = logging.getLogger(__name__)

KEPT: Final = 32
"""Pictures in the cache."""
SMALLEST: Final = 64
"""Pixels a side that the illustrator draws; smaller pictures are scaled down from it."""
LARGEST: Final = 2048
"""Likewise: larger pictures are scaled up from it."""
MOST_STEPS: Final = 150
JPEG_QUALITY: Final = 90


class Pictures:
    """Same call, same bytes."""

    def __init__(self, mode: Mode, seed: int = 0) -> None:
        self._mode = mode
        self._random = random.Random(seed)  # noqa: S311 - repeatable on purpose
        self._threads = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="emulator")
        self._kept: OrderedDict[tuple[Brief, Size, str], asyncio.Future[bytes]] = OrderedDict()

    async def draw(self, call: ImageCall, media_type: str | None = None, *, transparent: bool = False) -> bytes:
        """The encoded picture. A call without a seed gets a fresh one. ``media_type``: None is the model's."""
        seed = self._random.getrandbits(32) if call.seed is None else call.seed % 2**32
        media_type = media_type or media_type_of(call.model, self._mode)
        loop = asyncio.get_running_loop()
        brief = await loop.run_in_executor(self._threads, _brief, call, seed, transparent)
        key = (brief, call.size, media_type)
        drawing = self._kept.get(key)
        if drawing is None:
            drawing = self._kept[key] = loop.run_in_executor(self._threads, _draw, *key)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        # A client that disconnects must not stop a drawing that others wait for.
        try:
            return await asyncio.shield(drawing)
        except Exception:
            self._kept.pop(key, None)
            raise

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


@cache
def _illustrator() -> Illustrator:
    """One illustrator for all emulators of the process, because its vocabulary is slow to load."""
    return Illustrator()


def _draw(brief: Brief, size: Size, media_type: str) -> bytes:
    try:
        drawing = _illustrator().draw(brief)
    except IllustratorError as error:
        log.warning("a call that the emulator accepted cannot be drawn: %s", error)
        raise refuse(FAILED) from error
    return _encode(drawing.pixels, size, media_type, alpha=brief.transparent)


def media_type_of(model: Model, mode: Mode) -> str:
    """Media type of the bytes: as seen from the service, or as the schema states."""
    wire = wire_of(model)
    return wire.media_type if mode is Mode.LIVE else wire.stated_type or wire.media_type


def _brief(call: ImageCall, seed: int, transparent: bool) -> Brief:
    scale = min(1.0, LARGEST / max(call.size))
    size = Size(*(max(SMALLEST, round(side * scale)) for side in call.size))
    source, *others = call.images or (None,)
    return Brief(
        prompt=call.prompt,
        negative_prompt=call.negative_prompt,
        width=size.width,
        height=size.height,
        seed=seed,
        steps=min(call.steps, MOST_STEPS),
        guidance=min(50.0, max(0.0, call.guidance)),
        strength=call.strength,
        images=() if source is None else (_fitted(source, size, "RGB"), *[o.data for o in others if o]),
        mask=None if call.mask is None else _fitted(call.mask, size, "L"),
        transparent=transparent,
    )


def _fitted(image: InputImage, size: Size, mode: str) -> bytes:
    """The image as a PNG in the size and mode that the illustrator needs."""
    from PIL import Image

    with Image.open(io.BytesIO(image.data)) as picture:
        fitted = picture.convert(mode).resize(size, Image.Resampling.LANCZOS)
    return _saved(fitted, "image/png")


def _encode(pixels: NDArray[np.uint8], size: Size, media_type: str, *, alpha: bool) -> bytes:
    """``pixels``: H x W x 3 or 4, uint8."""
    from PIL import Image

    picture = Image.fromarray(pixels)
    if not alpha or media_type == "image/jpeg":
        picture = picture.convert("RGB")
    if picture.size != size:
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    return _saved(picture, media_type)


def _saved(picture: Image.Image, media_type: str) -> bytes:
    file = io.BytesIO()
    if media_type == "image/jpeg":
        picture.save(file, "JPEG", quality=JPEG_QUALITY)
    elif media_type == "image/webp":
        picture.save(file, "WEBP", quality=JPEG_QUALITY)
    else:
        picture.save(file, "PNG", compress_level=1)
    return file.getvalue()
