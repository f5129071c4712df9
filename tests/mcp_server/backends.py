"""Backends with calls that are held back and with incompressible images; each implements the whole port."""

from __future__ import annotations

import asyncio
import io
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image as PillowImage

from cloudflare_image_mcp.catalog import Size, SizeRule
from cloudflare_image_mcp.core.abilities import Abilities
from cloudflare_image_mcp.core.ports import Rendered
from cloudflare_image_mcp.imagefile.image import Image

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cloudflare_image_mcp.catalog import Model
    from cloudflare_image_mcp.core.ports import Call, OnPartial

SIZES: Final = SizeRule(default=Size(1024, 1024), minimum=64, maximum=2500)


class NoiseBackend:
    """Pictures that no encoder makes smaller: each pixel random, from the seed."""

    name = "noise"
    trained = False
    billed = False
    engine = None

    def abilities(self, model: Model) -> Abilities:
        return Abilities.of_promise(model, SIZES)

    async def run(self, call: Call, on_partial: OnPartial | None = None) -> Rendered:
        return Rendered(image=await Image.of_bytes(await asyncio.to_thread(noise, call.size, call.seed or 0)))

    async def aclose(self) -> None:
        pass


class HeldBackend(NoiseBackend):
    """Does not answer while its ledger is ``held``; each call leaves a line in the ledger when it begins and another
    when it ends.
    """

    name = "held"

    def __init__(self, ledger: Path) -> None:
        self._ledger = ledger

    async def run(self, call: Call, on_partial: OnPartial | None = None) -> Rendered:
        self._note("begun", call)
        try:
            while hold_file(self._ledger).exists():  # noqa: ASYNC110 - another process's file
                await asyncio.sleep(0.05)
        except asyncio.CancelledError:
            self._note("cancelled", call)
            raise
        rendered = await super().run(call, on_partial)
        self._note("done", call)
        return rendered

    def _note(self, what: str, call: Call) -> None:
        with self._ledger.open("a") as file:
            file.write(f"{what} {call.prompt}\n")


def hold_file(ledger: Path) -> Path:
    """While it exists, the backend of the ledger does not answer."""
    return ledger.with_name("hold")


@contextmanager
def held(ledger: Path) -> Iterator[None]:
    """No image is finished inside this context, however long the clients take."""
    hold_file(ledger).touch()
    try:
        yield
    finally:
        hold_file(ledger).unlink(missing_ok=True)


def noise(size: Size, seed: int) -> bytes:
    """A PNG of ``size``, three random bytes a pixel."""
    pixels = np.random.default_rng(seed).integers(0, 256, (size.height, size.width, 3), dtype=np.uint8)
    file = io.BytesIO()
    PillowImage.fromarray(pixels).save(file, "PNG", compress_level=0)
    return file.getvalue()
