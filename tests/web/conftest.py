"""Chromium, and the page opened in it over a real server, watched for errors and for requests to other hosts."""

from __future__ import annotations

import io
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from PIL import Image
from playwright.sync_api import expect, sync_playwright

from tests.live import gateway

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, FilePayload, Page

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
DARK = {"color_scheme": "dark"}
DESKTOP: dict[str, Any] = {}
expect.set_options(timeout=60_000)
KLEIN = "@cf/black-forest-labs/flux-2-klein-4b"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium for one file's tests.

    Not for the session: while Playwright's synchronous API is open, its event loop counts as the running one, and
    every asynchronous test that follows in the process fails.
    """
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("Chromium is not installed")
    with sync_playwright() as playwright:
        # Chromium's own sandbox does not start for root, as whom containers run.
        opened = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of a gateway with the embedded engine and no image stored at first."""
    with gateway(tmp_path_factory.mktemp("images")) as served:
        yield served


@contextmanager
def opened(browser: Browser, origin: str, script: str = "", path: str = "", **context: Any) -> Iterator[Page]:
    """The page in a context of its own. Fails on an error in the console, and on a request to another host.

    ``script`` runs before the page's own. Answers of 400 and above are no errors of the page.
    """
    page = browser.new_context(**context).new_page()
    page.set_default_timeout(60_000)
    if script:
        page.add_init_script(script)
    errors: list[str] = []
    elsewhere: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on(
        "console",
        lambda line: (
            errors.append(line.text) if line.type == "error" and "Failed to load resource" not in line.text else None
        ),
    )
    page.on(
        "request",
        lambda sent: None if sent.url.startswith((origin, "blob:", "data:")) else elsewhere.append(sent.url),
    )
    page.goto(f"{origin}/?size=512x512&model={KLEIN}{path}")
    yield page
    assert errors == []
    assert elsewhere == []
    page.context.close()


@pytest.fixture
def page(browser: Browser, origin: str) -> Iterator[Page]:
    with opened(browser, origin) as shown:
        shown.wait_for_selector("#p-size")
        yield shown


def send(page: Page, prompt: str) -> str:
    """Sends the form; the path of the image."""
    page.fill("#prompt", prompt)
    page.locator("#form button.main").click()
    return made(page, prompt)


def made(page: Page, prompt: str) -> str:
    """Waits for an image; its path."""
    source = page.locator(f'#results button.picture img[alt="{prompt}"]').first.get_attribute("src")
    assert source is not None
    return source


def choose(page: Page, model: str) -> None:
    """Chooses a model by its title."""
    page.locator("#model").click()
    page.locator(".models button", has=page.get_by_text(model, exact=True)).click()


def picture(colour: str, side: int = 512) -> FilePayload:
    """A PNG file for a file input."""
    out = io.BytesIO()
    Image.new("RGB", (side, side), colour).save(out, "PNG")
    return {"name": f"{colour}.png", "mimeType": "image/png", "buffer": out.getvalue()}


def paint(page: Page) -> None:
    """A stroke near the upper left corner, with the pointer."""
    editor = page.locator(".editor")
    editor.scroll_into_view_if_needed()
    box = editor.bounding_box()
    assert box is not None
    unit = box["width"] / 100
    page.mouse.move(box["x"] + 16 * unit, box["y"] + 16 * unit)
    page.mouse.down()
    page.mouse.move(box["x"] + 28 * unit, box["y"] + 24 * unit, steps=8)
    page.mouse.up()


def pixels(origin: str, path: str) -> Image.Image:
    return Image.open(io.BytesIO(httpx2.get(f"{origin}/{path}", timeout=60).content)).convert("RGB")
