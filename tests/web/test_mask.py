"""Masks painted on the page, with the pointer and with the keyboard alone."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

from PIL import Image, ImageChops

from tests.chromium import made, opened, send
from tests.web.conftest import PHONE, STILL, paint, picture, pixels

if TYPE_CHECKING:
    from playwright.sync_api import Browser, FilePayload, Page


def painted(page: Page) -> Image.Image:
    """White wherever the mask's canvas holds any paint."""
    url = page.locator(".editor canvas").nth(1).evaluate("canvas => canvas.toDataURL()")
    alpha = Image.open(io.BytesIO(base64.b64decode(url.split(",")[1]))).getchannel("A")
    return alpha.point([0] + [255] * 255)


def assert_changed_inside_alone(before: Image.Image, after: Image.Image, mask: Image.Image) -> None:
    """Every pixel without paint is as it was; some pixel with paint is not."""
    assert before.size == after.size == mask.size
    black = Image.new("RGB", mask.size)
    difference = ImageChops.difference(before, after)
    assert Image.composite(black, difference, mask).getbbox() is None
    assert Image.composite(difference, black, mask).getbbox() is not None


def test_a_painted_mask_keeps_every_other_pixel(page: Page, origin: str) -> None:
    before = pixels(origin, send(page, "a red fox in the snow"))
    page.locator("#results").get_by_role("button", name="Edit").first.click()
    paint(page)
    mask = painted(page)
    assert 0 < sum(mask.histogram()[128:]) < 512 * 512 / 4
    assert_changed_inside_alone(before, pixels(origin, send(page, "a blue balloon")), mask)


def test_invert_undo_redo_erase_and_clear(page: Page) -> None:
    page.locator("#tasks").get_by_role("button", name="Edit").click()
    page.set_input_files("#file", [picture("teal", 64)])
    tools = page.locator(".tools")
    page.locator(".editor").wait_for()

    def share() -> float:
        mask = painted(page)
        return sum(mask.histogram()[128:]) / (mask.width * mask.height)

    paint(page)
    stroke = share()
    assert 0 < stroke < 0.2
    tools.get_by_role("button", name="Undo").click()
    assert share() == 0
    tools.get_by_role("button", name="Redo").click()
    assert share() == stroke
    tools.get_by_role("button", name="Erase").click()
    paint(page)
    assert share() < stroke / 2
    tools.get_by_role("button", name="Clear").click()
    tools.get_by_role("button", name="Invert").click()
    assert share() == 1


def test_a_mask_on_a_phone_and_its_before_and_after(browser: Browser, origin: str) -> None:
    with opened(browser, origin, **PHONE, **STILL) as page:
        before = pixels(origin, send(page, "a fox on a phone"))
        page.locator("#results").get_by_role("button", name="Edit").first.tap()
        page.locator(".editor").tap()
        mask = painted(page)
        assert 0 < sum(mask.histogram()[128:]) < 512 * 512 / 4
        assert_changed_inside_alone(before, pixels(origin, send(page, "a yellow star")), mask)
        page.get_by_role("button", name="Open: a yellow star").first.tap()
        shown = page.locator("dialog.viewer figure")
        box = shown.bounding_box()
        assert box is not None
        covered = """right => {
          const { clipPath } = getComputedStyle(document.querySelector(".before"));
          return Math.abs(parseFloat(clipPath.split(" ")[1]) - right) < 2;
        }"""
        page.wait_for_function(covered, arg=50)
        page.touchscreen.tap(box["x"] + box["width"] / 4, box["y"] + box["height"] / 2)
        page.wait_for_function(covered, arg=75)


def test_a_file_that_is_no_image(page: Page) -> None:
    page.locator("#tasks").get_by_role("button", name="Edit").click()
    notes: FilePayload = {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"no image"}
    page.set_input_files("#file", [notes])
    page.get_by_text("notes.txt is not an image that this browser can read.").wait_for()
    assert page.locator("#thumbs img").count() == 0


def test_everything_with_the_keyboard_alone(page: Page, origin: str) -> None:
    keys = page.keyboard
    # The prompt has the focus when the page opens.
    keys.type("a red fox in the snow")
    keys.press("Control+Enter")
    before = pixels(origin, made(page, "a red fox in the snow"))
    tab_to(page, "Edit", inside="results")
    keys.press("Enter")
    page.wait_for_selector(".editor")
    assert page.evaluate("() => document.activeElement.id") == "prompt"
    keys.press("Control+A")
    keys.type("a blue balloon")
    tab_to(page, "Mask: paint what is to change", inside="form")
    for key in ("ArrowUp", "ArrowUp", "Space", "ArrowLeft", "ArrowLeft", "ArrowLeft", "Space", "ArrowLeft"):
        keys.press(key)
    mask = painted(page)
    assert 0 < sum(mask.histogram()[128:]) < 512 * 512 / 4
    tab_to(page, "Edit", inside="form")
    keys.press("Enter")
    assert_changed_inside_alone(before, pixels(origin, made(page, "a blue balloon")), mask)


def test_the_focus_is_never_lost(page: Page) -> None:
    keys = page.keyboard
    tab_to(page, "Model", inside="form")
    keys.press("Enter")
    keys.press("Tab")
    keys.press("Enter")
    assert page.evaluate("() => document.activeElement.id") == "model"
    page.fill("#prompt", "a focused heron")
    page.locator("#form button.main").press("Enter")
    made(page, "a focused heron")
    with page.expect_response("**/v1/images?*q=focused*"):
        page.fill("#search", "focused")
    page.wait_for_load_state("networkidle")
    card = page.locator("#gallery .card")
    card.filter(has_text="focused").first.wait_for()
    card.first.locator("button.picture").press("Enter")
    page.locator("dialog.viewer").wait_for()
    keys.press("Escape")
    assert page.evaluate("() => document.activeElement.className") == "picture"
    card.first.get_by_role("button", name="Delete").press("Enter")
    keys.press("Enter")
    page.get_by_text("No image matches the search.").wait_for()
    assert page.evaluate("() => document.activeElement.id") == "search"


def tab_to(page: Page, name: str, *, inside: str) -> None:
    """Presses Tab until the focus is on the control of that name in the part of the page with that id."""
    find = """([name, inside]) => {
      const on = document.activeElement;
      const label = on.ariaLabel || (on.id === "model" ? "Model" : on.textContent);
      return label === name && Boolean(on.closest(`#${inside}`)) && !on.closest("#tasks");
    }"""
    for _ in range(120):
        if page.evaluate(find, [name, inside]):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not reach {name}")
