"""Chromium, the page in it, and what a person does on the page."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from PIL import Image

from tests.chromium import chromium, draw, opened
from tests.live import gateway
from tests.waiting import LONGEST

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, FilePayload, Page

PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
STILL: dict[str, Any] = {"reduced_motion": "reduce"}
"""For gestures in the viewer: while it grows to its size, they would reach the transition."""
DARK: dict[str, Any] = {"color_scheme": "dark"}
DESKTOP: dict[str, Any] = {}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of a gateway with the embedded engine and no image stored at first."""
    with gateway(tmp_path_factory.mktemp("images")) as served:
        yield served


@pytest.fixture
def page(browser: Browser, origin: str) -> Iterator[Page]:
    with opened(browser, origin) as shown:
        shown.wait_for_selector("#p-size")
        yield shown


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
    """Draws a stroke near the upper left corner."""
    draw(page, (16, 16), (28, 24))


def pixels(origin: str, path: str) -> Image.Image:
    return Image.open(io.BytesIO(httpx2.get(f"{origin}/{path}", timeout=LONGEST).content)).convert("RGB")
