"""The gallery of the page: search, full screen, downloads, delete."""

from __future__ import annotations

import asyncio
import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image
from playwright.sync_api import expect

from cloudflare_image_mcp.imagefile.image import Image as StoredPicture
from cloudflare_image_mcp.storage.opening import open_store
from cloudflare_image_mcp.system import SystemClock, SystemIds
from tests.chromium import opened, send
from tests.live import gateway
from tests.web.conftest import PHONE, STILL, picture

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


def test_clear_removes_the_cards_of_what_is_done(page: Page) -> None:
    send(page, "a cleared heron")
    expect(page.get_by_role("status").filter(has_text="Done: a cleared heron")).to_have_count(1)
    page.locator("#clear-results").click()
    expect(page.locator("#results-section")).to_be_hidden()
    expect(page.locator("#gallery .card").first).to_contain_text("a cleared heron")
    assert page.evaluate("() => document.activeElement.id") == "gallery-title"


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


def test_a_transparent_background_is_white_in_a_jpeg(page: Page) -> None:
    page.locator("#parameters summary").click()
    page.select_option("#p-background", "transparent")
    send(page, "a green frog")
    page.locator("#results button.picture").first.click()
    corners: dict[str, Any] = {}
    for kind in ("PNG", "JPEG"):
        with page.expect_download() as saved:
            page.get_by_role("button", name=kind, exact=True).click()
        with Image.open(Path(saved.value.path())) as image:
            corners[kind] = image.convert("RGBA").getpixel((1, 1))
    assert corners["PNG"][3] == 0
    assert corners["JPEG"] == (255, 255, 255, 255)


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


def test_a_swipe_on_a_phone(browser: Browser, origin: str) -> None:
    with opened(browser, origin, **PHONE, **STILL) as page:
        send(page, "the first stork")
        send(page, "the second stork")
        page.get_by_role("button", name="Open: the second stork").last.tap()
        shown = page.locator("dialog.viewer .stage img")
        expect(shown).to_have_attribute("alt", "the second stork")
        # Dispatched: Chromium takes a real touch for scrolling while the machine is too busy to draw the dialog.
        stage = page.locator("dialog.viewer .stage")
        stage.dispatch_event("pointerdown", {"pointerType": "touch", "clientX": 300})
        stage.dispatch_event("pointerup", {"pointerType": "touch", "clientX": 100})
        expect(shown).to_have_attribute("alt", "the first stork")


def fill(images: Path, count: int) -> None:
    """Stores that many images, whose prompts are numbered."""
    content = picture("teal", 64)["buffer"]

    async def put() -> None:
        store = open_store(images.as_uri(), expiry=None, clock=SystemClock())
        for index in range(count):
            details = {"prompt": f"number {index}", "width": "64", "height": "64"}
            await store.put(f"{SystemIds().name()}.png", await StoredPicture.of_bytes(content), details)
        await store.aclose()

    # In a thread: the loop of Playwright runs in this one.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(put())).result()


def test_a_long_gallery_is_loaded_as_it_is_scrolled(browser: Browser, tmp_path: Path) -> None:
    fill(tmp_path, 130)
    with gateway(tmp_path) as origin, opened(browser, origin) as page:
        card = page.locator("#gallery .card")
        expect(card).to_have_count(60)
        page.wait_for_load_state("networkidle")
        loaded = (
            "() => performance.getEntriesByType('resource').filter(({ name }) => /images.[^?]+png/.test(name)).length"
        )
        assert 0 < page.evaluate(loaded) < 60
        for shown in (120, 130):
            card.last.scroll_into_view_if_needed()
            expect(card).to_have_count(shown)
        expect(page.locator("#more")).to_be_hidden()
        prompts = page.locator("#gallery .prompt").all_text_contents()
        assert len(set(prompts)) == 130


def test_each_key_sees_its_own_images(browser: Browser, tmp_path: Path) -> None:
    keys = tmp_path / "keys.toml"
    rows = [f'[keys.{name}]\nsha256 = "{hashlib.sha256(name.encode()).hexdigest()}"\n' for name in ("anna", "boris")]
    keys.write_text("\n".join(rows), "utf-8")
    with (
        gateway(tmp_path / "images", API_KEYS_FILE=str(keys)) as origin,
        opened(browser, origin) as anna,
        opened(browser, origin) as boris,
    ):
        for page, name in ((anna, "anna"), (boris, "boris")):
            page.get_by_label("API key").last.fill(name)
            page.get_by_role("button", name="Use this key").click()
            page.get_by_text("Nothing is stored yet.").wait_for()
            send(page, f"a picture for {name}")
            expect(page.locator("#gallery .card")).to_have_count(1)
        for page, name in ((anna, "anna"), (boris, "boris")):
            with page.expect_response("**/v1/images?*"):
                page.fill("#search", "picture")
            expect(page.locator("#gallery .prompt")).to_have_text([f"a picture for {name}"])
