"""Forms of paths, proxy headers, offers of an upgrade, HEAD, packed bodies: in JSON, a form and MCP, each over a real
socket.
"""

from __future__ import annotations

import gzip
import http.client
import json
import re
import subprocess
import zlib
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudflare_image_mcp.rest.paths import canonical_path, needs_key
from cloudflare_image_mcp.rest.server import build_app
from cloudflare_image_mcp.settings import Settings
from tests.installed import require_program
from tests.live import serving
from tests.waiting import LONGEST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BODY = {"prompt": "a fox", "size": "256x256", "seed": 1, "response_format": "url"}
KEY = {"Authorization": "Bearer one"}
META = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}


@dataclass(frozen=True)
class Way:
    """A request for one image as one kind of client sends it."""

    path: str
    headers: dict[str, str]
    body: bytes

    def url(self, data: bytes) -> str:
        """The image's URL in an answer."""
        answer = json.loads(data)
        images = answer["result"]["structuredContent"]["images"] if self.path == "/mcp" else answer["data"]
        return str(images[0]["url"])


JSON = Way("/v1/images/generations", {"Content-Type": "application/json"}, json.dumps(BODY).encode())
FORM = Way(
    "/v1/images/generations",
    {"Content-Type": "multipart/form-data; boundary=x"},
    b"".join(
        b'--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (name.encode(), str(value).encode())
        for name, value in BODY.items()
    )
    + b"--x--\r\n",
)
ARGUMENTS = {name: value for name, value in BODY.items() if name != "response_format"}
MCP = Way(
    "/mcp",
    {
        "Content-Type": "application/json",
        "Accept": "application/json",
        "MCP-Protocol-Version": "2026-07-28",
        "Mcp-Method": "tools/call",
        "Mcp-Name": "run_model",
    },
    json.dumps(
        {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "tools/call",
            "params": {"name": "run_model", "arguments": ARGUMENTS, "_meta": META},
        }
    ).encode(),
)
WAYS = pytest.mark.parametrize("way", [JSON, FORM, MCP], ids=["json", "form", "mcp"])


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    with serving(build_app(Settings.read({"IMAGE_STORAGE_URL": "memory:", "IMAGE_BACKEND": "local"}))) as origin:
        yield origin


@pytest.fixture(scope="module")
def guarded() -> Iterator[str]:
    environ = {"IMAGE_STORAGE_URL": "memory:", "IMAGE_BACKEND": "local", "API_KEYS": "one"}
    with serving(build_app(Settings.read(environ))) as origin:
        yield origin


def send(
    origin: str, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
) -> tuple[int, bytes]:
    """With the path as it is written: requests would tidy it up."""
    with closing(http.client.HTTPConnection(urlsplit(origin).netloc, timeout=LONGEST)) as connection:
        connection.request(method, path, body or None, {"Content-Type": "application/json"} | (headers or {}))
        answer = connection.getresponse()
        return answer.status, answer.read()


def url_of(origin: str, way: Way, **headers: str) -> str:
    written = {name.replace("_", "-"): value for name, value in headers.items()}
    status, data = send(origin, "POST", way.path, way.body, way.headers | written)
    assert status == 200, data
    return way.url(data)


@pytest.mark.parametrize("way", [JSON, FORM], ids=["json", "form"])
@pytest.mark.parametrize(
    "path",
    [
        "/v1/images/generations/",
        "//v1/images/generations",
        "/v1//images/generations//",
        "/images/generations",
        "/v1/v1/images/generations",
        "/openai/v1/images/generations?api-version=preview",
        "/openai/v1/images/generations/?api-version=preview",
        "/openai/images/generations",
        "/api/v1/images/generations",
        "/v1beta/openai/images/generations",
        "/v1/openai/images/generations",
        "/openai/deployments/flux-1-schnell/v1/images/generations",
        "/openai/deployments/flux-1-schnell/images/generations?api-version=2025-04-01-preview",
        "/openai/deployments/@cf/black-forest-labs/flux-1-schnell/images/generations/",
    ],
)
def test_every_form_of_the_path_makes_an_image(origin: str, path: str, way: Way) -> None:
    assert send(origin, "POST", path, way.body, way.headers)[0] == 200


@pytest.mark.parametrize(
    "path",
    [
        "/v1/models", "/v1/models/", "//models", "/openai/v1/models", "/openai/models?api-version=1", "/models/",
        "/api/models", "/api/v1/models", "/v1beta/openai/models",
    ],
)  # fmt: skip
def test_every_form_of_the_path_lists_the_models(origin: str, path: str) -> None:
    status, data = send(origin, "GET", path)
    assert (status, json.loads(data)["object"]) == (200, "list")


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/v1/images/generation", "/v1/images/generations"),
        ("/v1/images/generate", "/v1/images/generations"),
        ("/v1/images/edit/", "/v1/images/edits"),
        ("/v1/chat/completion", "/v1/chat/completions"),
        ("/v1/image/generations", "/v1/images/generations"),
    ],
)
def test_a_misspelt_path_names_the_nearest(origin: str, path: str, route: str) -> None:
    status, data = send(origin, "POST", path, JSON.body)
    assert status == 404
    assert f"did you mean {route}?" in json.loads(data)["error"]["message"]


@pytest.mark.parametrize("way", [JSON, FORM], ids=["json", "form"])
def test_parameters_in_the_url_are_named_in_warnings(origin: str, way: Way) -> None:
    status, data = send(origin, "POST", f"{way.path}?size=512x512&num_images=2&api-version=1", way.body, way.headers)
    assert status == 200
    assert json.loads(data)["size"] == "256x256"
    assert json.loads(data)["warnings"] == [
        "size in the URL was ignored: parameters go into the body",
        "num_images in the URL was ignored: parameters go into the body",
    ]


@pytest.mark.parametrize(
    "kind",
    [
        "", "application/json; charset=utf-8", "APPLICATION/JSON", "text/json", "application/x-json", "text/plain",
        "application/vnd.api+json", "application/octet-stream", "application/json, application/json",
        "application/x-www-form-urlencoded",
    ],
)  # fmt: skip
def test_json_is_read_whatever_it_is_called(origin: str, kind: str) -> None:
    status, data = send(origin, "POST", JSON.path, JSON.body, {"Content-Type": kind})
    assert status == 200, data


@pytest.mark.parametrize(
    "path", ["/mcp/", "//mcp", "//mcp//", "/mcp/simple/?model=flux-1-schnell", "//mcp//simple?model=flux-1-schnell"]
)
def test_every_form_of_the_path_reaches_mcp(origin: str, path: str) -> None:
    status, data = send(origin, "POST", path, MCP.body, MCP.headers)
    assert status == 200, data
    assert MCP.url(data).startswith(origin)


@WAYS
@pytest.mark.parametrize(
    "offer",
    [
        {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAMAAABkAAQCAAAAAAIAAAAA"},
        {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Key": "x", "Sec-WebSocket-Version": "13"},
        {"Connection": "keep-alive, upgrade", "Upgrade": "TLS/1.0"},
    ],
    ids=["h2c", "websocket", "tls"],
)
def test_an_offer_to_upgrade_is_ignored_and_the_connection_stays(origin: str, offer: dict[str, str], way: Way) -> None:
    with closing(http.client.HTTPConnection(urlsplit(origin).netloc, timeout=LONGEST)) as connection:
        for _ in range(2):
            connection.request("POST", way.path, way.body, way.headers | offer)
            answer = connection.getresponse()
            assert way.url(answer.read()).startswith(origin)
        connection.request("GET", "/health", headers=offer)
        answer = connection.getresponse()
        assert answer.read()
        assert answer.status == 200


@pytest.mark.parametrize("path", ["/v1/images/generations", "/v1/chat/completions"])
def test_curl_with_http2_gets_its_image(origin: str, path: str) -> None:
    """It offers h2c with the body, and stays with HTTP/1.1 where the offer is not taken."""
    body = BODY | {"model": "flux-1-schnell", "messages": [{"role": "user", "content": "a fox"}]}
    if path.endswith("generations"):
        del body["messages"]
    command = [
        require_program("curl", package="curl"),
        "-sS",
        "--http2",
        "-w",
        "\n%{http_code} %{http_version}",
        "--json",
        json.dumps(body),
    ]
    done = subprocess.run([*command, origin + path], capture_output=True, text=True, timeout=LONGEST, check=True)
    answer, _, status = done.stdout.rpartition("\n")
    assert status == "200 1.1", done.stdout[:500]
    assert "warnings" not in json.loads(answer)


def test_an_offer_to_upgrade_keeps_a_long_chunked_body(origin: str) -> None:
    parts = [json.dumps(BODY)[:-1].encode() + b', "user": "', *[b"x" * 50_000] * 20, b'"}']
    headers = {"Connection": "Upgrade", "Upgrade": "h2c"}
    with closing(http.client.HTTPConnection(urlsplit(origin).netloc, timeout=LONGEST)) as connection:
        connection.request("POST", "/v1/images/generations", iter(parts), headers, encode_chunked=True)
        answer = connection.getresponse()
        data = answer.read()
    assert answer.status == 200, data
    assert b"prompt is required" not in data


@pytest.mark.parametrize("path", ["/v1/models", "/", "/docs", "/openapi.json", "/health", "/v1/models/flux-1-schnell"])
def test_head_is_get_without_a_body(origin: str, path: str) -> None:
    got, head = (
        requests.request(method, origin + path, timeout=LONGEST, allow_redirects=False) for method in ("GET", "HEAD")
    )
    assert (head.status_code, head.content) == (got.status_code, b"")
    assert head.headers.get("content-type") == got.headers.get("content-type")


@pytest.mark.parametrize(
    "path",
    ["/.well-known/oauth-protected-resource", "/.well-known/oauth-authorization-server/mcp", "/favicon.ico"],
)
def test_paths_that_browsers_and_mcp_clients_probe_are_404_without_a_key(guarded: str, path: str) -> None:
    assert send(guarded, "GET", path)[0] == 404
    assert send(guarded, "POST", path)[0] == 401


@WAYS
@pytest.mark.parametrize(
    ("headers", "base"),
    [
        ({"X_Forwarded_Prefix": "/art"}, "http://{host}/art"),
        ({"X_Forwarded_Prefix": "/a/b/", "X_Forwarded_Proto": "https", "X_Forwarded_Host": "i.example"}, "https://i.example/a/b"),
        ({"X_Forwarded_Host": "i.example", "X_Forwarded_Port": "8443", "X_Forwarded_Proto": "https"}, "https://i.example:8443"),
        ({"X_Forwarded_Host": "i.example:444", "X_Forwarded_Port": "443", "X_Forwarded_Proto": "https"}, "https://i.example"),
        ({"Forwarded": "for=1.2.3.4;proto=https;host=i.example, for=10.0.0.1"}, "https://i.example"),
        ({"Forwarded": 'host="i.example:8443";proto=HTTPS'}, "https://i.example:8443"),
        ({"Forwarded": "proto=https;host=no.example", "X_Forwarded_Host": "i.example"}, "https://i.example"),
        ({"X_Forwarded_Host": 'a"><script>'}, "http://{host}"),
        ({"X_Forwarded_Host": "user@i.example"}, "http://{host}"),
        ({"X_Forwarded_Host": "i.example/path"}, "http://{host}"),
        ({"X_Forwarded_Host": "i.example:99999"}, "http://{host}"),
        ({"X_Forwarded_Host": "[::1"}, "http://{host}"),
        ({"X_Forwarded_Host": "[::1]:81"}, "http://[::1]:81"),
        ({"X_Forwarded_Proto": "javascript"}, "http://{host}"),
        ({"X_Forwarded_Prefix": "//evil.example"}, "http://{host}"),
        ({"X_Forwarded_Prefix": "/a/../.."}, "http://{host}"),
        ({"X_Forwarded_Port": "80; x"}, "http://{host}"),
    ],
)  # fmt: skip
def test_a_proxys_headers_count_where_they_are_well_formed(
    origin: str, headers: dict[str, str], base: str, way: Way
) -> None:
    assert url_of(origin, way, **headers).rpartition("/images/")[0] == base.format(host=urlsplit(origin).netloc)


URL = re.compile(
    r"https?://(?:[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_.])?|\[[0-9A-Fa-f:.]+\])(?::[1-9][0-9]{0,4})?"
    r"(?:/[A-Za-z0-9._~-]+)*/images/[\w-]{22}\.[a-z]+"
)
HEADER = st.one_of(
    st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=40),
    st.text('abc.-:/[]@"<>;=, %0129#?\\', max_size=30),
    st.sampled_from(["i.example", "https", "host=a;proto=https", "/art", "443", "a, b", "[::1]:80"]),
).filter(lambda text: text == text.strip())
NAMES = ("x-forwarded-host", "x-forwarded-proto", "x-forwarded-port", "x-forwarded-prefix", "forwarded")


@settings(max_examples=300)
@given(headers=st.dictionaries(st.sampled_from(NAMES), HEADER))
def test_no_header_of_a_proxy_breaks_a_url(headers: dict[str, str]) -> None:
    from starlette.requests import Request

    from cloudflare_image_mcp.rest.options import AppOptions
    from cloudflare_image_mcp.rest.public_url import base_url

    pairs = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    request = Request({"type": "http", "scheme": "http", "server": ("::1", 80), "path": "/", "headers": pairs})
    assert URL.fullmatch(f"{base_url(request, AppOptions())}/images/{'a' * 22}.png")
    fixed = AppOptions(public_base_url="https://fixed.example")
    assert base_url(request, fixed) == "https://fixed.example"


PARTS = st.sampled_from(
    ["v1", "api", "v1beta", "openai", "images", "generations", "edits", "models", "mcp", "health", "..", ".", "", "x",
     "deployments", "%2e%2e", "%2F", ".well-known", "favicon.ico", "simple", "a.png", "%00", "docs", "openapi.json",
     "chat", "V1", "web", "page.js"]
)  # fmt: skip


@settings(max_examples=400)
@given(parts=st.lists(PARTS, max_size=7), method=st.sampled_from(["GET", "POST", "HEAD", "DELETE"]))
def test_no_form_of_a_path_leads_past_the_key(guarded: str, parts: list[str], method: str) -> None:
    status, _ = send(guarded, method, "/" + "/".join(parts))
    if status in (401, 405):
        return
    path = canonical_path("/" + "/".join(part.replace("%2e", ".").replace("%2F", "/") for part in parts))[0]
    assert status == 404 or path in {"/", "/health", "/web/page.js"}, (status, path)
    assert not needs_key(method, path)


@settings(max_examples=300)
@given(path=st.one_of(st.text(max_size=60), st.lists(PARTS, max_size=8).map("/".join)))
def test_the_canonical_path_is_its_own_canonical_path(path: str) -> None:
    once = canonical_path("/" + path)[0]
    assert canonical_path(once)[0] == once
    assert quote(once)


@WAYS
@pytest.mark.parametrize(
    ("encoding", "pack"),
    [
        ("gzip", gzip.compress),
        ("x-gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", lambda data: zlib.compress(data)[2:-4]),
        ("identity", bytes),
        ("GZIP", gzip.compress),
    ],
)
def test_a_packed_body_is_read(origin: str, encoding: str, pack: Callable[[bytes], bytes], way: Way) -> None:
    assert url_of(origin, replace(way, body=pack(way.body)), Content_Encoding=encoding).startswith(origin)


@pytest.mark.parametrize("way", [JSON, MCP], ids=["json", "mcp"])
@pytest.mark.parametrize(
    ("body", "status"),
    [
        (gzip.compress(bytes(200 * 1024 * 1024), 1), 413),
        (gzip.compress(json.dumps(BODY).encode())[:-9], 400),
        (json.dumps(BODY).encode(), 400),
    ],
    ids=["bomb", "cut short", "not packed"],
)
def test_a_packed_body_that_cannot_be_read_is_refused(origin: str, body: bytes, status: int, way: Way) -> None:
    answer = send(origin, "POST", way.path, body, way.headers | {"Content-Encoding": "gzip"})
    assert answer[0] == status, answer


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (gzip.compress(FORM.body.removesuffix(b"\r\n--x--\r\n") + bytes(200 * 1024 * 1024), 1), 413),
        (gzip.compress(FORM.body)[:-9], 400),
        (FORM.body, 400),
    ],
    ids=["bomb", "cut short", "not packed"],
)
def test_a_packed_form_that_cannot_be_read_is_refused(origin: str, body: bytes, status: int) -> None:
    answer = send(origin, "POST", FORM.path, body, FORM.headers | {"Content-Encoding": "gzip"})
    assert answer[0] == status, answer
