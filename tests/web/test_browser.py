"""The page in Chromium, over a real server with the embedded engine."""

from __future__ import annotations

import io
import shutil
from typing import TYPE_CHECKING

import httpx2
import pytest
from PIL import Image, ImageChops
from playwright.sync_api import expect, sync_playwright

from tests.live import gateway

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

KEY = "a-key"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("Chromium is not installed")
    with sync_playwright() as playwright:
        # Chromium's own sandbox does not start for root, as whom containers run.
        opened = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("images")


@pytest.fixture(scope="module")
def origin(images: Path) -> Iterator[str]:
    with gateway(images, API_KEYS=KEY) as served:
        yield served


@pytest.fixture
def page(browser: Browser, origin: str) -> Iterator[Page]:
    """With the key entered. Fails on an error in the console, and on a request to another host."""
    opened = browser.new_page()
    opened.set_default_timeout(30_000)
    errors: list[str] = []
    elsewhere: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.on("console", lambda line: errors.append(line.text) if "Content Security" in line.text else None)
    opened.on(
        "request",
        lambda sent: None if sent.url.startswith((origin, "blob:", "data:")) else elsewhere.append(sent.url),
    )
    opened.goto(f"{origin}/?size=512x512")
    opened.get_by_label("API key").last.fill(KEY)
    opened.get_by_role("button", name="Use this key").click()
    opened.wait_for_selector("#p-size")
    yield opened
    assert errors == []
    assert elsewhere == []
    opened.close()


def make(page: Page, prompt: str) -> str:
    """Sends the form; the path of the image."""
    page.fill("#prompt", prompt)
    page.click("#form button.main")
    source = page.locator(f'#results img[alt="{prompt}"]').first.get_attribute("src")
    assert source is not None
    return source


def pixels(origin: str, path: str) -> Image.Image:
    return Image.open(io.BytesIO(httpx2.get(f"{origin}/{path}").content)).convert("RGB")


def test_a_painted_mask_changes_what_is_inside_alone(page: Page, origin: str) -> None:
    before = pixels(origin, make(page, "a red fox in the snow"))
    page.locator("#results").get_by_role("button", name="Edit").first.click()
    editor = page.locator(".editor")
    editor.scroll_into_view_if_needed()
    box = editor.bounding_box()
    assert box is not None
    left, top, unit = box["x"], box["y"], box["width"] / 512
    page.mouse.move(left + 80 * unit, top + 80 * unit)
    page.mouse.down()
    page.mouse.move(left + 140 * unit, top + 120 * unit, steps=8)
    page.mouse.up()
    after = pixels(origin, make(page, "a blue balloon"))
    changed = ImageChops.difference(before, after).getbbox()
    assert changed is not None
    assert changed[0] > 20
    assert changed[1] > 20
    assert changed[2] < 210
    assert changed[3] < 190


def test_the_gallery_searches_and_deletes(page: Page) -> None:
    make(page, "a lighthouse at sunset")
    page.fill("#search", "lighthouse")
    card = page.locator("#gallery .card")
    card.filter(has_text="lighthouse").first.wait_for()
    expect(card).to_have_count(1)
    card.get_by_role("button", name="Delete").click()
    page.get_by_text("No image matches the search.").wait_for()


def test_an_error_is_shown_in_words(page: Page) -> None:
    page.locator("#parameters summary").click()
    page.fill("#p-steps", "99")
    page.fill("#prompt", "a fox")
    page.click("#form button.main")
    page.locator("#results .error").get_by_text("steps must be").wait_for()
