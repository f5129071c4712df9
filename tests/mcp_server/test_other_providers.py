"""Other providers' models over MCP: listed with their price, described, and run."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import jsonschema
from mcp import Client

from cloudflare_image_mcp.assembly import assemble
from cloudflare_image_mcp.catalog import proxied_models
from cloudflare_image_mcp.mcp_server import schemas
from cloudflare_image_mcp.mcp_server.endpoint import McpEndpoint
from cloudflare_image_mcp.mcp_server.server import build_server
from cloudflare_image_mcp.settings import Settings
from tests.emulator.calling import emulating
from tests.live import workers_ai_at
from tests.mcp_server.inside import text

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mcp_types import CallToolResult


@asynccontextmanager
async def talking() -> AsyncIterator[Client]:
    with emulating(daily_neurons=1e12) as emulator:
        assembly = assemble(Settings.read(workers_ai_at(emulator, CLOUDFLARE_CATALOGUE="on")))
        server = build_server(McpEndpoint(gateway=assembly.gateway, jobs=assembly.jobs))
        try:
            async with Client(server) as client:
                yield client
        finally:
            await assembly.aclose()


def structured(result: CallToolResult, schema: dict[str, Any]) -> dict[str, Any]:
    assert not result.is_error, text(result)
    values: dict[str, Any] | None = result.structured_content
    assert values is not None
    jsonschema.validate(values, schema)
    return values


async def test_every_model_is_listed_and_described() -> None:
    async with talking() as client:
        listed = structured(await client.call_tool("list_models", {}), schemas.MODEL_LIST)
        rows = {row["id"]: row for row in listed["models"]}
        assert set(proxied_models()) <= set(rows)
        assert rows["recraft/recraftv4"]["price"] == {"usd": 0.04}
        assert rows["openai/gpt-image-2"]["price"] == {"usd": None}
        for name in proxied_models():
            described = await client.call_tool("describe_model", {"model": name})
            assert structured(described, schemas.MODEL_DESCRIPTION)["id"] == name


async def test_one_is_run_and_says_what_it_cost() -> None:
    async with talking() as client:
        arguments = {"prompt": "a fox", "model": "recraftv4", "size": "256x256", "wait_seconds": 60}
        result = await client.call_tool("run_model", arguments)
        made = structured(result, schemas.JOB_RESULT)
    assert (made["status"], made["model"]) == ("completed", "recraft/recraftv4")
    assert made["cost"] == {"usd": 0.04}
    assert "Cost: $0.04." in text(result)
