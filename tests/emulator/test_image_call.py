"""Input images that cannot be decoded."""

from __future__ import annotations

import io
import random
from collections import Counter

import pytest
from PIL import Image, features

from cloudflare_image_mcp.emulator.errors import UNDECODABLE, RefusalError
from cloudflare_image_mcp.emulator.image_call import InputImage


def encoded(kind: str) -> bytes:
    file = io.BytesIO()
    Image.effect_noise((48, 48), 50).convert("RGB").save(file, kind)
    return file.getvalue()


def test_a_telephones_jpeg_is_a_jpeg() -> None:
    """It holds a second, smaller picture."""
    file = io.BytesIO()
    first, second = (Image.effect_noise((side, side), 50).convert("RGB") for side in (48, 24))
    first.save(file, "MPO", save_all=True, append_images=[second])
    assert Image.open(io.BytesIO(file.getvalue())).format == "MPO"
    image = InputImage.decode(file.getvalue())
    assert (image.media_type, image.size) == ("image/jpeg", (48, 48))


KINDS = ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", *(["AVIF"] if features.check("avif") else [])]


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_file_is_taken_or_refused_and_nothing_else(kind: str) -> None:
    """Decoders fail in many ways: some with an ``OSError``, AVIF's with a ``RuntimeError``."""
    whole, chance = encoded(kind), random.Random(1)
    refused: Counter[str] = Counter()
    for _ in range(400):
        damaged = bytearray(whole)
        for _ in range(chance.choice((1, 2, 5, 20))):
            damaged[chance.randrange(min(len(damaged), 512))] = chance.randrange(256)
        try:
            assert InputImage.decode(bytes(damaged)).size.pixels > 0
        except RefusalError as refusal:
            refused[refusal.row.name] += 1
    assert refused.keys() == {UNDECODABLE.name}
