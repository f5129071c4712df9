"""The content of results, and that they stay under a megabyte for every request."""

from __future__ import annotations

import base64
import hashlib
import json
from io import BytesIO
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError
from PIL import Image

from cloudflare_image_mcp.assembly import assemble
from cloudflare_image_mcp.catalog import models
from cloudflare_image_mcp.errors import GatewayError
from cloudflare_image_mcp.imaging.pixels import PillowPixels
from cloudflare_image_mcp.mcp_server.results import MAX_RESULT, PREVIEW_SIDE, RESULT_META
from cloudflare_image_mcp.rest.server import app_over
from cloudflare_image_mcp.settings import Settings
from tests.live import serving
from tests.mcp_server.backends import NoiseBackend
from tests.mcp_server.inside import answer, read_bytes, talking, text
from tests.waiting import LONGEST

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mcp_types import CallToolResult

    from cloudflare_image_mcp.imagefile.image import Image as GatewayImage

PATIENT = {"wait_seconds": 300}
"""The answer holds the images, however busy the machine is."""
FOUR_LARGE = {"prompt": "noise", "model": "flux-2-klein-4b", "size": "2048x2048", "n": 4, "seed": 1, **PATIENT}


@pytest.fixture(scope="module")
def noisy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server whose images no encoder makes smaller, on a real port."""
    folder = tmp_path_factory.mktemp("noise")
    settings = Settings.read({"IMAGE_STORAGE_URL": folder.as_uri()})
    with serving(app_over(assemble(settings, backend=NoiseBackend()), settings)) as origin:
        yield origin


def wire_size(result: CallToolResult) -> int:
    return len(json.dumps(result.model_dump(by_alias=True, mode="json", exclude_none=True)).encode())


def pictures(result: CallToolResult) -> list[Image.Image]:
    blocks = [block for block in result.content if block.type == "image"]
    return [Image.open(BytesIO(base64.b64decode(block.data))) for block in blocks]


@pytest.mark.parametrize("mode", ["2026-07-28", "legacy"])
async def test_four_large_noise_images_stay_under_a_megabyte(mode: Any, noisy: str) -> None:
    async with Client(f"{noisy}/mcp", mode=mode) as client:
        made = await client.call_tool("run_model", FOUR_LARGE)
        assert not made.is_error, text(made)
        results = {"auto": made}
        for output in ("image", "link"):
            arguments = {"job_id": made.structured_content["job_id"], "output": output}
            results[output] = await client.call_tool("get_job", arguments)
    for output, result in results.items():
        assert wire_size(result) < MAX_RESULT, output
        assert [row["bytes"] > 12_000_000 for row in result.structured_content["images"]] == [True] * 4
    assert len(pictures(results["auto"])) == 4
    assert all(PREVIEW_SIDE // 2 <= max(picture.size) <= PREVIEW_SIDE for picture in pictures(results["auto"]))
    assert {picture.format for picture in pictures(results["auto"])} <= {"JPEG", "WEBP"}
    assert len(pictures(results["image"])) == 4
    assert pictures(results["link"]) == []
    async with httpx2.AsyncClient(timeout=LONGEST) as http:
        for row in results["link"].structured_content["images"]:
            full = (await http.get(row["url"])).content
            assert hashlib.sha256(full).hexdigest() == row["sha256"]
            assert Image.open(BytesIO(full)).size == (2048, 2048)


async def test_eight_images_and_a_long_prompt(noisy: str) -> None:
    async with Client(f"{noisy}/mcp") as client:
        ask = {
            "prompt": "é" * 2000,
            "model": "flux-2-klein-4b",
            "size": "1024x1024",
            "n": 8,
            "output": "image",
            **PATIENT,
        }
        made = await client.call_tool("run_model", ask)
        assert wire_size(made) < MAX_RESULT
        assert len(pictures(made)) == 8
        listed = await client.call_tool("list_images", {"limit": 100})
        assert wire_size(listed) < MAX_RESULT
        full = read_bytes(await client.read_resource(made.structured_content["images"][0]["uri"]))
        assert len(full) == made.structured_content["images"][0]["bytes"] > 3_000_000


async def test_a_small_image_is_shown_as_it_is() -> None:
    async with talking() as client:
        made = await client.call_tool("run_model", {"prompt": "x", "size": "256x256", "output": "image"})
        (row,) = made.structured_content["images"]
        (block,) = [block for block in made.content if block.type == "image"]
        assert block.mime_type == "image/png"
        assert hashlib.sha256(base64.b64decode(block.data)).hexdigest() == row["sha256"]


class WithoutPreviews(PillowPixels):
    """As a Worker without the Images binding."""

    async def preview(self, image: GatewayImage, longest: int, max_bytes: int) -> GatewayImage:
        raise GatewayError("not_supported_here", "a preview needs the Images binding")


async def test_an_image_that_cannot_be_made_smaller_is_not_lost() -> None:
    async with talking(pixels=WithoutPreviews()) as client:
        made = await client.call_tool("run_model", {"prompt": "x", "size": "1024x1024", "n": 2})
        assert not made.is_error, text(made)
        assert [block.type for block in made.content] == ["text", "resource_link", "resource_link"]
        assert made.structured_content["warnings"] == ["there is no preview: a preview needs the Images binding"]
        assert text(made).count("there is no preview") == 1
        uri = made.structured_content["images"][0]["uri"]
        assert len(read_bytes(await client.read_resource(uri))) == made.structured_content["images"][0]["bytes"]
        with pytest.raises(MCPError, match="a preview needs the Images binding"):
            await client.read_resource(f"{uri}/preview")


async def test_each_block_is_for_whom_it_is_for() -> None:
    async with talking() as client:
        made = await client.call_tool("run_model", {"prompt": "x", "size": "256x256", "n": 2})
    assert [block.type for block in made.content] == ["text", "image", "resource_link", "image", "resource_link"]
    for image, link in zip(made.content[1::2], made.content[2::2], strict=True):
        assert image.annotations is not None
        assert image.annotations.audience == ["user", "assistant"]
        assert link.type == "resource_link"
        assert link.annotations is not None
        assert link.annotations.audience == ["user"]
        assert link.uri.startswith("image://")
        assert link.size


@pytest.mark.parametrize(
    ("name", "options"),
    [("tests", {"links": False}), ("mcp", {}), ("@langchain/mcp-adapters", {})],
)
async def test_clients_that_fail_on_links_get_none(name: str, options: dict[str, Any]) -> None:
    """By the setting, and by the names of LangChain's adapters and AutoGen's workbench."""
    async with talking(client_name=name, **options) as client:
        made = await client.call_tool("run_model", {"prompt": "x", "size": "256x256"})
    assert [block.type for block in made.content] == ["text", "image"]
    assert made.structured_content
    (image,) = made.structured_content["images"]
    assert image["id"] in text(made)


@pytest.mark.parametrize(
    ("revision", "types"),
    [
        ("2024-11-05", ["text", "image"]),
        ("2025-03-26", ["text", "image"]),
        ("2025-06-18", ["text", "image", "resource_link"]),
        ("2025-11-25", ["text", "image", "resource_link"]),
    ],
)
def test_a_client_of_an_old_revision_is_sent_no_block_that_it_does_not_know(
    revision: str, types: list[str], noisy: str
) -> None:
    """On the wire: no SDK of today speaks as old as that."""
    accept = {"Accept": "application/json, text/event-stream"}
    with httpx2.Client(base_url=noisy, headers=accept, timeout=LONGEST) as http:

        def send(method: str, params: dict[str, Any], **headers: str) -> httpx2.Response:
            return http.post(
                "/mcp", json={"jsonrpc": "2.0", "id": 1, "method": method, "params": params}, headers=headers
            )

        info = {"name": "old", "version": "1"}
        begun = send("initialize", {"protocolVersion": revision, "capabilities": {}, "clientInfo": info})
        assert event(begun)["protocolVersion"] == revision
        session = {"Mcp-Session-Id": begun.headers["mcp-session-id"]}
        call = {"name": "run_model", "arguments": {"prompt": "x", "size": "256x256"}}
        made = event(send("tools/call", call, **session))
    assert [block["type"] for block in made["content"]] == types
    assert f"image://{made['structuredContent']['images'][0]['id']}" in made["content"][0]["text"]


def event(response: httpx2.Response) -> dict[str, Any]:
    """The result in the one message of a stream."""
    result: dict[str, Any] = json.loads(response.text.partition("data: ")[2])["result"]
    return result


async def test_structured_content_stands_alone_and_holds_no_picture() -> None:
    async with talking() as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        made = await answer(client, prompt="x", size="256x256", seed=3, steps=3, strength=0.5, colour="red")
    schema = tools["run_model"].output_schema
    assert schema is not None
    assert set(schema["required"]) <= set(made) <= set(schema["properties"])
    assert made["warnings"] == [
        '"colour" is not a known parameter and was ignored',
        "strength has no meaning without an input image and was ignored",
    ]
    assert len(json.dumps(made)) < 2000
    assert "base64" not in json.dumps(made)


async def test_without_structured_results_the_text_says_all_and_the_gallery_still_knows(tmp_path: Path) -> None:
    async with talking(structured=False, stored_path=lambda key: tmp_path / key) as client:
        tools = (await client.list_tools()).tools
        assert all(tool.output_schema is None for tool in tools)
        listed = await client.call_tool("list_models", {})
        described = await client.call_tool("describe_model", {"model": "flux-1-schnell"})
        made = await client.call_tool("run_model", {"prompt": "x", "size": "256x256"})
        images = await client.call_tool("list_images", {})
    for result in (listed, described, made, images):
        assert result.structured_content is None
    assert text(listed).count("@cf/") == len(models())
    assert "steps: an integer from 1 to 8, default 4" in text(described)
    assert made.meta is not None
    row = made.meta[RESULT_META]["images"][0]
    assert row["id"] in text(made)
    assert str(tmp_path / row["id"]) in text(made)
    assert row["id"] in text(images)


async def test_a_setting_turns_structured_results_off(tmp_path: Path) -> None:
    environ = {"IMAGE_STORAGE_URL": tmp_path.as_uri(), "MCP_STRUCTURED_RESULTS": "off"}
    settings = Settings.read(environ)
    with serving(app_over(assemble(settings, backend=NoiseBackend()), settings)) as origin:
        async with Client(f"{origin}/mcp") as client:
            assert all(tool.output_schema is None for tool in (await client.list_tools()).tools)
            assert (await client.call_tool("list_models", {})).structured_content is None
