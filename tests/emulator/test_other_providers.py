"""The emulator's part of other providers' models: calls, the account's catalogue, images that expire."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import pytest
from PIL import Image

from cloudflare_image_mcp.catalog import proxied_models
from tests.emulator.calling import CurlAnswer, curl, emulating
from tests.rest.pictures import picture

RECRAFT = "recraft/recraftv4"


def call(address: str, body: Any, *arguments: str) -> CurlAnswer:
    url = f"{address}/client/v4/accounts/demo/ai/run"
    data = body if isinstance(body, str) else json.dumps(body)
    return curl(url, "-H", "Authorization: Bearer demo", *arguments, "--data-binary", "@-", stdin=data.encode())


def listed(address: str, query: str = "") -> Any:
    url = f"{address}/client/v4/accounts/demo/ai/catalog/models{query}"
    return curl(url, "-H", "Authorization: Bearer demo").json


def test_an_image_is_hosted_under_a_url_of_its_own(live: str) -> None:
    answer = call(live, {"model": RECRAFT, "input": {"prompt": "a fox", "size": "1024x1024"}})
    assert answer.status == 200
    assert answer.json["result"]["state"] == "Completed"
    hosted = curl(answer.json["result"]["result"]["image"])
    assert hosted.headers["content-type"] == "image/webp"
    assert Image.open(io.BytesIO(hosted.body)).size == (1024, 1024)


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"model": RECRAFT, "input": {"prompt": "a fox", "seed": 1}}, 400, "unevaluated properties '/seed'"),
        ({"model": RECRAFT, "input": {}}, 400, "required properties at '/' are 'prompt'"),
        ({"model": RECRAFT, "input": {"prompt": "a fox", "size": "7x7"}}, 400, "must be one of"),
        ({"model": RECRAFT, "input": {"prompt": 7}}, 400, "Type mismatch"),
        ({"model": RECRAFT, "input": {"prompt": "gore"}}, 400, "safety system"),
        ({"model": "acme/none", "input": {"prompt": "a fox"}}, 400, "No such model"),
        ({"input": {"prompt": "a fox"}}, 400, "missing"),
        ("no JSON", 400, "missing"),
        ({"model": "openai/gpt-image-2", "input": {"prompt": "x", "images": ["https://a.b/c"]}}, 400, "data: URLs"),
    ],
)
def test_what_the_schema_does_not_allow_is_refused(live: str, body: Any, status: int, words: str) -> None:
    answer = call(live, body)
    assert answer.status == status
    assert words in answer.error["message"]


def test_a_gateway_that_does_not_exist_is_refused(live: str) -> None:
    answer = call(live, {"model": RECRAFT, "input": {"prompt": "a fox"}}, "-H", "cf-aig-gateway-id: none")
    assert (answer.status, answer.error["code"]) == (400, 2001)


def test_the_catalogue_comes_page_by_page_with_a_text_model_in_it(live: str) -> None:
    first, second = listed(live, "?page=1&per_page=30"), listed(live, "?page=2&per_page=30")
    names = [row["id"] for row in first["result"] + second["result"]]
    assert set(proxied_models()) < set(names)
    assert len(first["result"]) == 30
    assert first["result_info"]["total_count"] == len(names)
    schema = curl(
        f"{live}/client/v4/accounts/demo/ai/catalog/models/{RECRAFT}/schema", "-H", "Authorization: Bearer demo"
    ).json["result"]
    assert schema["input"]["additionalProperties"] is False
    assert set(schema["input"]["properties"]) == {"prompt", "size"}


def test_a_model_that_is_added_is_called_by_its_schema() -> None:
    schema = {"input": {"type": "object", "properties": {"prompt": {"type": "string"}}, "additionalProperties": False}}
    with emulating() as address:
        refused = curl(f"{address}/emulator/models/acme/brush", "-X", "PUT", "-d", "{}")
        curl(f"{address}/emulator/models/acme/brush", "-X", "PUT", "-d", json.dumps(schema))
        made = call(address, {"model": "acme/brush", "input": {"prompt": "a fox"}})
        extra = call(address, {"model": "acme/brush", "input": {"prompt": "a fox", "seed": 1}})
        names = [row["id"] for row in listed(address, "?per_page=100")["result"]]
    assert refused.status == 400
    assert (made.status, extra.status) == (200, 400)
    assert "acme/brush" in names


@pytest.mark.parametrize("name", ["reference_images", "image_input"])
def test_the_images_of_an_added_model_are_edited(name: str) -> None:
    fields = {"prompt": {"type": "string"}, name: {"type": "array", "items": {"type": "string"}}}
    source = base64.b64encode(picture(96, 64)).decode()
    with emulating() as address:
        added = json.dumps({"input": {"type": "object", "properties": fields}})
        curl(f"{address}/emulator/models/acme/brush", "-X", "PUT", "-d", added)
        answer = call(address, {"model": "acme/brush", "input": {"prompt": "a fox", name: [source]}})
        hosted = curl(answer.json["result"]["result"]["image"])
    assert Image.open(io.BytesIO(hosted.body)).size == (96, 64)


def test_an_expired_url_is_refused_by_its_host() -> None:
    with emulating(faults="expired:1") as address:
        answer = call(address, {"model": RECRAFT, "input": {"prompt": "a fox"}})
        hosted = curl(answer.json["result"]["result"]["image"])
    assert hosted.status == 403
    assert b"expired" in hosted.body
