"""Screenshots of the page: a real server with the embedded engine, its page in Chromium.

python -m docs.screenshots.make FOLDER
"""

from __future__ import annotations

import io
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpx2
from PIL import Image
from playwright.sync_api import sync_playwright
from tests.live import gateway

if TYPE_CHECKING:
    from playwright.sync_api import Page

PROMPTS: Final = (
    "a sailing boat on a calm lake, watercolour",
    "a cat asleep on a windowsill, rain outside",
    "mountains at night under a full moon",
    "an owl on a branch, autumn leaves",
    "a lighthouse at sunset",
    "a red fox in the snow",
)
"""What the gallery shows, the oldest first."""
DESKTOP: Final = {"width": 1280, "height": 860}
PHONE: Final = {"width": 390, "height": 844}
WIDEST: Final = 1280
"""Pixels of a file in docs/."""


def main(folder: Path) -> None:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("scripts/screenshots needs Chromium.")
    with (
        tempfile.TemporaryDirectory() as images,
        gateway(Path(images)) as origin,
        sync_playwright() as playwright,
    ):
        for seed, prompt in enumerate(PROMPTS):
            fields = {"prompt": prompt, "size": "768x768", "seed": seed, "model": "flux-2-klein-4b"}
            httpx2.post(f"{origin}/v1/images/generations", json=fields, timeout=60).raise_for_status()
        # Chromium's own sandbox does not start for root, as whom containers run.
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for scheme in ("light", "dark"):
            page = _opened(browser, origin, scheme, DESKTOP)
            _save(page, folder / f"page-{scheme}.webp")
            _edit(page)
            _save(page, folder / f"edit-{scheme}.webp")
            page.close()
        page = _opened(browser, origin, "light", DESKTOP)
        page.locator("#model").click()
        _save(page, folder / "models-light.webp")
        page.get_by_role("button", name="Close").click()
        page.locator("#gallery .picture").first.click()
        page.locator(".stage img").wait_for()
        _save(page, folder / "viewer-light.webp")
        page.close()
        page = _opened(browser, origin, "light", PHONE)
        _save(page, folder / "phone-form.webp")
        page.locator("#gallery-title").evaluate("title => title.scrollIntoView()")
        _save(page, folder / "phone-gallery.webp")
        page.close()
        browser.close()


def _opened(browser: Any, origin: str, scheme: str, viewport: dict[str, int]) -> Page:
    page: Page = browser.new_page(viewport=viewport, color_scheme=scheme, device_scale_factor=2)
    page.goto(
        f"{origin}/?model=@cf/black-forest-labs/flux-2-klein-4b&prompt={PROMPTS[-1].replace(' ', '+')}&size=768x768"
    )
    page.locator("#gallery .card").nth(len(PROMPTS) - 1).wait_for()
    page.wait_for_load_state("networkidle")
    return page


def _edit(page: Page) -> None:
    """The state in which a mask is painted over the newest image."""
    page.locator("#gallery").get_by_role("button", name="Edit").first.click()
    editor = page.locator(".editor")
    editor.wait_for()
    editor.scroll_into_view_if_needed()
    page.locator("#form").evaluate("form => { form.scrollTop = 260; }")
    box = editor.bounding_box()
    assert box is not None
    unit = box["width"] / 100
    page.mouse.move(box["x"] + 20 * unit, box["y"] + 22 * unit)
    page.mouse.down()
    for right, down in ((30, 15), (42, 20), (48, 26)):
        page.mouse.move(box["x"] + right * unit, box["y"] + down * unit, steps=6)
    page.mouse.up()
    page.fill("#prompt", "a hot-air balloon in the sky")
    page.locator("#form").evaluate("form => { form.scrollTop = 260; }")


def _save(page: Page, file: Path) -> None:
    image = Image.open(io.BytesIO(page.screenshot(animations="disabled")))
    image.thumbnail((WIDEST, WIDEST))
    file.parent.mkdir(parents=True, exist_ok=True)
    image.convert("RGB").save(file, "WEBP", quality=82, method=6)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
