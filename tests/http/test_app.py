"""The REST door on a real port: routes, headers, keys, files, streams."""

from __future__ import annotations

import base64
import io
import json
import re
from typing import TYPE_CHECKING, Any

import pytest
import requests
from PIL import Image as PillowImage

from cloudflare_image_mcp.catalog import models, openai_families
from cloudflare_image_mcp.http.server import build_app
from cloudflare_image_mcp.settings import Settings
from tests.http.pictures import mask, picture
from tests.live import serving

if TYPE_CHECKING:
    from collections.abc import Iterator

SMALL = {"prompt": "a red apple", "size": "256x256", "seed": 1}


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("app")
    settings = Settings.read({"IMAGE_STORAGE_URL": (folder / "images").as_uri(), "IMAGE_BACKEND": "local"})
    with serving(build_app(settings)) as origin:
        yield origin


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    settings = Settings.read({"IMAGE_STORAGE_URL": "memory:", "IMAGE_BACKEND": "local", "API_KEYS": "one, My API Key"})
    with serving(build_app(settings)) as origin:
        yield origin


def generate(origin: str, **fields: Any) -> requests.Response:
    return requests.post(f"{origin}/v1/images/generations", json=SMALL | fields, timeout=60)


def opened(data: bytes) -> PillowImage.Image:
    image = PillowImage.open(io.BytesIO(data))
    image.load()
    return image


# Models


def test_the_list_has_the_catalogue_first_and_then_openais_names(origin: str) -> None:
    listed = requests.get(f"{origin}/v1/models", timeout=10).json()
    names = [row["id"] for row in listed["data"]]
    aliases = [name for family in openai_families() for name in family.names]
    assert listed["object"] == "list"
    assert names == [*models(), *aliases]
    for row in listed["data"]:
        assert row["object"] == "model"
        assert {"created", "owned_by", "tasks", "parameters", "sizes", "price", "mask", "status"} <= set(row)
        assert row["backend"] == "local"


@pytest.mark.parametrize("prefix", ["/v1/models/", "/models/"])
@pytest.mark.parametrize(
    "written",
    [
        "@cf/black-forest-labs/flux-1-schnell",
        "@cf%2Fblack-forest-labs%2Fflux-1-schnell",
        "%40cf%2fblack-forest-labs%2fflux-1-schnell",
        "flux-1-schnell",
    ],
)
def test_a_model_is_found_with_its_slashes_raw_or_escaped(origin: str, prefix: str, written: str) -> None:
    model = requests.get(origin + prefix + written, timeout=10).json()
    assert model["id"] == "@cf/black-forest-labs/flux-1-schnell"
    assert model["owned_by"] == "black-forest-labs"
    assert model["parameters"]["steps"] == {
        "type": "integer",
        "minimum": 1,
        "maximum": 8,
        "default": 4,
        "supported": True,
    }
    assert model["sizes"] == ["512x512", "768x768", "1024x1024"]
    assert model["price"]["neurons"] == 172.8


def test_openais_names_say_what_they_stand_for(origin: str) -> None:
    alias = requests.get(f"{origin}/v1/models/gpt-image-1", timeout=10).json()
    assert alias["id"] == "gpt-image-1"
    assert alias["alias_of"] == "@cf/black-forest-labs/flux-1-schnell"
    assert alias["edit_alias_of"] == "@cf/black-forest-labs/flux-2-klein-4b"


# Which form an image comes back in


@pytest.mark.parametrize(
    ("fields", "form"),
    [
        ({}, "url"),
        ({"response_format": None}, "url"),
        ({"response_format": "b64_json"}, "b64_json"),
        ({"model": "gpt-image-1"}, "b64_json"),
        ({"model": "chatgpt-image-latest"}, "b64_json"),
        ({"model": "gpt-image-1", "response_format": "url"}, "url"),
        ({"model": "dall-e-3"}, "url"),
        ({"model": "dall-e-3", "response_format": "b64_json"}, "b64_json"),
    ],
)
def test_exactly_one_form_comes_back(origin: str, fields: dict[str, Any], form: str) -> None:
    item = generate(origin, **fields).json()["data"][0]
    assert {"url", "b64_json"} & set(item) == {form}
    data = requests.get(item["url"], timeout=10).content if form == "url" else base64.b64decode(item["b64_json"])
    assert opened(data).size == (256, 256)


def test_the_answer_says_what_really_happened(origin: str) -> None:
    answer = generate(origin, n=2, seed=0, output_format="webp", background="transparent")
    body = answer.json()
    assert [item["seed"] for item in body["data"]] == [0, 1]
    assert body["size"] == "256x256"
    assert body["output_format"] == "webp"
    assert body["warnings"] == ["background is not supported and was ignored"]
    assert body["data"][0]["revised_prompt"] == "a red apple"
    assert answer.headers["x-image-model"] == "@cf/black-forest-labs/flux-1-schnell"
    assert answer.headers["x-image-backend"] == "local"
    assert re.fullmatch(r"req_[\w-]{22}", answer.headers["x-request-id"])
    assert {"input", "backend", "finish", "store"} == set(re.findall(r"(\w+);dur", answer.headers["server-timing"]))
    assert "usage" not in body


@pytest.mark.parametrize("path", ["/images/generations", "/openai/deployments/flux-1-schnell/images/generations"])
def test_other_paths_lead_to_the_same_place(origin: str, path: str) -> None:
    answer = requests.post(f"{origin}{path}?api-version=2025-04-01", json=SMALL, timeout=60)
    assert answer.status_code == 200


def test_azures_path_names_the_model(origin: str) -> None:
    path = "/openai/deployments/@cf/leonardo/phoenix-1.0/images/generations"
    answer = requests.post(origin + path, json=SMALL, timeout=60)
    assert answer.headers["x-image-model"] == "@cf/leonardo/phoenix-1.0"


def test_flags_in_the_prompt_count(origin: str) -> None:
    body = requests.post(
        f"{origin}/v1/images/generations", json={"prompt": "a red apple --size=320x256 --seed 9"}, timeout=60
    ).json()
    assert (body["size"], body["data"][0]["seed"]) == ("320x256", 9)
    assert body["data"][0]["revised_prompt"] == "a red apple"


def test_equal_requests_give_equal_bytes(origin: str) -> None:
    first, second = (generate(origin, response_format="b64_json").json()["data"][0]["b64_json"] for _ in range(2))
    assert opened(base64.b64decode(first)).tobytes() == opened(base64.b64decode(second)).tobytes()


# Edits and variations


def test_edits_come_as_json_and_as_forms(origin: str) -> None:
    image, hole = picture(320, 256), mask(320, 256)
    text = {"image": base64.b64encode(image).decode(), "mask": base64.b64encode(hole).decode()}
    fields = {"prompt": "a star", "model": "flux-2-klein-4b", "response_format": "b64_json"}
    urls = {name: {"image_url": f"data:image/png;base64,{value}"} for name, value in text.items()}
    answers = [
        requests.post(f"{origin}/v1/images/edits", json=fields | text, timeout=60),
        requests.post(
            f"{origin}/v1/images/edits", json=fields | {"images": [urls["image"]], "mask": urls["mask"]}, timeout=60
        ),
        requests.post(
            f"{origin}/v1/images/edits",
            data=fields,
            files=[("image", ("a.png", image)), ("mask", ("m.png", hole))],
            timeout=60,
        ),
        requests.post(
            f"{origin}/v1/images/edits",
            data=fields,
            files=[("mask", ("m.png", hole)), ("image[]", ("a.png", image)), ("image[]", ("b.png", image))],
            timeout=60,
        ),
    ]
    for answer in answers:
        assert answer.status_code == 200, answer.text[:500]
        edited = opened(base64.b64decode(answer.json()["data"][0]["b64_json"])).convert("RGB")
        assert edited.size == (320, 256)
        kept = edited.crop((160, 0, 320, 256))
        assert kept.getcolors() == [(160 * 256, (200, 40, 40))]
        assert edited.crop((0, 0, 160, 256)).getcolors() != [(160 * 256, (200, 40, 40))]


def test_variations_need_no_prompt(origin: str) -> None:
    answer = requests.post(
        f"{origin}/v1/images/variations",
        data={"n": "2", "size": "256x256", "model": "dall-e-2"},
        files={"image": ("a.png", picture(256, 256))},
        timeout=60,
    )
    assert answer.status_code == 200, answer.text
    files = [requests.get(item["url"], timeout=10).content for item in answer.json()["data"]]
    assert len(set(files)) == 2
    assert answer.headers["x-image-model"] == "@cf/black-forest-labs/flux-2-klein-4b"


# Stored images


def test_stored_images_answer_whole_and_in_part(origin: str) -> None:
    url = generate(origin).json()["data"][0]["url"]
    whole = requests.get(url, timeout=10)
    size = len(whole.content)
    assert re.fullmatch(rf"{re.escape(origin)}/images/[\w-]{{22}}\.png", url)
    assert whole.headers["content-type"] == "image/png"
    assert "immutable" in whole.headers["cache-control"]
    assert whole.headers["x-content-type-options"] == "nosniff"

    def part(span: str, **headers: str) -> requests.Response:
        return requests.get(url, headers={"range": span, **headers}, timeout=10)

    middle = part("bytes=10-19")
    assert (middle.status_code, middle.content) == (206, whole.content[10:20])
    assert middle.headers["content-range"] == f"bytes 10-19/{size}"
    assert part("bytes=-5").content == whole.content[-5:]
    assert part(f"bytes={size - 3}-").content == whole.content[-3:]
    assert part("bytes=0-999999999").content == whole.content
    assert part("bytes=1-2,5-6").status_code == 200
    assert part("bytes=0-3", **{"if-range": '"another"'}).status_code == 200
    beyond = part(f"bytes={size}-")
    assert (beyond.status_code, beyond.json()["error"]["code"]) == (416, "range_not_satisfiable")
    head = requests.head(url, timeout=10)
    assert (head.status_code, head.headers["content-length"], head.content) == (200, str(size), b"")
    known = requests.get(url, headers={"if-none-match": whole.headers["etag"]}, timeout=10)
    assert (known.status_code, known.content) == (304, b"")


@pytest.mark.parametrize(("kind", "extension"), [("png", "png"), ("jpeg", "jpg"), ("webp", "webp")])
def test_names_have_the_right_extension(origin: str, kind: str, extension: str) -> None:
    url = generate(origin, output_format=kind).json()["data"][0]["url"]
    assert url.endswith(f".{extension}")
    assert requests.get(url, timeout=10).headers["content-type"] == f"image/{kind}"


def test_urls_are_those_under_which_the_client_came(origin: str) -> None:
    headers = {"x-forwarded-proto": "https", "x-forwarded-host": "images.example.com"}
    body = requests.post(f"{origin}/v1/images/generations", json=SMALL, headers=headers, timeout=60).json()
    assert body["data"][0]["url"].startswith("https://images.example.com/images/")


# CORS and keys


def test_every_answer_has_the_documents_cors_headers(origin: str) -> None:
    for answer in (
        requests.get(f"{origin}/v1/models", timeout=10),
        requests.get(f"{origin}/nowhere", timeout=10),
        requests.options(f"{origin}/v1/images/generations", timeout=10),
    ):
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["access-control-allow-methods"] == "GET, POST, OPTIONS"
        assert answer.headers["access-control-allow-headers"] == "Content-Type, Authorization"
    assert requests.options(f"{origin}/v1/images/generations", timeout=10).status_code == 204


def test_a_preflight_is_allowed_what_it_asks_for(origin: str) -> None:
    asked = "authorization,content-type,x-stainless-lang, bad\theader"
    answer = requests.options(
        f"{origin}/v1/images/generations", headers={"access-control-request-headers": asked}, timeout=10
    )
    assert answer.headers["access-control-allow-headers"] == "Content-Type, Authorization, x-stainless-lang"


@pytest.mark.parametrize("key", ["one", "My API Key"])
def test_a_known_key_opens(guarded: str, key: str) -> None:
    answer = requests.get(f"{guarded}/v1/models", headers={"authorization": f"Bearer {key}"}, timeout=10)
    assert answer.status_code == 200


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer two", "Basic one", "one", "Bearer one two"])
@pytest.mark.parametrize("path", ["/v1/models", "/docs", "/openapi.json", "/nowhere"])
def test_no_key_or_another_is_refused(guarded: str, header: str | None, path: str) -> None:
    headers = {} if header is None else {"authorization": header}
    answer = requests.get(guarded + path, headers=headers, timeout=10)
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "invalid_api_key"
    assert answer.headers["access-control-allow-origin"] == "*"


def test_health_and_images_are_open_and_posting_is_not(guarded: str) -> None:
    assert requests.get(f"{guarded}/health", timeout=10).json()["status"] == "ok"
    key = {"authorization": "Bearer one"}
    url = requests.post(f"{guarded}/v1/images/generations", json=SMALL, headers=key, timeout=60).json()["data"][0][
        "url"
    ]
    assert requests.get(url, timeout=10).status_code == 200
    assert requests.post(f"{guarded}/images/generations", json=SMALL, timeout=60).status_code == 401


# Streams


def events(answer: requests.Response) -> list[dict[str, Any]]:
    found = []
    for frame in answer.content.decode().split("\n\n"):
        lines = dict(line.split(": ", 1) for line in frame.splitlines() if line and not line.startswith(":"))
        if lines.get("data", "[DONE]") != "[DONE]":
            data = json.loads(lines["data"])
            assert lines["event"] == data.get("type", "error")
            found.append(data)
    return found


def test_a_stream_ends_with_one_completed_event_an_image(origin: str) -> None:
    answer = generate(origin, stream=True, n=2, partial_images=0)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["x-accel-buffering"] == "no"
    completed = events(answer)
    assert [event["type"] for event in completed] == ["image_generation.completed"] * 2
    for event in completed:
        assert opened(base64.b64decode(event["b64_json"])).size == (256, 256)
        assert {"created_at", "size", "quality", "background", "output_format", "usage"} <= set(event)
    assert answer.content.endswith(b"data: [DONE]\n\n")


def test_a_stream_that_cannot_begin_is_an_ordinary_error(origin: str) -> None:
    answer = generate(origin, stream=True, steps=99)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "steps")


def test_the_description_is_served(origin: str) -> None:
    description = requests.get(f"{origin}/openapi.json", timeout=10).json()
    assert {"/v1/images/generations", "/v1/images/edits", "/v1/images/variations", "/v1/models"} <= set(
        description["paths"]
    )
    assert requests.get(f"{origin}/docs", timeout=10).status_code == 200
