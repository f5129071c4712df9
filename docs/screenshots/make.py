"""Screenshots of the page: a real server with the embedded engine, its page in Chromium.

python -m docs.screenshots.make [--all] FOLDER      --all: also the states that docs/ does not show
"""

from __future__ import annotations

import io
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

import httpx2
from PIL import Image
from tests.chromium import draw, find_chromium, launched
from tests.live import gateway

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Browser, Page, ViewportSize

PROMPTS: Final = (
    "a sailing boat on a calm lake, watercolour",
    "a cat asleep on a windowsill, rain outside",
    "mountains at night under a full moon",
    "an owl on a branch, autumn leaves",
    "a lighthouse at sunset",
    "a red fox in the snow",
)
"""What the gallery shows, the oldest first."""
DESKTOP: Final[ViewportSize] = {"width": 1280, "height": 860}
PHONE: Final[ViewportSize] = {"width": 390, "height": 844}
WIDEST: Final = 1280
"""Pixels of a file in docs/."""


def edit(page: Page) -> None:
    """A mask is painted over the newest image."""
    page.locator("#gallery").get_by_role("button", name="Edit").first.click()
    page.locator(".editor").wait_for()
    draw(page, (18, 10), (26, 11), (18, 16), (28, 19), (17, 24), (28, 27), (17, 32), (27, 35))
    page.fill("#prompt", "a hot-air balloon in the sky")
    page.locator("#mask-help").evaluate("help => help.scrollIntoView()")


def edited(page: Page) -> None:
    """The edit is done and shown beside the image before it."""
    edit(page)
    page.locator("#form button.main").click()
    page.get_by_role("button", name="Open: a hot-air balloon in the sky").first.click()
    page.get_by_label("Before and after").evaluate(
        "slider => { slider.value = 20; slider.dispatchEvent(new Event('input')); }"
    )


def models(page: Page) -> None:
    page.locator("#model").click()
    page.mouse.move(0, 0)


def viewer(page: Page) -> None:
    page.locator("#gallery .picture").first.click()
    page.locator(".stage img").wait_for()


def gallery(page: Page) -> None:
    page.locator("#gallery-title").evaluate("title => title.scrollIntoView()")


def advanced(page: Page) -> None:
    page.locator("#parameters summary").click()
    page.locator("#form").evaluate("form => { form.scrollTop = 1000; }")


def code(page: Page) -> None:
    page.locator("#copy-code").click()


def errors(page: Page) -> None:
    """A card that failed, a message of the form, and a gallery that could not be loaded."""
    advanced(page)
    page.fill("#p-steps", "99")
    page.locator("#form button.main").click()
    page.locator("#results .error").wait_for()
    page.context.set_offline(True)
    page.fill("#search", "fox")
    page.get_by_role("button", name="Load again").wait_for()
    page.fill("#prompt", "")
    page.locator("#form button.main").click()


def running(page: Page) -> None:
    page.fill("#p-n", "2")
    page.select_option("#p-size", "1024x1024")
    page.locator("#form button.main").click()
    page.locator("#results .busy").first.wait_for()


def nothing_found(page: Page) -> None:
    page.fill("#search", "zebra")
    page.get_by_text("No image matches the search.").wait_for()


def key_entry(page: Page) -> None:
    page.locator("#set-key").click()


def as_it_opens(page: Page) -> None:
    page.locator("#p-size").wait_for()


class State(NamedTuple):
    scheme: Literal["light", "dark"]
    viewport: ViewportSize
    bring: Callable[[Page], None]
    """Brings the page, as it opens, into the state."""


SHOWN: Final[dict[str, State]] = {
    "page-light": State("light", DESKTOP, as_it_opens),
    "page-dark": State("dark", DESKTOP, as_it_opens),
    "edit-light": State("light", DESKTOP, edit),
    "edit-dark": State("dark", DESKTOP, edit),
    "models-light": State("light", DESKTOP, models),
    "viewer-light": State("light", DESKTOP, viewer),
    "before-after": State("light", DESKTOP, edited),
    "phone-form": State("light", PHONE, as_it_opens),
    "phone-gallery": State("light", PHONE, gallery),
}
FURTHER: Final[dict[str, State]] = {
    "models-dark": State("dark", DESKTOP, models),
    "advanced-light": State("light", DESKTOP, advanced),
    "errors-light": State("light", DESKTOP, errors),
    "errors-dark": State("dark", DESKTOP, errors),
    "running-light": State("light", DESKTOP, running),
    "code-dark": State("dark", DESKTOP, code),
    "key-light": State("light", DESKTOP, key_entry),
    "nothing-found": State("light", DESKTOP, nothing_found),
    "phone-edit": State("light", PHONE, edit),
    "phone-viewer": State("light", PHONE, viewer),
    "phone-before-after": State("light", PHONE, edited),
    "phone-models": State("dark", PHONE, models),
    "phone-dark": State("dark", PHONE, as_it_opens),
}
"""By the name of the file."""


def main(folder: Path, *, everything: bool) -> None:
    executable = find_chromium()
    if executable is None:
        sys.exit("scripts/screenshots needs Chromium.")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as stored, launched(executable) as browser:
        _fill(Path(stored))
        for name, state in (SHOWN | FURTHER if everything else SHOWN).items():
            # Each state has a copy of the images: none shows those of another.
            with tempfile.TemporaryDirectory() as images:
                shutil.copytree(stored, images, dirs_exist_ok=True)
                _take(browser, Path(images), folder / f"{name}.webp", state)


def _fill(images: Path) -> None:
    with gateway(images) as origin:
        for seed, prompt in enumerate(PROMPTS):
            fields = {"prompt": prompt, "size": "768x768", "seed": seed, "model": "flux-2-klein-4b"}
            httpx2.post(f"{origin}/v1/images/generations", json=fields, timeout=60).raise_for_status()


def _take(browser: Browser, images: Path, file: Path, state: State) -> None:
    with gateway(images) as origin:
        touch = state.viewport is PHONE
        page = browser.new_page(
            viewport=state.viewport,
            color_scheme=state.scheme,
            device_scale_factor=2,
            has_touch=touch,
            is_mobile=touch,
        )
        query = f"model=@cf/black-forest-labs/flux-2-klein-4b&prompt={PROMPTS[-1].replace(' ', '+')}&size=768x768"
        page.goto(f"{origin}/?{query}")
        page.locator("#gallery .card").nth(len(PROMPTS) - 1).wait_for()
        page.wait_for_load_state("networkidle")
        state.bring(page)
        image = Image.open(io.BytesIO(page.screenshot(animations="disabled")))
        page.close()
    image.thumbnail((WIDEST, WIDEST))
    image.convert("RGB").save(file, "WEBP", quality=82, method=6)


if __name__ == "__main__":
    main(Path(sys.argv[-1]), everything="--all" in sys.argv)
