"""The page and the records of stored images, served by the Worker."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from cloudflare_image_mcp.web import CONTENT_SECURITY_POLICY
from tests.chromium import chromium, opened, send
from tests.workerd import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx2
    from playwright.sync_api import Browser

    from tests.workerd import Worker


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


def test_the_page_is_the_same_files(client: httpx2.Client) -> None:
    static = ROOT / "src" / "cloudflare_image_mcp" / "web" / "static"
    for file in static.iterdir():
        answer = client.get("/" if file.name == "index.html" else f"/web/{file.name}")
        assert (answer.status_code, answer.content) == (200, file.read_bytes()), file.name
        assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY


def test_the_page_works_in_a_browser(browser: Browser, edgy: Worker) -> None:
    with opened(browser, edgy.origin, query="model=@cf/black-forest-labs/flux-1-schnell") as page:
        page.wait_for_selector("#p-size")
        source = send(page, "a heron on the page of a Worker")
        assert source.startswith("images/")
        page.fill("#search", "page of a Worker")
        expect(page.locator("#gallery .prompt")).to_have_text(["a heron on the page of a Worker"])
        page.locator("#gallery button.picture").click()
        expect(page.locator("dialog.viewer img")).to_have_js_property("naturalWidth", 1024)
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Delete").click()
        page.get_by_role("button", name="Sure?").click()
        page.get_by_text("No image matches the search.").wait_for()


def test_a_stream_names_the_stored_image(client: httpx2.Client) -> None:
    fields = {"prompt": "a streamed heron", "response_format": "url", "stream": True}
    text = client.post("/v1/images/generations", json=fields).text
    events = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: {")]
    assert events[-1]["type"] == "image_generation.completed"
    stored = client.get(events[-1]["url"])
    assert (stored.status_code, stored.headers["content-type"]) == (200, "image/png")


def test_stored_images_are_listed_described_and_deleted(client: httpx2.Client) -> None:
    fields = {"prompt": "a listed heron", "response_format": "url"}
    assert client.post("/v1/images/generations", json=fields).status_code == 200
    (image,) = client.get("/v1/images", params={"q": "listed heron"}).json()["data"]
    assert client.get(f"/v1/images/{image['id']}").json() == image
    assert client.delete(f"/v1/images/{image['id']}").json()["deleted"]
    assert client.get(f"/v1/images/{image['id']}").status_code == 404
