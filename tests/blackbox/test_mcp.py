"""MCP through the official client, the same under CPython and in a Worker."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import httpx2
import pytest
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import BlobResourceContents, ImageContent, Implementation, ResourceLink

from tests.blackbox.conftest import KEY
from tests.blackbox.pictures import opened
from tests.waiting import LONGEST

if TYPE_CHECKING:
    from tests.blackbox.conftest import Home

MODEL = "@cf/black-forest-labs/flux-2-klein-4b"
NAME = Implementation(name="tests", version="1")


@pytest.mark.parametrize("path", ["/mcp", f"/mcp/simple?model={MODEL}"])
async def test_a_tool_makes_an_image_that_can_be_fetched(home: Home, path: str) -> None:
    async with httpx2.AsyncClient(headers={"authorization": f"Bearer {KEY}"}, timeout=LONGEST) as http:
        async with Client(streamable_http_client(home.origin + path, http_client=http), client_info=NAME) as client:
            assert "run_model" in {tool.name for tool in (await client.list_tools()).tools}
            chosen = {"model": MODEL} if path == "/mcp" else {}
            result = await client.call_tool("run_model", {"prompt": "a fox", "size": "256x256"} | chosen)
            assert not result.is_error, result
            links = [part for part in result.content if isinstance(part, ResourceLink)]
            stored = (await client.read_resource(links[0].uri)).contents[0]
        previews = [part for part in result.content if isinstance(part, ImageContent)]
        assert isinstance(stored, BlobResourceContents)
        assert max(opened(base64.b64decode(previews[0].data)).size) <= 256
        assert opened(stored.blob).size == (256, 256)


async def test_mcp_wants_the_key_too(home: Home) -> None:
    async with httpx2.AsyncClient(timeout=LONGEST) as http:
        answer = await http.post(f"{home.origin}/mcp", json={})
    assert answer.status_code == 401
