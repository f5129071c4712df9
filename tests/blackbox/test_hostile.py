"""Hostile requests that fit into a Worker, the same in both homes: limits of JSON, text that is not Unicode, MCP."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import pytest

from tests.blackbox.conftest import OTHER_KEY

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx2

MIB: Final = 1024 * 1024
GENERATIONS: Final = "/v1/images/generations"
JSON: Final = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
BODIES: Final[dict[str, tuple[str, Callable[[], bytes], int]]] = {
    "nested lists": (GENERATIONS, lambda: b'{"prompt":"x","x":[' + b"[]," * MIB + b"[]]}", 413),
    "nested lists to MCP": ("/mcp", lambda: b'{"method":"initialize","x":[' + b"[]," * MIB + b"[]]}", 413),
    "keys of one object": (GENERATIONS, lambda: json.dumps({f"k{i}": 0 for i in range(1_001)}).encode(), 413),
    "keys": (GENERATIONS, lambda: json.dumps({f"k{i}": 0 for i in range(100_000)}).encode(), 413),
    "half a character": (GENERATIONS, lambda: b'{"prompt":"x","n":"\\ud800"}', 400),
    "base64 that is no image": (
        "/v1/images/edits",
        lambda: b'{"prompt":"x","image":"' + b"QUJD" * MIB + b'"}',
        400,
    ),
    "%41 in a data URL": (
        "/v1/images/edits",
        lambda: b'{"prompt":"x","image":"data:,' + b"%41" * (MIB // 4) + b'"}',
        400,
    ),
    "slashes": (GENERATIONS, lambda: b'{"prompt":"x","model":"' + b"/" * MIB + b'"}', 400),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_hostile_body_is_refused_and_others_are_served(client: httpx2.Client, name: str) -> None:
    path, make, status = BODIES[name]
    answer = client.post(path, content=make(), headers=JSON)
    assert answer.status_code == status, answer.text[:300]
    assert answer.json()["error"]["message"]
    assert client.get("/health").status_code == 200


@pytest.mark.parametrize("origin", ["http://[", "http://[::1].evil.com", "null"])
def test_mcp_refuses_odd_origins(client: httpx2.Client, origin: str) -> None:
    answer = client.post("/mcp", content=b"{}", headers=JSON | {"origin": origin})
    assert answer.status_code == 403


def initialized(client: httpx2.Client) -> dict[str, str]:
    """The headers of requests after MCP's initialize, with the session's id where the runtime keeps sessions."""
    hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    message = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello}
    answer = client.post("/mcp", json=message, headers=JSON)
    assert answer.status_code == 200, answer.text[:300]
    headers = {**JSON, "accept": "application/json", "mcp-protocol-version": "2025-11-25"}
    given = answer.headers.get("mcp-session-id")
    return headers | ({} if given is None else {"mcp-session-id": given})


def call(client: httpx2.Client, name: str, arguments: str, headers: dict[str, str]) -> dict[str, object]:
    """The result of a tool's call. ``arguments``: JSON as it stands on the wire."""
    message = f'{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{name}","arguments":{arguments}}}}}'
    answer = client.post("/mcp", content=message, headers=headers)
    result: dict[str, object] = answer.json()["result"]
    return result


@pytest.mark.parametrize(
    ("tool", "argument"), [("list_images", "limit"), ("run_model", "wait_seconds"), ("run_model", "aspect_ratio")]
)
def test_an_mcp_number_beyond_every_float_is_an_error_of_its_argument(
    client: httpx2.Client, tool: str, argument: str
) -> None:
    prompt = '"prompt":"x",' if tool == "run_model" else ""
    result = call(client, tool, f'{{{prompt}"{argument}":1{"0" * 400}}}', initialized(client))
    assert result["isError"]
    assert argument in json.dumps(result["content"])


def test_an_mcp_session_and_a_job_of_another_key_are_not_found(client: httpx2.Client) -> None:
    own, other = initialized(client), {"authorization": f"Bearer {OTHER_KEY}"}
    if "mcp-session-id" in own:
        ping = {"jsonrpc": "2.0", "id": 2, "method": "ping"}
        assert client.post("/mcp", json=ping, headers=own | other).status_code == 404
    location = client.post(GENERATIONS, json={"prompt": "x", "async": True}).headers["location"]
    assert client.get(location).status_code == 200
    assert client.get(location, headers=other).status_code == 404
    arguments = json.dumps({"job_id": location.rpartition("/")[2]})
    client.headers.update(other)
    assert call(client, "get_job", arguments, initialized(client))["isError"]
