"""docs/cli.md explains every command and every option, and nothing that is gone."""

from __future__ import annotations

import json
import re
from pathlib import Path

import click
import pytest

from cloudflare_image_mcp.cli.program import program
from tests.cli.commands import Home

PAGE = (Path(__file__).parents[2] / "docs" / "cli.md").read_text("utf-8")
OPTIONS = [
    (name, flag)
    for name, top in program.commands.items()
    for command in (top, *(top.commands.values() if isinstance(top, click.Group) else ()))
    for parameter in command.get_params(click.Context(command))
    if "--help" not in parameter.opts
    if isinstance(parameter, click.Option)
    for flag in (*parameter.opts, *parameter.secondary_opts)
]
SHARED = {"generate", "edit", "vary"}


def section(title: str) -> str:
    """The text under a heading of the third level."""
    match = re.search(rf"^### {re.escape(title)}\n(.+?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert match is not None, f"no section {title}"
    return match[1]


@pytest.mark.parametrize("name", program.commands)
def test_every_command_has_its_section(name: str) -> None:
    assert len(section(f"`{name}`").split()) > 10


@pytest.mark.parametrize(("name", "flag"), OPTIONS)
def test_every_option_is_explained_with_its_command(name: str, flag: str) -> None:
    where = section(f"`{name}`") + (section("Options of all three") if name in SHARED else "")
    assert f"`{flag}`" in where or f"`{flag} " in where


def test_every_option_of_the_program_is_explained() -> None:
    flags = [flag for parameter in program.params for flag in parameter.opts]
    assert [flag for flag in flags if f"`{flag}`" not in PAGE] == []


def test_no_option_is_explained_that_is_gone() -> None:
    known = {flag for _, flag in OPTIONS} | {flag for parameter in program.params for flag in parameter.opts}
    assert set(re.findall(r"`(--?[a-z][a-z-]*)`", PAGE)) - known <= {"--help", "-h"}


def test_json_looks_as_shown(tmp_path: Path) -> None:
    documented = json.loads(re.search(r"^```json\n(.+?)^```", PAGE, re.MULTILINE | re.DOTALL)[1])  # type: ignore[index]  # None fails the test
    command = ["generate", documented["prompt"], "--seed", "7", "--size", "256x256", "--json"]
    printed = json.loads(Home(tmp_path).run(*command).stdout)
    assert _shape(printed) == _shape(documented)


def _shape(value: object) -> object:
    """Keys in their order, and types."""
    if isinstance(value, dict):
        return [(key, _shape(one)) for key, one in value.items()]
    return [_shape(one) for one in value] if isinstance(value, list) else type(value)
