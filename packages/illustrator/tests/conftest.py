"""One illustrator for all tests of a process."""

import pytest

from cloudflare_image_illustrator import Illustrator


@pytest.fixture(scope="session")
def illustrator() -> Illustrator:
    return Illustrator()
