from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from tests.emulator.calling import emulating

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="package")
def live() -> Iterator[str]:
    """An emulator of the service as it was seen, that never runs out."""
    with emulating(daily_neurons=1e9, requests_per_minute=10**9) as address:
        yield address


@pytest.fixture(scope="package")
def documented() -> Iterator[str]:
    """The same, as the schemas have it."""
    with emulating(mode="documented", daily_neurons=1e9, requests_per_minute=10**9) as address:
        yield address


@pytest.fixture
def picture() -> bytes:
    """A 256 x 256 PNG, its left half red and its right half blue."""
    image = Image.new("RGB", (256, 256), "red")
    image.paste("blue", (128, 0, 256, 256))
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def picture_path(picture: bytes, tmp_path: Path) -> Path:
    path = tmp_path / "picture.png"
    path.write_bytes(picture)
    return path
