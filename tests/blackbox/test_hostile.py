"""Hostile requests that fit into a Worker, the same in both homes: limits of JSON, text that is not Unicode, MCP."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import pytest

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
