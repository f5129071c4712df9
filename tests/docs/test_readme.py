"""Runs what the README shows, because new users try it first."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from cloudflare_image_mcp.cli.program import program
from tests.decoding import downloaded, size
from tests.waiting import LONGEST

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def block(language: str) -> str:
    (text,) = re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    return str(text)


def test_the_sdk_makes_a_picture(server: str) -> None:
    snippet = block("python")
    assert "http://localhost:3000/" in snippet
    done = subprocess.run(
        [sys.executable, "-c", snippet.replace("http://localhost:3000", server)],
        capture_output=True,
        text=True,
        check=True,
        timeout=LONGEST,
    )
    assert size(downloaded(done.stdout.strip())) == "1024x1024"


def test_the_assistant_s_entry_starts_a_command_that_there_is() -> None:
    (entry,) = json.loads(block("json"))["mcpServers"].values()
    assert Path(entry["command"]).name == "cloudflare-image-mcp"
    assert entry["args"] == ["mcp"]


@pytest.mark.parametrize("name", re.findall(r"^(scripts/\w+) ", README, re.MULTILINE))
def test_a_script_that_is_named_is_there_to_be_run(name: str) -> None:
    assert (ROOT / name).stat().st_mode & 0o111


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_page_names_a_command_that_is_gone(page: Path) -> None:
    named = re.findall(r"(?<![\w./@-])cloudflare-image-mcp ([a-z]+)\b", page.read_text("utf-8"))
    assert set(named) <= set(program.commands)


PUBLISHED = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["release"]["published"]
BY_NAME = re.compile(r"uvx\W.*cloudflare-image|pip install\W+cloudflare-image|\"command\": \"uvx\"|command = \"uvx\"")
"""Recipes that fetch the package from a registry."""


@pytest.mark.skipif(PUBLISHED, reason="the package is published")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_recipe_runs_a_package_that_is_not_published(page: Path) -> None:
    """The text may describe what will work after the first release."""
    blocks = re.findall(r"^```\w*\n(.*?)^```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert [block for block in blocks if BY_NAME.search(block)] == []


@pytest.mark.skipif(PUBLISHED, reason="the package is published")
def test_no_message_names_a_package_that_is_not_published() -> None:
    sources = [*(ROOT / "src").rglob("*.py"), *(ROOT / "packages/illustrator/src").rglob("*.py")]
    assert [path.name for path in sources if BY_NAME.search(path.read_text("utf-8"))] == []
