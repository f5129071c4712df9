"""The page's files over a real server: what they weigh, what their policy allows, and that they need no key."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import httpx2
import pytest

from cloudflare_image_mcp.web import CONTENT_SECURITY_POLICY
from tests.live import gateway
from tests.waiting import LONGEST

if TYPE_CHECKING:
    from collections.abc import Iterator

FIRST_LOAD = 150 * 1024
"""Bytes."""
_LINKS = re.compile(r'(?:src|href)="(web/[^"]+)"')
_IMPORTS = re.compile(r'from "\./([^"]+)"')


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx2.Client]:
    """Without a key, at a server that wants one."""
    with (
        gateway(tmp_path_factory.mktemp("images"), API_KEYS="secret") as origin,
        httpx2.Client(base_url=origin, timeout=LONGEST) as client,
    ):
        yield client


def first_load(client: httpx2.Client) -> dict[str, httpx2.Response]:
    """The page, and what it and its modules name."""
    loaded = {"": client.get("/")}
    waiting = _LINKS.findall(loaded[""].text)
    while waiting:
        path = waiting.pop()
        if path not in loaded:
            loaded[path] = client.get(f"/{path}")
            waiting += [f"web/{name}" for name in _IMPORTS.findall(loaded[path].text)]
    return loaded


def test_the_first_load_is_small_and_needs_no_key(client: httpx2.Client) -> None:
    loaded = first_load(client)
    assert {answer.status_code for answer in loaded.values()} == {200}
    assert {"web/page.js", "web/mask.js", "web/gallery.js", "web/tokens.css"} <= loaded.keys()
    assert sum(len(answer.content) for answer in loaded.values()) < FIRST_LOAD


def test_every_file_carries_the_policy_and_breaks_it_nowhere(client: httpx2.Client) -> None:
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    for path, answer in first_load(client).items():
        assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY, path
        assert answer.headers["x-content-type-options"] == "nosniff"
    page = client.get("/").text
    assert not re.search(r"<style|<script>|\sstyle=|\son\w+=|https?://", page)


def test_nothing_beside_the_files_is_served(client: httpx2.Client) -> None:
    key = {"authorization": "Bearer secret"}
    for name in ("nothing.js", "..%2f__init__.py", "%2e%2e/__init__.py", "static"):
        assert client.get(f"/web/{name}", headers=key).status_code == 404
    assert client.get("/v1/models").status_code == 401


def test_an_unchanged_file_is_not_sent_again(client: httpx2.Client) -> None:
    for path in ("/", "/web/page.js"):
        etag = client.get(path).headers["etag"]
        again = client.get(path, headers={"if-none-match": f'"other", W/{etag}'})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
        assert client.get(path, headers={"if-none-match": '"other"'}).status_code == 200
