"""Making images on the page: every kind of model, references, variations, seeds and errors."""

from __future__ import annotations

import hashlib
import json
import re
import socket
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from cloudflare_image_mcp.rest.server import build_app
from cloudflare_image_mcp.settings import Settings
from tests.chromium import KLEIN, made, opened, send
from tests.live import gateway, serving
from tests.web.conftest import DARK, DESKTOP, PHONE, choose, paint, picture, pixels
from tests.wire.conftest import wired, wired_and_held

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

    from playwright.sync_api import Browser, Page
    from starlette.types import Receive, Scope, Send

    from tests.wire.conftest import Wire


@pytest.fixture(scope="module")
def service() -> Iterator[Wire]:
    """A gateway to Workers AI, as the emulator speaks it."""
    with wired() as wire:
        yield wire


@pytest.mark.parametrize(
    ("task", "title", "model"),
    [
        ("Generate", "FLUX.1 [schnell]", "@cf/black-forest-labs/flux-1-schnell"),
        ("Generate", "Phoenix 1.0", "@cf/leonardo/phoenix-1.0"),
        ("Edit", "FLUX.2 [klein] 4B", KLEIN),
        ("Edit", "Stable Diffusion 1.5 inpainting", "@cf/runwayml/stable-diffusion-v1-5-inpainting"),
        # The service refuses img2img; another model makes the variation.
        ("Vary", "Stable Diffusion 1.5 img2img", KLEIN),
    ],
)
def test_each_kind_of_model(browser: Browser, service: Wire, task: str, title: str, model: str) -> None:
    before = service.stats()["images"].get(model.rsplit("/", 1)[1], 0)
    with opened(browser, service.gateway) as page:
        page.locator("#tasks").get_by_role("button", name=task).click()
        choose(page, title)
        if task != "Generate":
            page.set_input_files("#file", [picture("teal")])
            page.locator("#thumbs img").wait_for()
        expect(page.locator(".editor")).to_have_count(1 if task == "Edit" else 0)
        expect(page.locator("#cost")).to_have_text(
            re.compile(r"Costs nothing" if "runwayml" in model else r"About \$0\.\d*[1-9]")
        )
        if "inpainting" in title:
            page.fill("#prompt", "a heron")
            page.locator("#form button.main").click()
            page.locator("#form-error").get_by_text("needs a mask").wait_for()
            paint(page)
        send(page, "a heron")
    assert service.stats()["images"][model.rsplit("/", 1)[1]] == before + 1


def test_only_what_the_model_takes_is_asked_for(browser: Browser, service: Wire) -> None:
    def asked() -> set[str]:
        names = page.locator("#parameters [name]").evaluate_all("all => all.map(({ name }) => name)")
        return set(names) - {"size", "n"}

    with opened(browser, service.gateway) as page:
        page.wait_for_selector("#p-size")
        assert asked() == {"guidance", "seed"}
        choose(page, "FLUX.1 [schnell]")
        assert asked() == {"steps"}
        choose(page, "Stable Diffusion XL Base 1.0")
        assert asked() == {"steps", "guidance", "seed", "negative_prompt"}
        page.locator("#tasks").get_by_role("button", name="Edit").click()
        page.get_by_text("FLUX.2 [klein] 4B makes the image").wait_for()
        assert asked() == {"guidance", "seed"}


def test_a_size_of_ones_own(page: Page, origin: str) -> None:
    page.get_by_role("button", name="Other…").click()
    page.get_by_label("Width x height").fill("640X384")
    page.get_by_label("Width x height").press("Tab")
    expect(page.locator("#p-size")).to_have_value("640x384")
    assert pixels(origin, send(page, "a wide heron")).size == (640, 384)


@pytest.mark.parametrize("context", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_nothing_moves_while_the_page_loads(browser: Browser, origin: str, context: dict[str, Any]) -> None:
    """The models come only when the page has been painted without them."""
    watch = """window.shifts = 0;
        new PerformanceObserver((list) => list.getEntries().forEach(({ value }) => { shifts += value; }))
          .observe({ type: "layout-shift", buffered: true });
        const send = window.fetch;
        const frame = () => new Promise(requestAnimationFrame);
        window.fetch = (...sent) => frame().then(frame).then(frame).then(() => send(...sent));"""
    with opened(browser, origin, watch, **context) as page:
        page.wait_for_selector("#p-size")
        page.wait_for_load_state("networkidle")
        assert page.evaluate("shifts") < 0.02


def test_other_providers_models_show_their_price(browser: Browser) -> None:
    with wired({"CLOUDFLARE_CATALOGUE": "on"}) as wire, opened(browser, wire.gateway) as page:
        page.wait_for_selector("#p-size")
        choose(page, "GPT Image 2")
        expect(page.locator("#model")).to_contain_text("Price not listed")
        expect(page.locator("#cost")).to_have_text("The price is not known")
        choose(page, "Recraft V4")
        page.fill("#p-n", "2")
        expect(page.locator("#cost")).to_have_text("About $0.08000")
        page.fill("#p-n", "1")
        send(page, "a heron")


def test_two_references(page: Page) -> None:
    page.locator("#tasks").get_by_role("button", name="Edit").click()
    page.set_input_files("#file", [picture("teal"), picture("orange")])
    expect(page.locator("#thumbs img")).to_have_count(2)
    page.evaluate(
        """() => {
          const send = window.fetch;
          window.fetch = (path, options) => {
            window.sent = [...options.body.keys()];
            window.fetch = send;
            return send(path, options);
          };
        }"""
    )
    send(page, "both pictures in one")
    assert page.evaluate("() => window.sent.filter((name) => name === 'image[]').length") == 2


@pytest.mark.parametrize("way", ["paste", "drop"])
def test_an_image_is_pasted_or_dropped(page: Page, way: str) -> None:
    page.evaluate(
        """async (way) => {
          const canvas = new OffscreenCanvas(64, 64);
          canvas.getContext("2d").fillRect(0, 0, 64, 64);
          const files = new DataTransfer();
          files.items.add(new File([await canvas.convertToBlob()], "black.png", { type: "image/png" }));
          const event = way === "paste"
            ? new ClipboardEvent("paste", { clipboardData: files, bubbles: true })
            : new DragEvent("drop", { dataTransfer: files, bubbles: true, cancelable: true });
          document.querySelector("#prompt").dispatchEvent(event);
        }""",
        way,
    )
    page.locator(".editor").wait_for()
    expect(page.locator("#tasks [aria-pressed=true]")).to_have_text("Edit")
    expect(page.locator("#thumbs img")).to_have_count(1)


def test_an_image_that_is_gone_is_said_in_words(page: Page) -> None:
    browser_cache = page.context.new_cdp_session(page)
    browser_cache.send("Network.enable")
    browser_cache.send("Network.setCacheDisabled", {"cacheDisabled": True})
    source = send(page, "a deleted heron")
    image_id = source.removeprefix("images/").partition(".")[0]
    assert (
        page.evaluate("id => fetch(`v1/images/${id}`, { method: 'DELETE' }).then(({ status }) => status)", image_id)
        == 200
    )
    page.locator("#results").get_by_role("button", name="Edit").first.click()
    page.locator("#form-error").get_by_text("does not exist, or has expired").wait_for()


def test_variations_and_again_with_one_click(page: Page) -> None:
    send(page, "a green parrot")
    card = page.locator("#results .card").first
    with page.expect_request("**/v1/images/variations"):
        card.get_by_role("button", name="Vary").click()
    expect(page.locator("#results button.picture")).to_have_count(2)
    seed = re.search(r"seed (\d+)", page.locator("#results .card").last.inner_text())
    assert seed is not None
    with page.expect_request("**/v1/images/generations") as sent:
        page.locator("#results .card").last.get_by_role("button", name="Again").click()
    assert (sent.value.post_data_json or {})["seed"] == int(seed[1])
    expect(page.locator("#results button.picture")).to_have_count(3)


def test_the_seed_is_locked_and_unlocked(page: Page) -> None:
    lock = page.get_by_role("button", name="Lock", exact=True)
    send(page, "a locked seed")
    lock.click()
    expect(lock).to_have_attribute("aria-pressed", "true")
    used = page.locator("#p-seed").input_value()
    assert f"seed {used}" in page.locator("#results .card").first.inner_text()
    with page.expect_request("**/v1/images/generations") as sent:
        send(page, "a locked seed")
    assert (sent.value.post_data_json or {})["seed"] == int(used)
    lock.click()
    expect(page.locator("#p-seed")).to_have_value("")


def test_partial_images_are_shown(page: Page) -> None:
    shown: list[str] = []

    def note(url: str) -> None:  # Playwright cannot call a built-in method.
        shown.append(url)

    page.expose_function("partial_shown", note)
    page.evaluate(
        """() => new MutationObserver((changes) => changes.forEach(({ target }) =>
          target.alt === "Partial image" && partial_shown(target.src.slice(0, 22))))
          .observe(document.getElementById("results"), { subtree: true, attributes: true, attributeFilter: ["src"] })"""
    )
    send(page, "a partial castle")
    assert set(shown) == {"data:image/png;base64,"}


@pytest.mark.parametrize("context", [DESKTOP, PHONE, DARK], ids=["desktop", "phone", "dark"])
def test_screens(browser: Browser, origin: str, context: dict[str, Any]) -> None:
    with opened(browser, origin, **context) as page:
        send(page, "a screen")
        wider = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.evaluate(wider) == 0
        ground = page.evaluate("() => getComputedStyle(document.body).backgroundColor")
        assert (max(map(int, re.findall(r"\d+", ground))) < 60) is (context is DARK)
        if context is PHONE:
            small = page.locator("#form button, #form select").evaluate_all(
                "all => all.filter((one) => one.checkVisibility() && one.getBoundingClientRect().height < 36).length"
            )
            assert small == 0


def test_the_key_is_asked_for_and_kept_in_the_tab(browser: Browser, tmp_path: Path) -> None:
    with gateway(tmp_path, API_KEYS="a-key") as origin, opened(browser, origin) as page:
        page.get_by_label("API key").last.fill("a-key")
        page.get_by_role("button", name="Use this key").click()
        send(page, "a picture behind a key")
        assert "a-key" not in page.url
        assert page.evaluate("() => [localStorage.length, sessionStorage.length]") == [0, 1]


@contextmanager
def page_with_key_of(browser: Browser, images: Path, *models: str) -> Iterator[Page]:
    """The page after a key was entered that may use these models alone."""
    sha256 = hashlib.sha256(b"narrow").hexdigest()
    keys = f'[keys.narrow]\nsha256 = "{sha256}"\nmodels = {json.dumps(models)}'
    with gateway(images, API_KEYS_TOML=keys) as origin, opened(browser, origin) as page:
        page.get_by_label("API key").last.fill("narrow")
        page.get_by_role("button", name="Use this key").click()
        page.wait_for_selector("#p-size")
        yield page


def test_a_key_of_some_models_is_offered_those_alone(browser: Browser, tmp_path: Path) -> None:
    with page_with_key_of(browser, tmp_path, "flux-1-*", "lucid-origin") as page:
        assert [tab.is_disabled() for tab in page.locator("#tasks button").all()] == [False, True, True]
        page.locator("#model").click()
        expect(page.locator(".models button")).to_have_count(2)


def test_a_key_of_models_that_only_edit_begins_with_an_edit(browser: Browser, tmp_path: Path) -> None:
    with page_with_key_of(browser, tmp_path, "*-inpainting") as page:
        pressed = page.locator('#tasks button[aria-pressed="true"]')
        expect(pressed).to_have_text("Edit")
        expect(pressed).to_be_enabled()
        expect(page.locator("#form button.main")).to_have_text("Edit")


def test_a_400_names_the_parameter(page: Page) -> None:
    page.locator("#parameters summary").click()
    page.fill("#p-steps", "99")
    page.fill("#prompt", "a fox")
    page.locator("#form button.main").click()
    page.locator("#results .error").get_by_text("steps must be").wait_for()
    page.get_by_role("button", name="Dismiss").click()
    expect(page.locator("#results .card")).to_have_count(0)


def test_a_429_says_what_to_do(browser: Browser) -> None:
    with wired(daily_neurons=1) as wire, opened(browser, wire.gateway) as page:
        page.fill("#prompt", "a fox")
        with page.expect_response("**/v1/images/generations") as answer:
            page.locator("#form button.main").click()
            page.locator("#results .card").wait_for()
        if answer.value.status == 200:
            with page.expect_response("**/v1/images/generations") as answer:
                page.locator("#form button.main").click()
        assert answer.value.status == 429
        page.locator("#results .error").get_by_text(re.compile(r"\. Try again in \d+ (h|min|s)\.$")).wait_for()
        page.get_by_role("button", name="Try again").wait_for()


def test_a_slow_answer_is_cancelled(browser: Browser) -> None:
    with wired_and_held() as (wire, _), opened(browser, wire.gateway) as page:
        page.fill("#prompt", "a slow fox")
        page.locator("#form button.main").click()
        page.locator("#results").get_by_text(re.compile(r"^\d+ s$")).wait_for()
        page.get_by_role("button", name="Cancel").click()
        page.locator("#results").get_by_text("Cancelled.").wait_for()


def test_an_offline_server_is_a_message_on_the_page(browser: Browser, tmp_path: Path) -> None:
    with gateway(tmp_path) as origin, opened(browser, origin) as page:
        page.wait_for_selector("#p-size")
        page.context.set_offline(True)
        page.fill("#prompt", "a fox")
        page.locator("#form button.main").click()
        page.locator("#results .error").get_by_text("The server cannot be reached.").wait_for()
        page.context.set_offline(False)
        page.get_by_role("button", name="Try again").click()
        made(page, "a fox")


def test_a_server_that_stops_and_starts_again(browser: Browser, tmp_path: Path) -> None:
    settings = Settings.read({"IMAGE_BACKEND": "local", "IMAGE_STORAGE_URL": tmp_path.as_uri()})
    with ExitStack() as closing, socket.socket() as held:
        # Bound and not listening: nobody else is given the port while the server is down.
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", 0))
        first = closing.enter_context(ExitStack())
        origin = first.enter_context(serving(build_app(settings), held.getsockname()[1]))
        page = closing.enter_context(opened(browser, origin))
        page.get_by_text("Nothing is stored yet.").wait_for()
        first.close()
        page.fill("#prompt", "a patient fox")
        page.locator("#form button.main").click()
        page.locator("#results .error").get_by_text("The server cannot be reached.").wait_for()
        page.fill("#search", "fox")
        page.locator("#gallery-state").get_by_text("The server cannot be reached.").wait_for()
        closing.enter_context(serving(build_app(settings), held.getsockname()[1]))
        page.get_by_role("button", name="Load again").click()
        page.get_by_text("No image matches the search.").wait_for()
        page.get_by_role("button", name="Try again").click()
        made(page, "a patient fox")
        expect(page.locator("#gallery .card")).to_have_count(1)


def test_the_address_can_be_shared(browser: Browser, origin: str, page: Page) -> None:
    page.locator("#tasks").get_by_role("button", name="Vary").click()
    page.fill("#prompt", "a shared fox & friends")
    page.fill("#p-seed", "7")
    page.locator("#parameters summary").click()
    page.fill("#p-steps", "5")
    page.wait_for_url("**steps=5*")
    with opened(browser, origin, query=page.url.partition("?")[2]) as other:
        expect(other.locator("#p-steps")).to_have_value("5")
        expect(other.locator("#p-seed")).to_have_value("7")
        expect(other.locator("#p-size")).to_have_value("512x512")
        expect(other.locator("#prompt")).to_have_value("a shared fox & friends")
        expect(other.locator("#tasks [aria-pressed=true]")).to_have_text("Vary")


def test_behind_a_proxy_with_a_path_prefix(browser: Browser, tmp_path: Path) -> None:
    """``/draw/`` at the proxy is ``/`` of the gateway."""
    settings = Settings.read({"IMAGE_BACKEND": "local", "IMAGE_STORAGE_URL": tmp_path.as_uri()})
    inner = build_app(settings)

    async def proxy(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            assert scope["path"].startswith("/draw/"), scope["path"]
            path = scope["path"].removeprefix("/draw")
            headers = [*scope["headers"], (b"x-forwarded-prefix", b"/draw")]
            scope = {**scope, "path": path, "raw_path": path.encode(), "headers": headers}
        await inner(scope, receive, send)

    with serving(proxy) as origin, opened(browser, f"{origin}/draw") as page:
        source = send(page, "a fox behind a proxy")
        assert page.evaluate("path => fetch(path).then((answer) => answer.status)", source) == 200
        expect(page.locator("#gallery .card")).to_have_count(1)
