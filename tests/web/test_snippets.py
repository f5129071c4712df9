"""A request copied as code: the MCP call fits the tool's schema, the shell and Python code run."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from cloudflare_image_mcp.catalog import models
from cloudflare_image_mcp.mcp_server.schemas import run_arguments
from tests.installed import require_program
from tests.web.conftest import picture

if TYPE_CHECKING:
    from playwright.sync_api import Page


def copied(page: Page, name: str) -> str:
    page.locator("#copy-code").click()
    page.locator("dialog .tabs").get_by_role("button", name=name, exact=True).click()
    text = page.locator("dialog pre").inner_text()
    page.keyboard.press("Escape")
    return text


@pytest.mark.parametrize("task", ["generate", "edit", "vary"])
def test_the_mcp_call_fits_the_schema(page: Page, task: str) -> None:
    page.fill("#prompt", 'it\'s a "fox"')
    page.fill("#p-seed", "7")
    page.locator("#parameters summary").click()
    page.fill("#p-steps", "5")
    if task != "generate":
        page.locator("#tasks").get_by_role("button", name=task.title()).click()
        page.set_input_files("#file", [picture("teal", 64)])
    call: dict[str, Any] = json.loads(copied(page, "MCP"))["params"]
    schema = run_arguments(None, list(models().values()), paths=False) | {"additionalProperties": False}
    assert call["name"] == "run_model"
    jsonschema.validate(call["arguments"], schema)
    assert call["arguments"]["operation"] == task
    assert call["arguments"]["prompt"] == 'it\'s a "fox"'
    assert call["arguments"]["seed"] == 7


def test_copy_puts_the_code_on_the_clipboard(page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.fill("#prompt", "a copied fox")
    page.locator("#copy-code").click()
    page.get_by_role("button", name="Copy", exact=True).click()
    page.get_by_role("button", name="Copied").wait_for()
    assert "a copied fox" in page.evaluate("() => navigator.clipboard.readText()")


@pytest.mark.parametrize(
    ("name", "program", "options"),
    [("curl", "sh", ["-c"]), ("Python", sys.executable, ["-c"]), ("JavaScript", "node", ["--input-type=module", "-e"])],
)
def test_the_code_runs(page: Page, name: str, program: str, options: list[str]) -> None:
    page.fill("#prompt", 'it\'s a "fox"')
    command = [require_program(program, package="nodejs"), *options, copied(page, name)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "/images/" in done.stdout
