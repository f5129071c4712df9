"""A fresh home for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cli.commands import Home

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    fresh = Home(tmp_path)
    yield fresh
    fresh.close()
