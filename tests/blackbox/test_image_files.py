"""Image files as real tools write them: with bytes after their end, or without their end marker; and files cut short.
In JSON, in a form and over MCP.
"""

from __future__ import annotations

import asyncio
import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import httpx2
import pytest
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client

from tests.blackbox.conftest import KEY
from tests.blackbox.pictures import opened, picture
from tests.mcp_server.inside import text
from tests.waiting import LONGEST

if TYPE_CHECKING:
    from collections.abc import Callable

    from PIL import Image

    from tests.blackbox.conftest import Home

MODEL: Final = "@cf/black-forest-labs/flux-2-klein-4b"
FIELDS: Final = {"prompt": "at night", "model": MODEL}
FILM: Final = b"\0\0\0\x18ftypmp42" + bytes(range(256)) * 400
TAILS: Final = {"a film": FILM, "a line end": b"\r\n", "zeros": bytes(4096), "another image": picture(kind="PNG")}
KINDS: Final = ("PNG", "JPEG", "WEBP", "GIF")
HEADERS: Final = {"authorization": f"Bearer {KEY}"}


@dataclass(frozen=True)
class Edited:
    """What became of an edit: the image, or the error's text."""

    image: Image.Image | None = None
    error: str = ""


def data_url(data: bytes, kind: str) -> str:
    return f"data:image/{kind.lower()};base64,{base64.b64encode(data).decode()}"


def answered(answer: httpx2.Response) -> Edited:
    if answer.status_code != 200:
        assert answer.status_code == 400, answer.text
        return Edited(error=answer.json()["error"]["message"])
    return Edited(opened(answer.json()["data"][0]["b64_json"]))


def with_json(home: Home, data: bytes, kind: str) -> Edited:
    fields = FIELDS | {"image": data_url(data, kind), "response_format": "b64_json"}
    return answered(httpx2.post(f"{home.origin}/v1/images/edits", json=fields, headers=HEADERS, timeout=LONGEST))


def with_form(home: Home, data: bytes, kind: str) -> Edited:
    files = {"image": (f"a.{kind.lower()}", data, "application/octet-stream")}
    fields = FIELDS | {"response_format": "b64_json"}
    url = f"{home.origin}/v1/images/edits"
    return answered(httpx2.post(url, files=files, data=fields, headers=HEADERS, timeout=LONGEST))


def with_mcp(home: Home, data: bytes, kind: str) -> Edited:
    async def call() -> Edited:
        async with (
            httpx2.AsyncClient(headers=HEADERS, timeout=LONGEST) as http,
            Client(streamable_http_client(f"{home.origin}/mcp", http_client=http)) as client,
        ):
            result = await client.call_tool("run_model", FIELDS | {"image": data_url(data, kind)})
        if result.is_error:
            return Edited(error=text(result))
        assert result.structured_content is not None
        url = result.structured_content["images"][0]["url"]
        return Edited(opened(httpx2.get(url, timeout=LONGEST).content))

    return asyncio.run(call())


WAYS: Final = pytest.mark.parametrize("edited", [with_json, with_form, with_mcp], ids=["json", "form", "mcp"])


@WAYS
@pytest.mark.parametrize("kind", KINDS)
def test_bytes_after_an_image_are_ignored(home: Home, edited: Callable[..., Edited], kind: str) -> None:
    for name, tail in TAILS.items():
        made = edited(home, picture(kind=kind) + tail, kind)
        assert made.image is not None, f"{name}: {made.error}"
        assert made.image.size == (320, 256)


@WAYS
@pytest.mark.parametrize("kind", KINDS)
def test_an_image_that_is_cut_short_is_refused(home: Home, edited: Callable[..., Edited], kind: str) -> None:
    data = picture(kind=kind)
    for length in (len(data) // 2, len(data) - 40):
        made = edited(home, data[:length], kind)
        assert "cut short" in made.error, f"{length} of {len(data)} bytes"


@WAYS
def test_a_jpeg_without_its_end_marker_is_taken_where_it_can_be_decoded(
    home: Home, edited: Callable[..., Edited]
) -> None:
    """The Images binding does not say whether pixels were missing, so a Worker refuses the file."""
    made = edited(home, picture(kind="JPEG")[:-2], "JPEG")
    if home.name == "workerd":
        assert "cut short" in made.error
        return
    assert made.image is not None, made.error
    assert made.image.size == (320, 256)
