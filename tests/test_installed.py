"""A test whose program is missing is skipped on a developer's machine, and fails in CI."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.installed import require_program

ABSENT = "a-program-that-nobody-has"


def test_a_missing_program_skips_the_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="is not installed"):
        require_program(ABSENT, package="none")


def test_a_missing_program_fails_the_test_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="is not installed"):
        require_program(ABSENT, package="none")


def test_a_program_is_found() -> None:
    assert Path(require_program("sh", package="dash")).name == "sh"


def test_the_script_of_ci_sets_it() -> None:
    script = (Path(__file__).parents[1] / ".ci" / "run").read_text("utf-8")
    assert "\nexport CI=true\n" in script
