"""SECURITY.md names a test for each promise, and these tests exist."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
ROWS: Final = re.findall(
    r"^\| (?!promise \|)([^|-][^|]*) \| ([^|]+) \|$", (ROOT / "SECURITY.md").read_text("utf-8"), re.MULTILINE
)


def test_there_is_a_table() -> None:
    assert len(ROWS) >= 14


@pytest.mark.parametrize(("promise", "tests"), ROWS)
def test_a_promise_is_held_by_tests_that_exist(promise: str, tests: str) -> None:
    paths = re.findall(r"`(tests/[^`]+)`", tests)
    assert paths, promise
    for path in paths:
        assert "def test_" in (ROOT / path).read_text("utf-8"), path
