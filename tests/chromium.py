"""Chromium for the tests, and the page opened in it over a real server, watched for errors and for requests to other
hosts.
"""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from playwright.sync_api import expect, sync_playwright

from tests.installed import missing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

LONGEST = 60_000
"""Milliseconds after which a thing that has not happened never will."""
KLEIN = "@cf/black-forest-labs/flux-2-klein-4b"
expect.set_options(timeout=LONGEST)


def find_chromium() -> str | None:
    """The path of an installed one."""
    return shutil.which("chromium") or shutil.which("google-chrome")


@contextmanager
def launched(executable: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        # Chromium's own sandbox does not start for root, as whom containers run.
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser.

    To be closed at the end of each file: while Playwright's synchronous API is open, its event loop counts as the
    running one, and every asynchronous test that follows in the process fails.
    """
    with launched(find_chromium() or missing("Chromium", "chromium")) as browser:
        yield browser


@contextmanager
def opened(
    browser: Browser, origin: str, script: str = "", query: str = f"size=512x512&model={KLEIN}", **context: Any
) -> Iterator[Page]:
    """The page in a context of its own. Fails on an error in the console, and on a request to another host.

    ``script`` runs before the page's own. Answers of 400 and above are no errors of the page.
    """
    page = browser.new_context(**context).new_page()
    page.set_default_timeout(LONGEST)
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
    page.goto(f"{origin}/?{query}")
    yield page
    assert errors == []
    assert elsewhere == []
    page.context.close()


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


def draw(page: Page, *points: tuple[float, float]) -> None:
    """Draws a stroke in the mask editor with the pointer: its points in percent of the editor's width, from the upper
    left corner.
    """
    editor = page.locator(".editor")
    editor.scroll_into_view_if_needed()
    box = editor.bounding_box()
    assert box is not None
    unit = box["width"] / 100
    first, *others = ((box["x"] + right * unit, box["y"] + down * unit) for right, down in points)
    page.mouse.move(*first)
    page.mouse.down()
    for point in others:
        page.mouse.move(*point, steps=8)
    page.mouse.up()
