"""SECURITY.md names one test for each promise, and these tests exist."""

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
def test_a_promise_is_held_by_a_test_that_exists(promise: str, tests: str) -> None:
    named = re.fullmatch(r"`(tests/[\w/]+\.py)::(test_\w+)`", tests)
    assert named, promise
    assert re.search(rf"^(?:async )?def {named[2]}\(", (ROOT / named[1]).read_text("utf-8"), re.MULTILINE), tests
