"""Image files as real tools write them: with bytes after their end, or without their end marker."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Final

import httpx2
import pytest
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import ImageContent

from tests.blackbox.conftest import KEY
from tests.blackbox.pictures import opened, picture
from tests.workerd import LONGEST

if TYPE_CHECKING:
    from tests.blackbox.conftest import Home

MODEL: Final = "@cf/black-forest-labs/flux-2-klein-4b"
FILM: Final = b"\0\0\0\x18ftypmp42" + bytes(range(256)) * 400
KINDS: Final = ("PNG", "JPEG", "WEBP", "GIF")


def data_url(data: bytes, kind: str) -> str:
    return f"data:image/{kind.lower()};base64,{base64.b64encode(data).decode()}"


def edited_with_json(client: httpx2.Client, data: bytes, kind: str) -> httpx2.Response:
    fields = {"image": data_url(data, kind), "prompt": "at night", "model": MODEL, "response_format": "b64_json"}
    return client.post("/v1/images/edits", json=fields)


def edited_with_form(client: httpx2.Client, data: bytes, kind: str) -> httpx2.Response:
    files = {"image": (f"a.{kind.lower()}", data, "application/octet-stream")}
    fields = {"prompt": "at night", "model": MODEL, "response_format": "b64_json"}
    return client.post("/v1/images/edits", files=files, data=fields)


@pytest.mark.parametrize("edited", [edited_with_json, edited_with_form])
@pytest.mark.parametrize("kind", KINDS)
def test_bytes_after_an_image_are_ignored(client: httpx2.Client, edited: Any, kind: str) -> None:
    answer = edited(client, picture(kind=kind) + FILM, kind)
    assert answer.status_code == 200, answer.text
    assert opened(answer.json()["data"][0]["b64_json"]).size == (320, 256)


@pytest.mark.parametrize("kind", KINDS)
async def test_bytes_after_an_image_are_ignored_over_mcp(home: Home, kind: str) -> None:
    image = data_url(picture(kind=kind) + FILM, kind)
    async with (
        httpx2.AsyncClient(headers={"authorization": f"Bearer {KEY}"}, timeout=LONGEST) as http,
        Client(streamable_http_client(f"{home.origin}/mcp", http_client=http)) as client,
    ):
        result = await client.call_tool("run_model", {"prompt": "at night", "image": image, "model": MODEL})
    assert not result.is_error, result
    assert any(isinstance(part, ImageContent) for part in result.content)


@pytest.mark.parametrize("edited", [edited_with_json, edited_with_form])
@pytest.mark.parametrize("kind", KINDS)
def test_half_an_image_is_refused(client: httpx2.Client, edited: Any, kind: str) -> None:
    data = picture(kind=kind)
    answer = edited(client, data[: len(data) // 2], kind)
    assert answer.status_code == 400, answer.text
    assert "cut short" in answer.json()["error"]["message"]


@pytest.mark.parametrize("edited", [edited_with_json, edited_with_form])
def test_a_jpeg_without_its_end_marker_is_taken_where_it_can_be_decoded(
    client: httpx2.Client, home: Home, edited: Any
) -> None:
    """The Images binding does not say whether pixels were missing, so a Worker refuses the file."""
    answer = edited(client, picture(kind="JPEG")[:-2], "JPEG")
    if home.name == "workerd":
        assert answer.status_code == 400
        assert "cut short" in answer.json()["error"]["message"]
        return
    assert answer.status_code == 200, answer.text
    assert opened(answer.json()["data"][0]["b64_json"]).size == (320, 256)
