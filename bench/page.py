"""How soon the page answers a person: interaction to next paint (INP), with 1,000 images in the gallery, and with a
mask painted over an image of 2048 x 2048 pixels.

python bench/page.py      needs Chromium
"""

from __future__ import annotations

import asyncio
import io
import socket
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

import httpx2
from PIL import Image as Picture

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.chromium import find_chromium, launched
from tests.live import command

from cloudflare_image_mcp.imagefile.image import Image
from cloudflare_image_mcp.storage.opening import open_store
from cloudflare_image_mcp.system import SystemClock, SystemIds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import FilePayload, Page

STORED: Final = 1000
SUBJECTS: Final = ("fox in the snow", "lighthouse at sunset", "parrot", "castle on a hill", "boat on a lake")
SIDE: Final = 2048
STROKES: Final = 40
_OBSERVE: Final = """
window.interactions = new Map();
new PerformanceObserver((list) => {
  for (const { interactionId, duration } of list.getEntries()) {
    if (interactionId) interactions.set(interactionId, Math.max(interactions.get(interactionId) ?? 0, duration));
  }
}).observe({ type: "event", durationThreshold: 16, buffered: true });
"""
_SETTLE: Final = "() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 150)))"
_TAKE: Final = "() => { const all = [...interactions.values()]; interactions.clear(); return all; }"
SHORTEST: Final = 16.0
"""Milliseconds: Chromium reports no interaction that took less, so these count as this."""


class Measured:
    """The interactions of one page by what was done."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self.durations: dict[str, list[float]] = {}

    def times(self, name: str, count: int, act: Callable[[int], object]) -> None:
        """Does ``act`` ``count`` times; after each the page comes to rest."""
        for index in range(count):
            before = self._page.evaluate("() => performance.interactionCount")
            act(index)
            self._page.evaluate(_SETTLE)
            seen: list[float] = self._page.evaluate(_TAKE)
            done = self._page.evaluate("() => performance.interactionCount") - before
            self.durations.setdefault(name, []).extend(seen + [SHORTEST] * (done - len(seen)))

    def show(self) -> None:
        everything = [duration for each in self.durations.values() for duration in each]
        for name, each in [*self.durations.items(), ("all of these", everything)]:
            print(
                f"  {name:<34} {len(each):>3} interactions, median {median(each):4.0f} ms, longest {max(each):4.0f} ms"
            )


async def fill(images: Path, originals: list[bytes]) -> None:
    store = open_store(images.as_uri(), expiry=None, clock=SystemClock())
    ids = SystemIds()
    for index in range(STORED):
        image = await Image.of_bytes(originals[index % len(originals)])
        prompt = f"a {SUBJECTS[index % len(SUBJECTS)]}, number {index}"
        details = {"prompt": prompt, "seed": str(index), "model": "illustrator", "width": "1024", "height": "1024"}
        await store.put(f"{ids.name()}.png", image, details)
    await store.aclose()


@contextmanager
def serving(images: Path) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environ = {"IMAGE_BACKEND": "local", "IMAGE_STORAGE_URL": images.as_uri(), "IMAGE_EXPIRY_HOURS": "0"}
    with command(port, environ, images.parent / "log"):
        yield f"http://127.0.0.1:{port}"


def drawn(origin: str) -> list[bytes]:
    """A PNG of 1024 x 1024 pixels of each subject."""
    images = []
    for subject in SUBJECTS:
        fields = {"prompt": f"a {subject}", "size": "1024x1024", "output_format": "png", "response_format": "url"}
        answer = httpx2.post(f"{origin}/v1/images/generations", json=fields, timeout=120).raise_for_status().json()
        images.append(httpx2.get(answer["data"][0]["url"]).content)
    return images


def gallery(page: Page) -> Measured:
    """All 1,000 images are in the gallery, and the page is at its top."""
    loaded = "() => performance.getEntriesByType('resource').filter(({ name }) => name.includes('/images/')).length"
    page.locator("#gallery .card").first.wait_for()
    page.wait_for_load_state("networkidle")
    print(f"  {page.evaluate(loaded)} of {STORED} images are loaded before the gallery is scrolled")
    card = page.locator("#gallery .card")
    while card.count() < STORED:
        shown = card.count()
        card.last.scroll_into_view_if_needed()
        page.wait_for_function("shown => document.querySelectorAll('#gallery .card').length > shown", arg=shown)
    page.evaluate("() => scrollTo(0, 0)")
    page.wait_for_load_state("networkidle")
    measured = Measured(page)
    page.locator("#prompt").focus()
    measured.times("type in the prompt", 20, lambda index: page.keyboard.press("abcdefgh "[index % 9]))
    measured.times("choose a task", 6, lambda index: page.locator("#tasks button").nth((index + 1) % 3).click())

    def choose(index: int) -> None:
        page.locator("#model").click()
        page.locator(".models button").nth(index).click()

    measured.times("choose a model", 5, choose)

    def look() -> None:
        page.locator("#gallery .card button.picture").first.click()
        page.locator(".stage img").wait_for()

    for _ in range(6):
        measured.times("open in full screen", 1, lambda _: look())
        measured.times("next in full screen", 2, lambda _: page.keyboard.press("ArrowRight"))
        measured.times("close the full screen", 1, lambda _: page.keyboard.press("Escape"))

    def delete(index: int) -> None:
        card.nth(index).get_by_role("button", name="Delete").click()
        page.evaluate(_SETTLE)
        card.nth(index).get_by_role("button", name="Sure?").click()

    measured.times("delete an image", 4, delete)
    page.locator("#search").focus()
    measured.times("type in the search", 6, lambda index: page.keyboard.press("parrot"[index]))
    return measured


def mask(page: Page, original: bytes) -> Measured:
    """A picture of 2048 x 2048 pixels, with strokes all over it."""
    out = io.BytesIO()
    Picture.open(io.BytesIO(original)).resize((SIDE, SIDE)).save(out, "PNG")
    page.locator("#tasks").get_by_role("button", name="Edit").click()
    large: FilePayload = {"name": "large.png", "mimeType": "image/png", "buffer": out.getvalue()}
    page.set_input_files("#file", [large])
    page.locator(".editor").wait_for()
    page.locator(".editor").scroll_into_view_if_needed()
    box = page.locator(".editor").bounding_box()
    assert box is not None
    page.evaluate(_SETTLE)
    page.evaluate(_TAKE)
    measured = Measured(page)

    def stroke(index: int) -> None:
        x, y = box["x"] + box["width"] * 0.2, box["y"] + box["height"] * (0.1 + 0.8 * index / STROKES)
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + box["width"] * 0.6, y, steps=20)
        page.mouse.up()

    def press(name: str) -> Callable[[int], None]:
        return lambda _: page.locator(".tools").get_by_role("button", name=name).click()

    measured.times("paint a stroke", STROKES, stroke)
    measured.times(f"undo, of {STROKES} strokes", 8, press("Undo"))
    measured.times("redo", 8, press("Redo"))
    measured.times("invert", 4, press("Invert"))
    measured.times("feather", 4, press("Feather"))
    page.locator(".editor canvas").nth(1).focus()
    page.keyboard.press("Space")
    measured.times("paint with the arrow keys", 12, lambda _: page.keyboard.press("ArrowRight"))
    page.locator("#prompt").focus()
    measured.times("type in the prompt", 12, lambda index: page.keyboard.press("abcdefgh "[index % 9]))
    return measured


def main(directory: Path) -> None:
    executable = find_chromium()
    if executable is None:
        sys.exit("bench/page.py needs Chromium.")
    (directory / "none").mkdir()
    with serving(directory / "none") as origin:
        originals = drawn(origin)
    asyncio.run(fill(directory / "images", originals))
    with serving(directory / "images") as origin, launched(executable) as browser:

        def opened() -> Page:
            page = browser.new_page(viewport={"width": 1280, "height": 860})
            page.add_init_script(_OBSERVE)
            page.goto(origin)
            page.locator("#p-size").wait_for()
            return page

        tests: list[tuple[str, Callable[[Page], Measured]]] = [
            (f"A gallery of {STORED:,} images", gallery),
            (f"A mask over an image of {SIDE} x {SIDE}", lambda page: mask(page, originals[0])),
        ]
        for name, test in tests:
            print(name, flush=True)
            page = opened()
            test(page).show()
            page.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        main(Path(temporary))
