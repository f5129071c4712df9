"""Answers over HTTP as JSON, for clients without event streams, large resources and batches; errors in plain words."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError

from cloudflare_image_mcp.assembly import assemble
from cloudflare_image_mcp.mcp_server.json_answers import MAX_BATCH
from cloudflare_image_mcp.rest.server import app_over
from cloudflare_image_mcp.settings import Settings
from tests.live import serving
from tests.mcp_server.backends import NoiseBackend
from tests.mcp_server.inside import read_bytes
from tests.waiting import LONGEST

if TYPE_CHECKING:
    from collections.abc import Iterator

INFO = {"capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
BOTH = "application/json, text/event-stream"


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    settings = Settings.read({"IMAGE_STORAGE_URL": "memory:"})
    with serving(app_over(assemble(settings, backend=NoiseBackend()), settings)) as origin:
        yield origin


class Session:
    """A session that a client of a revision opened by hand."""

    def __init__(self, origin: str, revision: str = "2025-03-26", accept: str = BOTH) -> None:
        self.url = f"{origin}/mcp"
        self.headers = {"Accept": accept} if accept else {}
        started = self.post(request(1, "initialize", {"protocolVersion": revision, **INFO}))
        assert started.status_code == 200, started.text
        self.headers["Mcp-Session-Id"] = started.headers["mcp-session-id"]
        self.post({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def post(self, message: object, **headers: str) -> httpx2.Response:
        # The library would add */* of its own.
        client = httpx2.Client(timeout=LONGEST)
        if "Accept" not in self.headers:
            del client.headers["accept"]
        with client:
            return client.post(self.url, json=message, headers={**self.headers, **headers})


def request(number: int, method: str, params: object = None) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "method": method, **({"params": params} if params is not None else {})}


def call(number: int, tool: str, **arguments: object) -> dict[str, Any]:
    return request(number, "tools/call", {"name": tool, "arguments": arguments})


@pytest.mark.parametrize("accept", ["application/json", "application/*", ""])
def test_a_client_without_event_streams_gets_json(origin: str, accept: str) -> None:
    session = Session(origin, "2025-11-25", accept)
    answer = session.post(call(5, "run_model", prompt="x", size="256x256"))
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["id"] == 5
    assert answer.json()["result"]["structuredContent"]["status"] == "completed"


def test_a_client_with_event_streams_gets_one(origin: str) -> None:
    answer = Session(origin, "2025-11-25").post(request(5, "tools/list"))
    assert answer.headers["content-type"].startswith("text/event-stream")


def test_a_client_of_2026_07_28_without_event_streams_gets_json(origin: str) -> None:
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    headers = {"Accept": "application/json", "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/list"}
    answer = httpx2.post(
        f"{origin}/mcp", json=request(1, "tools/list", {"_meta": meta}), headers=headers, timeout=LONGEST
    )
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["result"]["tools"]


@pytest.mark.parametrize("accept", ["text/html", "text/event-stream"])
def test_a_client_that_takes_no_json_is_refused(origin: str, accept: str) -> None:
    answer = httpx2.post(f"{origin}/mcp", json=request(1, "ping"), headers={"Accept": accept}, timeout=LONGEST)
    assert answer.status_code == 406


async def test_an_image_larger_than_an_event_is_read_on_an_older_revision(origin: str) -> None:
    async with Client(f"{origin}/mcp", mode="legacy") as client:
        made = await client.call_tool("run_model", {"prompt": "x", "size": "1024x1024", "output_format": "png"})
        (row,) = (made.structured_content or {})["images"]
        assert row["bytes"] > 1024 * 1024
        read = await client.read_resource(row["uri"])
    assert len(read_bytes(read)) == row["bytes"]


@pytest.mark.parametrize("accept", [BOTH, "application/json"])
def test_a_batch_of_2025_03_26_is_answered(origin: str, accept: str) -> None:
    session = Session(origin, accept=accept)
    initialized = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    answer = session.post([request(2, "ping"), initialized, call(3, "list_images"), request(4, "no/such"), 5])
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    found = {message["id"]: message for message in answer.json()}
    assert found[2]["result"] == {}
    assert "content" in found[3]["result"]
    assert found[4]["error"]["code"] == -32601
    assert found[None]["error"] == {"code": -32600, "message": "the body is not a JSON-RPC 2.0 message"}
    assert session.post([initialized]).status_code == 202


@pytest.mark.parametrize(
    ("body", "headers", "words"),
    [
        ([], {}, "1 to 32 messages, not 0"),
        ([request(1, "ping")] * (MAX_BATCH + 1), {}, "1 to 32 messages, not 33"),
        ([request(1, "ping")], {"MCP-Protocol-Version": "2025-11-25"}, "send one message in each request"),
        ([request(1, "ping")], {"MCP-Protocol-Version": "2026-07-28"}, "send one message in each request"),
        ([request(1, "initialize")], {}, "initialize must not be part of a batch"),
        ({"foo": 1}, {}, "not a JSON-RPC 2.0 message"),
        (5, {}, "not a JSON-RPC 2.0 message"),
    ],
)
def test_what_is_no_message_gets_a_plain_error(origin: str, body: object, headers: dict[str, str], words: str) -> None:
    session = Session(origin)
    answer = session.post(body, **headers)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["error"]["code"] == -32600
    assert words in answer.json()["error"]["message"]
    assert "pydantic" not in answer.text


def test_a_batch_without_a_session_is_refused_as_a_whole(origin: str) -> None:
    headers = {"Accept": BOTH, "Mcp-Session-Id": "none"}
    answer = httpx2.post(f"{origin}/mcp", json=[request(1, "ping")], headers=headers, timeout=LONGEST)
    assert answer.status_code == 404
    assert json.loads(answer.text)["error"]["message"] == "Session not found"


async def test_unknown_names_are_json_rpc_errors(origin: str) -> None:
    for mode, missing in (("legacy", -32002), ("2026-07-28", -32602)):
        async with Client(f"{origin}/mcp", mode=mode) as client:
            for code, asked in (
                (-32602, client.call_tool("draw", {})),
                (missing, client.read_resource("image://AAAAAAAAAAAAAAAAAAAAAA.png")),
                (missing, client.read_resource("image://../../etc/passwd")),
                (missing, client.read_resource("file:///etc/passwd")),
                (-32602, client.get_prompt("no_such_prompt")),
            ):
                with pytest.raises(MCPError) as raised:
                    await asked
                assert raised.value.error.code == code
