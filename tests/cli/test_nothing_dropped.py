"""The command line warns of every value that it does not use, and its errors name the option that was typed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cli.commands import Home

if TYPE_CHECKING:
    from pathlib import Path

SMALL = "--size=256x256"
WARNED: dict[str, tuple[tuple[str, ...], str]] = {
    "a ratio beside a size": (("a fox", SMALL, "--ar", "16:9"), "aspect_ratio was ignored: the size 256x256 was used"),
    "steps in the prompt and as an option": (
        ("a fox --steps=6", SMALL, "--steps", "2"),
        "--steps 6 was ignored: steps 2 was used",
    ),
}
REFUSED: dict[str, tuple[tuple[str, ...], str]] = {
    "an option misspelt": (("a fox", "--stesp", "4"), "--steps"),
    "an unknown option": (("a fox", "--colour", "red"), "--colour"),
    "a ratio out of range beside a size": (("a fox", SMALL, "--ar", "99:1"), "--ar must be"),
    "steps out of range": (("a fox", "--steps", "99"), "--steps must be an integer from 1 to 8"),
    "a format that is none": (("a fox", "--format", "gif"), '"gif"'),
}


@pytest.mark.parametrize(("arguments", "words"), WARNED.values(), ids=WARNED)
def test_what_is_not_used_is_a_warning(tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    ran = Home(tmp_path).run("generate", *arguments)
    assert ran.status == 0, ran.stderr
    assert words in ran.stderr


@pytest.mark.parametrize(("arguments", "words"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_used_is_refused(tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    ran = Home(tmp_path).run("generate", *arguments)
    assert ran.status == 2
    assert words in ran.stderr
    assert Home(tmp_path).pictures == []
