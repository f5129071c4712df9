"""Input images mean the same in JSON, in a form and over MCP, each over a real socket, whatever a client calls them."""

from __future__ import annotations

import asyncio
import base64
import io
import json
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import pytest
import requests
from mcp import Client
from PIL import Image, ImageChops, ImageDraw

from tests.decoding import decoded, downloaded, shown
from tests.mcp_server.inside import text
from tests.rest import pictures
from tests.waiting import LONGEST

if TYPE_CHECKING:
    from collections.abc import Mapping

FIELDS: Final = {"prompt": "a red boat", "model": "flux-2-klein-4b", "size": "256x256", "seed": 3}
NAMES: Final = (
    "image",
    "image[]",
    "image[0]",
    "image_0",
    "images",
    "image_url",
    "image_urls",
    "image_b64",
    "input_image",
    "input_image_0",
    "input_images",
    "inputImages",
    "reference_image",
    "reference_images",
    "referenceImages",
    "reference-images",
    "init_image",
    "source_image",
    "file",
    "files",
    "image_file",
)


def drawing(mode: str = "RGB", size: tuple[int, int] = (256, 256)) -> Image.Image:
    """A picture with something in it."""
    image = Image.new(mode, size, (90, 160, 230, 255)[: len(mode)])
    ImageDraw.Draw(image).ellipse((40, 60, 220, 240), (240, 200, 40, 255)[: len(mode)])
    return image


def file(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def data_url(data: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"


def answered(answer: requests.Response) -> Image.Image:
    assert answer.status_code == 200, answer.text
    assert "warnings" not in answer.json(), answer.json()["warnings"]
    return shown(answer.json()["data"][0])


def of_json(server: str, name: str, data: bytes, fields: Mapping[str, Any]) -> Image.Image:
    value = [data_url(data)] if name.lower().endswith(("s", "[]")) else data_url(data)
    return answered(requests.post(f"{server}/v1/images/edits", json={**fields, name: value}, timeout=LONGEST))


def of_form(server: str, name: str, data: bytes, fields: Mapping[str, Any]) -> Image.Image:
    files = {name: ("a.png", data, "image/png")}
    return answered(requests.post(f"{server}/v1/images/edits", data=fields, files=files, timeout=LONGEST))


def of_mcp(server: str, name: str, data: bytes, fields: Mapping[str, Any]) -> Image.Image:
    return called(server, {**fields, name: data_url(data)})


def called(server: str, arguments: Mapping[str, Any]) -> Image.Image:
    """The image that the tool of MCP makes."""

    async def call() -> Any:
        async with Client(f"{server}/mcp") as client:
            result = await client.call_tool("run_model", dict(arguments))
        assert not result.is_error, text(result)
        return result.structured_content

    made = asyncio.run(call())
    assert made["warnings"] == []
    return downloaded(made["images"][0]["url"])


WAYS: Final = {"json": of_json, "form": of_form, "mcp": of_mcp}


def differ(one: Image.Image, other: Image.Image) -> tuple[int, int, int, int] | None:
    """The box in which two pictures differ."""
    return ImageChops.difference(one.convert("RGB"), other.convert("RGB")).getbbox()


@pytest.fixture(scope="module")
def edit(server: str) -> Image.Image:
    """The edit that all names have to give; no picture without its source."""
    edit = of_json(server, "image", file(drawing()), FIELDS)
    generated = answered(requests.post(f"{server}/v1/images/generations", json=FIELDS, timeout=LONGEST))
    assert differ(edit, generated)
    return edit


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", NAMES)
def test_an_input_image_is_found_under_every_name(name: str, way: str, server: str, edit: Image.Image) -> None:
    assert differ(WAYS[way](server, name, file(drawing()), FIELDS), edit) is None


OBJECTS: Final[dict[str, Any]] = {
    "OpenAI": {"type": "input_image", "image_url": "data:image/png;base64,DATA"},
    "a chat message": {"type": "image_url", "image_url": {"url": "data:image/png;base64,DATA"}},
    "an answer": {"b64_json": "DATA"},
    "MCP": {"type": "image", "data": "DATA", "mimeType": "image/png"},
    "Anthropic": {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "DATA"}},
    "Google": {"inlineData": {"mimeType": "image/png", "data": "DATA"}},
    "base64": {"base64": "DATA"},
}
"""Objects in which an image stands, by whose API has them."""


@pytest.mark.parametrize("way", ["json", "mcp"])
@pytest.mark.parametrize("name", OBJECTS)
def test_an_input_image_is_found_in_an_object(name: str, way: str, server: str, edit: Image.Image) -> None:
    image = json.loads(json.dumps(OBJECTS[name]).replace("DATA", base64.b64encode(file(drawing())).decode()))
    fields = FIELDS | {"images": [image]}
    if way == "mcp":
        made = called(server, fields)
    else:
        made = answered(requests.post(f"{server}/v1/images/edits", json=fields, timeout=LONGEST))
    assert differ(made, edit) is None


def test_a_data_url_with_percent_escapes(server: str, edit: Image.Image) -> None:
    fields = FIELDS | {"image": f"data:image/png;base64,{quote(base64.b64encode(file(drawing())).decode(), safe='')}"}
    made = answered(requests.post(f"{server}/v1/images/edits", json=fields, timeout=LONGEST))
    assert differ(made, edit) is None


@pytest.mark.parametrize("way", WAYS)
def test_the_transparent_parts_are_the_mask_under_dall_e_2_alone(way: str, server: str) -> None:
    source = drawing("RGBA")
    source.paste((0, 0, 0, 0), (0, 0, 128, 256))
    fields = FIELDS | {"prompt": "a sheep"}
    masked = WAYS[way](server, "image", file(source), fields | {"model": "dall-e-2"})
    assert differ(masked.crop((128, 0, 256, 256)), drawing().crop((128, 0, 256, 256))) is None
    assert differ(masked.crop((0, 0, 128, 256)), drawing().crop((0, 0, 128, 256)))
    whole = WAYS[way](server, "image", file(source), fields | {"model": "gpt-image-1"})
    assert differ(whole.crop((128, 0, 256, 256)), drawing().crop((128, 0, 256, 256)))


@pytest.mark.parametrize("way", ["json", "form"])
@pytest.mark.parametrize("value", ["B64_JSON", "b64_json"])
def test_base64_in_capitals(value: str, way: str, server: str) -> None:
    content: dict[str, Any] = {"json": {**FIELDS, "response_format": value}}
    if way == "form":
        content = {"data": content["json"], "files": {"user": (None, "me")}}
    (item,) = requests.post(f"{server}/v1/images/generations", timeout=LONGEST, **content).json()["data"]
    assert "url" not in item
    assert decoded(item["b64_json"]).size == (256, 256)


@pytest.mark.parametrize("n", [1, 10])
def test_codex_edits_as_json_under_gpt_image_2(n: int, server: str) -> None:
    """Codex sends ``images`` with ``data:`` URLs, and reads PNG in ``b64_json``."""
    sources = [{"image_url": data_url(file(drawing()))}, {"image_url": data_url(pictures.picture(256, 256))}]
    body = {"model": "gpt-image-2", "prompt": "add a red boat", "images": sources, "n": n, "size": "256x256"}
    body |= {"background": "auto", "quality": "auto"}
    answer = requests.post(f"{server}/v1/images/edits", json=body, timeout=LONGEST)
    assert answer.status_code == 200, answer.text
    items = answer.json()["data"]
    assert [set(item) & {"url", "b64_json"} for item in items] == [{"b64_json"}] * n
    images = [decoded(item["b64_json"]) for item in items]
    assert {(image.format, image.size) for image in images} == {("PNG", (256, 256))}


@pytest.mark.parametrize("n", [1, 10])
def test_codex_generates_as_json_under_gpt_image_2(n: int, server: str) -> None:
    body = {"model": "gpt-image-2", "prompt": "a red boat", "n": n, "size": "256x256", "background": "auto"}
    items = requests.post(f"{server}/v1/images/generations", json=body, timeout=LONGEST).json()["data"]
    assert [set(item) & {"url", "b64_json"} for item in items] == [{"b64_json"}] * n
    assert {decoded(item["b64_json"]).format for item in items} == {"PNG"}


def test_eleven_images_are_refused_under_gpt_image_2(server: str) -> None:
    body = {"model": "gpt-image-2", "prompt": "a red boat", "n": 11}
    answer = requests.post(f"{server}/v1/images/generations", json=body, timeout=LONGEST)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "n")
    assert "from 1 to 10" in json.dumps(answer.json())
