"""The gallery of the page: search, full screen, downloads, delete."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.web.conftest import send

if TYPE_CHECKING:
    from playwright.sync_api import Page


def test_search_and_delete(page: Page) -> None:
    send(page, "a lighthouse at sunset")
    send(page, "a green parrot")
    card = page.locator("#gallery .card")
    expect(card.first).to_contain_text("a green parrot")
    page.fill("#search", "lighthouse")
    expect(card).to_have_count(1)
    expect(card).to_contain_text("a lighthouse at sunset")
    card.get_by_role("button", name="Delete").click()
    card.get_by_role("button", name="Sure?").click()
    page.get_by_text("No image matches the search.").wait_for()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_download(page: Page, kind: str) -> None:
    send(page, "a saved heron")
    page.locator("#results button.picture").first.click()
    with page.expect_download() as saved:
        page.get_by_role("button", name=kind, exact=True).click()
    with Image.open(Path(saved.value.path())) as image:
        assert (image.format, image.size) == (kind, (512, 512))


def test_arrows_go_through_the_gallery(page: Page) -> None:
    send(page, "the first heron")
    send(page, "the second heron")
    page.get_by_role("button", name="Open: the second heron").last.click()
    shown = page.locator("dialog.viewer .stage img")
    expect(shown).to_have_attribute("alt", "the second heron")
    page.keyboard.press("ArrowRight")
    expect(shown).to_have_attribute("alt", "the first heron")
    page.keyboard.press("ArrowLeft")
    expect(shown).to_have_attribute("alt", "the second heron")
