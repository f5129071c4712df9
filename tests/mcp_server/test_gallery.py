"""The gallery in a real browser, in a sandboxed frame under the policy that hosts apply, over a real server."""

from __future__ import annotations

import hashlib
import json
import re
from ctypes.util import find_library
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from PIL import Image

from cloudflare_image_mcp.core.model_names import find_model
from tests.installed import missing
from tests.mcp_server import node
from tests.mcp_server.inside import read_text, talking
from tests.waiting import LONGEST


def page() -> str:
    return files("cloudflare_image_mcp.mcp_server").joinpath("gallery.html").read_text("utf-8")


def test_the_gallery_sends_no_request_to_other_hosts() -> None:
    """No address but those of the protocol's own, no import, no fetch."""
    html = page()
    assert re.findall(r"https?://|@import|\burl\(|\bfetch\(|XMLHttpRequest|\bimport\b|<link|<script src", html) == []
    assert len(html) < 20_000


async def test_the_server_hands_it_out_with_its_type(bare_server: str) -> None:
    for mode in ("2026-07-28", "legacy"):
        async with Client(f"{bare_server}/mcp", mode=mode) as client:
            read = await client.read_resource("ui://cloudflare-image-mcp/gallery.html")
            assert read.contents[0].mime_type == "text/html;profile=mcp-app"
            assert read_text(read) == page()
            metas = {tool.name: tool.meta or {} for tool in (await client.list_tools()).tools}
            assert metas["run_model"]["ui"] == {"resourceUri": "ui://cloudflare-image-mcp/gallery.html"}


@pytest.fixture(scope="module")
def seen(bare_server: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The record of one session: two images shown, enlarged, downloaded, chosen and varied."""
    if find_library("nss3") is None:
        missing("libnss3, which the browser from npm needs,", package="libnss3")
    folder = tmp_path_factory.mktemp("gallery")
    done = node.run("host.mjs", json.dumps({"url": f"{bare_server}/mcp", "folder": str(folder)}), timeout=LONGEST)
    assert done.returncode == 0, done.stderr
    return {**json.loads(done.stdout.splitlines()[-1]), "folder": str(folder)}


def test_it_shows_the_images_of_a_result(seen: dict[str, Any]) -> None:
    assert seen["errors"] == []
    assert seen["requests"] == []
    assert seen["cards"] == [image["id"] for image in seen["images"]]
    assert all(colours > 1000 for colours in seen["colours"])
    assert seen["buttons"] == ["Full size", "Download", "Vary", "Use as input"]
    assert seen["status"].startswith("illustrator (local)")
    assert seen["theme"] == "dark"
    assert seen["ground"] == "rgb(1, 2, 3)"
    assert seen["sizes"] >= 1


def test_full_size_and_download_have_the_whole_file(seen: dict[str, Any]) -> None:
    assert seen["full"] == [512, 512]
    assert seen["closed"]
    assert "resources/read" in seen["calls"]
    data = Path(seen["folder"], "downloaded.png").read_bytes()
    assert hashlib.sha256(data).hexdigest() == seen["images"][1]["sha256"]
    row = Image.open(Path(seen["folder"], "first.png")).convert("RGBA").crop((0, 0, 16, 1)).tobytes()
    assert list(row) == seen["pixels"]


def test_an_image_is_chosen_as_input_and_varied(seen: dict[str, Any]) -> None:
    first = seen["images"][0]
    assert seen["chosen"] == [first["id"]]
    context_texts = [
        one["params"]["content"][0]["text"] for one in seen["messages"] if one["method"] == "ui/update-model-context"
    ]
    assert f'images=["{first["id"]}"]' in context_texts[0]
    assert len(seen["after"]) == 3
    assert f"image://{seen['after'][2]}" in context_texts[1]
    assert seen["calls"].count("tools/call run_model") == 1


def test_a_picture_is_shown_to_the_user_that_the_assistant_was_spared(seen: dict[str, Any]) -> None:
    """``output="link"``: no pixels in the result; the card reads its preview."""
    cards, id_, types = seen["unseen"]
    assert types == ["text", "resource_link"]
    assert cards[3] == id_


def test_full_size_takes_the_whole_screen_where_the_host_has_one(seen: dict[str, Any]) -> None:
    modes = [one["params"]["mode"] for one in seen["messages"] if one["method"] == "ui/request-display-mode"]
    assert modes == ["fullscreen", "inline"] * 2


def test_where_the_whole_file_cannot_be_read_the_preview_is_enlarged(seen: dict[str, Any]) -> None:
    opened, fallback_text = seen["fallback"]
    assert opened
    assert fallback_text.startswith("The full image is at http://127.0.0.1:")
    assert fallback_text.endswith(seen["after"][2])


async def test_where_the_model_only_generates_no_button_offers_more() -> None:
    for name, marked in (("flux-1-schnell", True), ("flux-2-klein-4b", False)):
        async with talking(model=find_model(name)) as client:
            html = read_text(await client.read_resource("ui://cloudflare-image-mcp/gallery.html"))
        assert ('<html data-changes="no"' in html) is marked


def test_an_error_is_shown_in_its_own_words(seen: dict[str, Any]) -> None:
    assert seen["error"] == "steps must be 1"
    assert seen["cancelled"] == "Cancelled; 0 of 3 images made."
