"""axe-core over every state of the page: nothing serious, in light, in dark and on a phone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.chromium import opened, send
from tests.live import gateway
from tests.node import packages
from tests.web.conftest import DARK, DESKTOP, PHONE, paint
from tests.wire.conftest import wired_and_held

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Page

_RUN = """() => axe.run().then(({ violations }) => violations
  .filter(({ impact }) => impact === "serious" || impact === "critical")
  .map(({ id, nodes }) => [id, nodes.map(({ html }) => html.slice(0, 160))]))"""


def check(page: Page, state: str) -> None:
    assert page.evaluate(_RUN) == [], state


@pytest.mark.parametrize("context", [DESKTOP, DARK, PHONE], ids=["light", "dark", "phone"])
def test_nothing_serious(browser: Browser, tmp_path: Path, context: dict[str, Any]) -> None:
    axe = (packages() / "node_modules/axe-core/axe.min.js").read_text("utf-8")
    with gateway(tmp_path, API_KEYS="a-key") as origin, opened(browser, origin, axe, **context) as page:
        page.get_by_role("button", name="Use this key").wait_for()
        check(page, "key entry")
        page.get_by_label("API key").last.fill("a-key")
        page.get_by_role("button", name="Use this key").click()
        page.get_by_text("Nothing is stored yet.").wait_for()
        page.locator("#parameters summary").click()
        check(page, "empty gallery and advanced settings")
        page.locator("#model").click()
        check(page, "models")
        page.keyboard.press("Escape")
        page.fill("#p-steps", "99")
        page.fill("#prompt", "a fox")
        page.locator("#form button.main").click()
        page.locator("#results .error").wait_for()
        check(page, "error")
        page.fill("#p-steps", "")
        send(page, "a red fox in the snow")
        page.locator("#gallery .card").first.wait_for()
        check(page, "result and gallery")
        page.locator("#gallery").get_by_role("button", name="Delete").click()
        check(page, "delete, asked once more")
        page.locator("#gallery button.picture").click()
        page.locator("dialog.viewer img").wait_for()
        check(page, "full screen")
        page.keyboard.press("Escape")
        page.locator("#results").get_by_role("button", name="Edit").first.click()
        paint(page)
        check(page, "edit")
        page.locator(".editor canvas").nth(1).focus()
        page.keyboard.press("ArrowLeft")
        check(page, "mask with the keyboard")
        send(page, "a blue balloon")
        page.get_by_role("button", name="Open: a blue balloon").first.click()
        page.get_by_label("Before and after").wait_for()
        check(page, "before and after")
        page.keyboard.press("Escape")
        page.locator("#copy-code").click()
        check(page, "code")
        page.keyboard.press("Escape")
        page.locator("#tasks").get_by_role("button", name="Vary").click()
        page.fill("#search", "nothing of that name")
        page.get_by_text("No image matches the search.").wait_for()
        check(page, "variations, nothing found")
        page.context.set_offline(True)
        page.locator("#form button.main").click()
        page.locator("#results .error").first.wait_for()
        page.fill("#search", "another name")
        page.get_by_role("button", name="Load again").wait_for()
        check(page, "offline")


@pytest.mark.parametrize("context", [DESKTOP, DARK, PHONE], ids=["light", "dark", "phone"])
def test_nothing_serious_while_an_image_is_made(browser: Browser, context: dict[str, Any]) -> None:
    axe = (packages() / "node_modules/axe-core/axe.min.js").read_text("utf-8")
    with wired_and_held() as (wire, _), opened(browser, wire.gateway, axe, **context) as page:
        page.wait_for_selector("#p-size")
        page.fill("#prompt", "a slow fox")
        page.locator("#form button.main").click()
        page.get_by_role("button", name="Cancel").wait_for()
        check(page, "running")
        page.get_by_role("button", name="Cancel").click()
        page.locator("#results").get_by_text("Cancelled.").wait_for()
        check(page, "cancelled")
