"""One illustrator for all tests of a process, and small measuring tools."""

from io import BytesIO

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from cloudflare_image_mcp.illustrator import Illustrator


@pytest.fixture(scope="session")
def illustrator() -> Illustrator:
    return Illustrator()


def png(pixels: NDArray[np.uint8]) -> bytes:
    """Pixels as a PNG file."""
    file = BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def distance(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """Mean absolute difference, 0..1."""
    return float(np.abs(one.astype(np.float32) - other.astype(np.float32)).mean() / 255)
