"""Who may reach /mcp from a browser, with and without keys."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from cloudflare_image_mcp.assembly import assemble
from cloudflare_image_mcp.rest.server import app_over
from cloudflare_image_mcp.settings import Settings
from tests.live import serving
from tests.mcp_server.backends import NoiseBackend
from tests.waiting import LONGEST

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

PING = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
}
ACCEPT = {"Accept": "application/json, text/event-stream"}


def gateway(**environ: str) -> AbstractContextManager[str]:
    settings = Settings.read({"IMAGE_STORAGE_URL": "memory:", **environ})
    return serving(app_over(assemble(settings, backend=NoiseBackend()), settings))


def ask(origin: str, path: str = "/mcp", **headers: str) -> httpx2.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx2.post(f"{origin}{path}", json=PING, headers={**ACCEPT, **named}, timeout=LONGEST)


@pytest.fixture(scope="module")
def open_server() -> Iterator[str]:
    with gateway() as origin:
        yield origin


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:3000", 200),
        ("localhost", 200),
        ("localhost:3000", 200),
        ("app.localhost:3000", 200),
        ("[::1]:3000", 200),
        ("192.168.1.20:3000", 200),
        ("evil.example", 421),
        ("evil.example:3000", 421),
        ("localhost.evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("notlocalhost", 421),
        ("[::1].evil.example", 421),
        ("[::1", 421),
        ("127.0.0.1:x@evil.example", 421),
        ("localhost:3000@evil.example", 421),
        ("localhost:99999999", 421),
    ],
)
def test_hosts_without_keys(host: str, status: int, open_server: str) -> None:
    answer = ask(open_server, Host=host)
    assert answer.status_code == status
    if status == 421:
        assert "MCP_ALLOWED_HOSTS" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://localhost:6274", 200),
        ("http://127.0.0.1:6274", 200),
        ("http://[::1]:6274", 200),
        ("https://localhost", 200),
        ("http://evil.example", 403),
        ("https://localhost.evil.example", 403),
        ("http://192.168.1.20", 403),
        ("null", 403),
        ("file://localhost", 403),
        ("http://[", 403),
        ("http://[::1].evil.example", 403),
        ("http://localhost@evil.example", 403),
        ("http://localhost/x@evil.example", 403),
        ("http://", 403),
    ],
)
def test_origins(origin: str, status: int, open_server: str) -> None:
    answer = ask(open_server, Origin=origin)
    assert answer.status_code == status
    if status == 403:
        assert "MCP_ALLOWED_ORIGINS" in answer.json()["error"]["message"]


def test_white_space_around_a_header_is_none_of_its_value(open_server: str) -> None:
    """On the wire: a client's library would take it off."""
    body = json.dumps(PING)
    lines = [
        "POST /mcp HTTP/1.1",
        "Host: \t localhost ",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    ]
    lines += ["Accept: application/json, text/event-stream", "Origin: http://localhost\t", "Connection: close"]
    host, _, port = open_server.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=LONGEST) as connection:
        connection.sendall(("\r\n".join(lines) + "\r\n\r\n" + body).encode())
        assert connection.recv(64).startswith(b"HTTP/1.1 200 ")


def test_a_page_of_the_server_itself_may(open_server: str) -> None:
    assert ask(open_server, Host="10.1.2.3:3000", Origin="http://10.1.2.3:3000").status_code == 200
    assert ask(open_server, Host="10.1.2.3:3000", Origin="http://10.1.2.4:3000").status_code == 403


def test_names_that_the_operator_allows() -> None:
    environ = {
        "PUBLIC_BASE_URL": "https://images.example.com",
        "MCP_ALLOWED_HOSTS": "gateway, Other.Example:8080",
        "MCP_ALLOWED_ORIGINS": "https://chat.example.com",
    }
    with gateway(**environ) as origin:
        for host in ("images.example.com", "gateway", "gateway:3000", "other.example:8080"):
            assert ask(origin, Host=host).status_code == 200, host
        assert ask(origin, Host="other.example").status_code == 421
        for page in ("https://images.example.com", "https://chat.example.com"):
            assert ask(origin, Origin=page).status_code == 200, page
        assert ask(origin, Origin="http://chat.example.com").status_code == 403


def test_with_keys_any_host_but_no_call_without_one() -> None:
    with gateway(API_KEYS="first,second key", MCP_ALLOWED_ORIGINS="*") as origin:
        for path in ("/mcp", "/mcp/simple?model=flux-1-schnell"):
            refused = ask(origin, path, Host="anything.example")
            assert refused.status_code == 401
            assert refused.headers["www-authenticate"] == "Bearer"
            assert ask(origin, path, Authorization="Bearer wrong").status_code == 401
            for key in ("first", "second key"):
                allowed = ask(
                    origin, path, Host="anything.example", Authorization=f"Bearer {key}", Origin="https://a.b"
                )
                assert allowed.status_code == 200


def test_a_browser_may_ask_and_read_what_it_needs(open_server: str) -> None:
    wanted = "authorization, content-type, mcp-protocol-version, mcp-method, mcp-name, mcp-session-id"
    for method in ("POST", "DELETE"):
        headers = {
            "Origin": "http://localhost:6274",
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": wanted,
        }
        preflight = httpx2.options(f"{open_server}/mcp", headers=headers, timeout=LONGEST)
        assert preflight.status_code == 204
        allowed = preflight.headers["access-control-allow-headers"].lower()
        assert all(name in allowed for name in wanted.split(", "))
        assert method in preflight.headers["access-control-allow-methods"]
    answer = ask(open_server, Origin="http://localhost:6274")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "Mcp-Session-Id" in answer.headers["access-control-expose-headers"]
    assert answer.headers["mcp-session-id"]


def test_no_redirect_and_the_body_limit(open_server: str) -> None:
    assert ask(open_server).status_code == 200
    big = {**PING, "params": {**PING["params"], "padding": "x" * (5 * 1024 * 1024)}}  # type: ignore[dict-item]  # a dictionary of several types
    assert httpx2.post(f"{open_server}/mcp", json=big, headers=ACCEPT, timeout=LONGEST).status_code == 200
    too_big = b'{"jsonrpc":"2.0","padding":"' + b"x" * (64 * 1024 * 1024) + b'"}'
    headers = {**ACCEPT, "Content-Type": "application/json"}
    assert httpx2.post(f"{open_server}/mcp", content=too_big, headers=headers, timeout=LONGEST).status_code == 413


def test_simple_wants_a_model_that_exists(open_server: str) -> None:
    def error(path: str) -> Any:
        answer = ask(open_server, path)
        return answer.status_code, answer.json()["error"]["message"]

    assert error("/mcp/simple") == (400, "model is required: /mcp/simple?model=@cf/…")
    status, message = error("/mcp/simple?model=flux-9")
    assert status == 404
    assert "flux-1-schnell" in message


async def test_a_sessions_stream_ends_with_the_session(open_server: str) -> None:
    """To its last chunk: a stream that is only cut off is an error in the server's log and at the client."""
    async with httpx2.AsyncClient(base_url=open_server, timeout=LONGEST) as http:
        begun = await http.post("/mcp", json=PING, headers=ACCEPT)
        session = {**ACCEPT, "Mcp-Session-Id": begun.headers["mcp-session-id"]}
        async with http.stream("GET", "/mcp", headers=session) as stream:
            assert stream.status_code == 200
            assert (await http.delete("/mcp", headers=session)).status_code == 200
            assert await stream.aread() == b""
        assert (await http.post("/mcp", json=PING, headers=session)).status_code == 404
