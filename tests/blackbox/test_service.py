"""Models, errors, CORS, keys and health, the same on both runtimes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx2
import pytest

from cloudflare_image_mcp.catalog import models
from tests.blackbox.pictures import picture
from tests.waiting import LONGEST

if TYPE_CHECKING:
    from openai import OpenAI

    from tests.blackbox.conftest import Home

SCHNELL = "@cf/black-forest-labs/flux-1-schnell"


def test_every_model_of_the_catalogue_is_listed(openai: OpenAI) -> None:
    assert set(models()) <= {model.id for model in openai.models.list()}


@pytest.mark.parametrize("path", [SCHNELL, quote(SCHNELL, safe="")])
def test_a_model_is_found_by_its_id_escaped_or_not(client: httpx2.Client, path: str) -> None:
    answer = client.get(f"/v1/models/{path}")
    assert answer.status_code == 200
    assert answer.json()["id"] == SCHNELL


def test_health_needs_no_key(home: Home) -> None:
    answer = httpx2.get(f"{home.origin}/health", timeout=LONGEST)
    assert answer.json()["status"] == "ok"
    assert answer.json()["backend"] == "workers-ai"


@pytest.mark.parametrize("authorization", [None, "Bearer wrong", "Basic a black-box key"])
def test_a_missing_or_wrong_key_is_refused(home: Home, authorization: str | None) -> None:
    headers = {} if authorization is None else {"authorization": authorization}
    answer = httpx2.get(f"{home.origin}/v1/models", headers=headers, timeout=LONGEST)
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "invalid_api_key"
    assert answer.headers["access-control-allow-origin"] == "*"


def test_a_preflight_is_answered_without_a_key(home: Home) -> None:
    headers = {
        "origin": "https://example.com",
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization, content-type, x-stainless-os",
    }
    answer = httpx2.options(f"{home.origin}/v1/images/generations", headers=headers, timeout=LONGEST)
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["access-control-allow-methods"] == "GET, POST, OPTIONS"
    assert "x-stainless-os" in answer.headers["access-control-allow-headers"]


GENERATIONS = "/v1/images/generations"
BAD_REQUESTS: dict[str, tuple[dict[str, Any], int, str | None, str | None]] = {
    "no prompt": ({"json": {}}, 400, "prompt", None),
    "steps": ({"json": {"prompt": "x", "steps": 9}}, 400, "steps", None),
    "size": ({"json": {"prompt": "x", "size": "1x1"}}, 400, "size", None),
    "n": ({"json": {"prompt": "x", "n": 9}}, 400, "n", None),
    "model": ({"json": {"prompt": "x", "model": "@cf/no/such"}}, 404, "model", "model_not_found"),
    "refused prompt": ({"json": {"prompt": "nsfw"}}, 400, None, "content_policy_violation"),
    "not JSON": ({"content": b"{", "headers": {"content-type": "application/json"}}, 400, None, None),
    "not an object": ({"json": [1]}, 400, None, None),
    "media type": (
        {"content": b"<x/>", "headers": {"content-type": "text/xml"}},
        415,
        None,
        "unsupported_media_type",
    ),
}


@pytest.mark.parametrize("case", BAD_REQUESTS)
def test_a_bad_request_gets_the_row_of_the_error_table(client: httpx2.Client, case: str) -> None:
    request, status, param, code = BAD_REQUESTS[case]
    answer = client.post(GENERATIONS, **request)
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert (error["type"], error["param"], error["code"]) == ("invalid_request_error", param, code)
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["x-request-id"].startswith("req_")


@pytest.mark.parametrize(
    ("image", "code"),
    [
        (b"this is no image", "invalid_image"),
        (picture()[:-20], "invalid_image"),
    ],
)
def test_a_broken_input_image_is_refused(client: httpx2.Client, image: bytes, code: str) -> None:
    files = {"image": ("source.png", image, "image/png")}
    answer = client.post("/v1/images/edits", files=files, data={"prompt": "x"})
    assert answer.status_code == 400
    assert (answer.json()["error"]["param"], answer.json()["error"]["code"]) == ("image", code)


NOT_PUBLIC = "its host's address is not a public one"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://localhost/a.png", NOT_PUBLIC),
        ("http://[::1]/a.png", NOT_PUBLIC),
        ("http://[::ffff:127.0.0.1]/a.png", NOT_PUBLIC),
        ("http://[64:ff9b::7f00:1]/a.png", NOT_PUBLIC),
        ("http://169.254.169.254/", NOT_PUBLIC),
        ("http://224.0.0.1/a.png", NOT_PUBLIC),
        ("http://2130706433/a.png", NOT_PUBLIC),
        ("http://0x7f.1/a.png", NOT_PUBLIC),
        ("http://1.1.1.1:22/a.png", "its port is not allowed"),
        ("http://user:secret@1.1.1.1/a.png", "it holds a user name or password"),
        ("ftp://1.1.1.1/a.png", "its scheme is neither http nor https"),
    ],
)
def test_an_image_at_an_address_that_is_not_public_is_not_fetched(client: httpx2.Client, url: str, reason: str) -> None:
    answer = client.post("/v1/images/edits", json={"prompt": "x", "image": url})
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert (error["code"], error["param"]) == ("invalid_image_url", "image")
    assert reason in error["message"]
    assert "secret" not in error["message"]


def test_paths_and_methods_that_are_not_there(client: httpx2.Client) -> None:
    missing = client.get("/v1/nothing")
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "not_found")
    for method in ("GET", "PROPFIND"):
        wrong = client.request(method, "/v1/images/generations")
        assert (wrong.status_code, wrong.json()["error"]["code"]) == (405, "method_not_allowed")
    gone = client.get("/images/0123456789012345678901.png")
    assert (gone.status_code, gone.json()["error"]["code"]) == (404, "not_found")
