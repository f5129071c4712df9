"""The documents say what the code does: each setting, error, model and parameter has its paragraph."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cloudflare_image_mcp.catalog import Operation, models
from cloudflare_image_mcp.cli.models_document import document
from cloudflare_image_mcp.errors import ERRORS
from cloudflare_image_mcp.rest.openapi_requests import image_request
from cloudflare_image_mcp.settings import SETTINGS, Setting

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def test_the_models_page_is_what_the_catalogue_writes() -> None:
    assert (DOCS / "models.md").read_text("utf-8") == document(), "run scripts/check --fix"


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_every_setting_has_its_paragraph_with_its_default(setting: Setting) -> None:
    page = (DOCS / "configuration.md").read_text("utf-8")
    paragraph = re.search(rf"^### `{setting.name}`\n(.+?)\n(?:\n|$)", page, re.MULTILINE | re.DOTALL)
    assert paragraph is not None
    assert len(paragraph[1]) > 30
    assert not setting.default or f"`{setting.default}`" in paragraph[1]


def test_no_paragraph_is_about_a_setting_that_is_gone() -> None:
    page = (DOCS / "configuration.md").read_text("utf-8")
    assert set(re.findall(r"^### `(\w+)`", page, re.MULTILINE)) == {setting.name for setting in SETTINGS}


def test_the_workers_page_says_of_every_setting_what_it_does_there() -> None:
    page = (DOCS / "workers.md").read_text("utf-8")
    table = re.search(r"^\| \| settings \|\n(.+?)\n\n", page, re.MULTILINE | re.DOTALL)
    assert table is not None
    assert sorted(re.findall(r"`([A-Z0-9_]+)`", table[1])) == sorted(setting.name for setting in SETTINGS)


@pytest.mark.parametrize("name", ERRORS)
def test_every_error_has_its_row(name: str) -> None:
    row = ERRORS[name]
    code = "null" if row.code is None else f"`{row.code}`"
    assert f"| `{name}` | {row.status} | `{row.type}` | {code} | " in (DOCS / "errors.md").read_text("utf-8")


@pytest.mark.parametrize("operation", Operation)
def test_every_parameter_of_the_api_is_explained(operation: Operation) -> None:
    schema = image_request(operation)["requestBody"]["content"]["application/json"]["schema"]
    page = (DOCS / "api.md").read_text("utf-8")
    assert [name for name in schema["properties"] if f"`{name}`" not in page] == []


def test_every_model_is_in_the_models_page() -> None:
    page = (DOCS / "models.md").read_text("utf-8")
    assert all(f"\n## {model.short_name}\n" in page for model in models().values())


@pytest.mark.parametrize("page", [*DOCS.glob("*.md"), *ROOT.glob("*.md")], ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)", page.read_text("utf-8"))
    pages = [(page.parent / name if name else page, anchor) for name, anchor in links]
    assert [target for target, _ in pages if not target.exists()] == []
    assert [(target, anchor) for target, anchor in pages if anchor and anchor not in _anchors(target)] == []


def _anchors(page: Path) -> set[str]:
    """The headings as the links to them are written: lower case, words joined by hyphens, nothing else."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
