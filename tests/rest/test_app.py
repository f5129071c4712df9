"""The REST API on a real port: routes, headers, keys, files, streams."""

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
from cloudflare_image_mcp.rest.server import build_app
from cloudflare_image_mcp.settings import Settings
from tests.live import gateway, serving
from tests.rest.pictures import mask, picture
from tests.waiting import LONGEST

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SMALL = {"prompt": "a red apple", "size": "256x256", "seed": 1}


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with gateway(tmp_path_factory.mktemp("images")) as origin:
        yield origin


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    settings = Settings.read({"IMAGE_STORAGE_URL": "memory:", "IMAGE_BACKEND": "local", "API_KEYS": "one, My API Key"})
    with serving(build_app(settings)) as origin:
        yield origin


def generate(origin: str, **fields: Any) -> requests.Response:
    return requests.post(f"{origin}/v1/images/generations", json=SMALL | fields, timeout=LONGEST)


def opened(data: bytes) -> PillowImage.Image:
    image = PillowImage.open(io.BytesIO(data))
    image.load()
    return image


# Models


def test_the_list_has_the_catalogue_first_and_then_openais_names(origin: str) -> None:
    listed = requests.get(f"{origin}/v1/models", timeout=LONGEST).json()
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
    model = requests.get(origin + prefix + written, timeout=LONGEST).json()
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
    assert model["price"] is None, "the embedded engine bills nothing"


def test_openais_names_say_what_they_stand_for(origin: str) -> None:
    alias = requests.get(f"{origin}/v1/models/gpt-image-1", timeout=LONGEST).json()
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
    data = requests.get(item["url"], timeout=LONGEST).content if form == "url" else base64.b64decode(item["b64_json"])
    assert opened(data).size == (256, 256)


def test_the_answer_says_what_really_happened(origin: str) -> None:
    answer = generate(origin, n=2, seed=0, output_format="webp", strength=0.5)
    body = answer.json()
    assert [item["seed"] for item in body["data"]] == [0, 1]
    assert body["size"] == "256x256"
    assert body["output_format"] == "webp"
    assert body["warnings"] == ["strength has no meaning without an input image and was ignored"]
    assert body["data"][0]["revised_prompt"] == "a red apple"
    assert answer.headers["x-image-model"] == body["model"] == "illustrator"
    assert "requested_model" not in body
    assert answer.headers["x-image-backend"] == "local"
    assert re.fullmatch(r"req_[\w-]{22}", answer.headers["x-request-id"])
    assert {"input", "backend", "finish", "store"} == set(re.findall(r"(\w+);dur", answer.headers["server-timing"]))
    assert "usage" not in body


@pytest.mark.parametrize("path", ["/images/generations", "/openai/deployments/flux-1-schnell/images/generations"])
def test_other_paths_lead_to_the_same_place(origin: str, path: str) -> None:
    answer = requests.post(f"{origin}{path}?api-version=2025-04-01", json=SMALL, timeout=LONGEST)
    assert answer.status_code == 200


def test_azures_path_names_the_model(origin: str) -> None:
    path = "/openai/deployments/@cf/leonardo/phoenix-1.0/images/generations"
    for nothing in ({}, {"model": None}, {"model": ""}):
        answer = requests.post(origin + path, json=SMALL | nothing, timeout=LONGEST)
        assert answer.json()["requested_model"] == "@cf/leonardo/phoenix-1.0"


@pytest.mark.parametrize(
    "content_type", ["application/json", "application/x-www-form-urlencoded", "text/plain;charset=UTF-8"]
)
def test_json_is_read_as_json_under_the_types_of_curl_and_fetch(origin: str, content_type: str) -> None:
    data = json.dumps(SMALL | {"seed": 3}).encode()
    answer = requests.post(
        f"{origin}/v1/images/generations", data=data, headers={"content-type": content_type}, timeout=LONGEST
    )
    assert answer.json()["data"][0]["seed"] == 3, answer.text


def test_a_form_of_text_fields_is_read(origin: str) -> None:
    answer = requests.post(f"{origin}/v1/images/generations", data=SMALL | {"seed": "3"}, timeout=LONGEST)
    assert answer.json()["data"][0]["seed"] == 3, answer.text


def test_an_image_for_generating_is_ignored_with_a_warning(origin: str) -> None:
    body = generate(origin, image="no image at all", mask=None, model="stable-diffusion-xl-base-1.0").json()
    assert body["warnings"] == ["image was ignored: generating takes no image; an edit does"]
    assert body["model"] == "illustrator"
    assert body["requested_model"] == "stable-diffusion-xl-base-1.0"


def test_flags_in_the_prompt_count(origin: str) -> None:
    body = requests.post(
        f"{origin}/v1/images/generations", json={"prompt": "a red apple --size=320x256 --seed 9"}, timeout=LONGEST
    ).json()
    assert (body["size"], body["data"][0]["seed"]) == ("320x256", 9)
    assert body["data"][0]["revised_prompt"] == "a red apple"


@pytest.mark.parametrize(("fields", "form"), [({}, "PNG"), ({"output_format": "webp"}, "WEBP")])
def test_a_transparent_background_is_real_alpha(origin: str, fields: dict[str, Any], form: str) -> None:
    body = generate(origin, background="transparent", response_format="b64_json", **fields).json()
    assert (body["background"], body.get("warnings", [])) == ("transparent", [])
    picture = opened(base64.b64decode(body["data"][0]["b64_json"]))
    assert (picture.format, picture.mode) == (form, "RGBA")
    assert picture.getchannel("A").getextrema() == (0, 255)


def test_a_transparent_jpeg_is_refused(origin: str) -> None:
    answer = generate(origin, background="transparent", output_format="jpeg")
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "output_format")
    assert "background transparent needs png or webp" in answer.json()["error"]["message"]


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
        requests.post(f"{origin}/v1/images/edits", json=fields | text, timeout=LONGEST),
        requests.post(
            f"{origin}/v1/images/edits",
            json=fields | {"images": [urls["image"]], "mask": urls["mask"]},
            timeout=LONGEST,
        ),
        requests.post(
            f"{origin}/v1/images/edits",
            data=fields,
            files=[("image", ("a.png", image)), ("mask", ("m.png", hole))],
            timeout=LONGEST,
        ),
        requests.post(
            f"{origin}/v1/images/edits",
            data=fields,
            files=[("mask", ("m.png", hole)), ("image[]", ("a.png", image)), ("image[]", ("b.png", image))],
            timeout=LONGEST,
        ),
    ]
    for answer in answers:
        assert answer.status_code == 200, answer.text[:500]
        edited = opened(base64.b64decode(answer.json()["data"][0]["b64_json"])).convert("RGB")
        assert edited.size == (320, 256)
        kept = edited.crop((160, 0, 320, 256))
        assert kept.getcolors() == [(160 * 256, (200, 40, 40))]
        assert edited.crop((0, 0, 160, 256)).getcolors() != [(160 * 256, (200, 40, 40))]


@pytest.mark.parametrize(
    "headers",
    [
        b'Content-Disposition: form-data; name="image"; filename="upload"',
        b"content-disposition: form-data; name=image; filename=upload",
        b'Content-Disposition: form-data; name="image[0]"; filename="a\\"b;c.png"\r\nContent-Type: text/plain',
        b'Content-Disposition: form-data; name="image"\r\nContent-Type: image/png',
        (
            b"Content-Disposition: form-data; name=\"image\"; filename*=UTF-8''na%C3%AFve.png\r\n"
            b"Content-Type: application/octet-stream"
        ),
        b'Content-Disposition: form-data; name="input_image_0"; filename="upload"',
    ],
)
def test_a_file_is_known_however_it_is_announced(origin: str, headers: bytes) -> None:
    body = b"--b\r\n" + headers + b"\r\n\r\n" + picture(300, 280) + b"\r\n--b--\r\n"
    kind = {"content-type": "multipart/form-data; boundary=b"}
    answer = requests.post(f"{origin}/v1/images/variations", data=body, headers=kind, timeout=LONGEST)
    assert answer.json().get("size") == "300x280", answer.text


@pytest.mark.parametrize(("alpha", "expected"), [(120, "transparent"), (255, "opaque")])
def test_the_background_is_called_what_it_is(origin: str, alpha: int, expected: str) -> None:
    files = [
        ("image", ("a.png", picture(300, 280, mode="RGBA", colour=(9, 9, 9, alpha)))),
        ("mask", ("m.png", mask(300, 280))),
    ]
    fields = {"prompt": "a star", "response_format": "b64_json"}
    body = requests.post(f"{origin}/v1/images/edits", data=fields, files=files, timeout=LONGEST).json()
    edited = opened(base64.b64decode(body["data"][0]["b64_json"]))
    assert (body["background"], edited.mode) == (expected, "RGBA" if expected == "transparent" else "RGB")
    assert edited.convert("RGBA").getpixel((299, 100)) == (9, 9, 9, alpha)


def test_variations_need_no_prompt(origin: str) -> None:
    answer = requests.post(
        f"{origin}/v1/images/variations",
        data={"n": "2", "size": "256x256", "model": "dall-e-2"},
        files={"image": ("a.png", picture(256, 256))},
        timeout=LONGEST,
    )
    assert answer.status_code == 200, answer.text
    files = [requests.get(item["url"], timeout=LONGEST).content for item in answer.json()["data"]]
    assert len(set(files)) == 2
    assert answer.headers["x-image-model"] == "illustrator"


# Stored images


def test_stored_images_answer_whole_and_in_part(origin: str) -> None:
    url = generate(origin).json()["data"][0]["url"]
    whole = requests.get(url, timeout=LONGEST)
    size = len(whole.content)
    assert re.fullmatch(rf"{re.escape(origin)}/images/[\w-]{{22}}\.png", url)
    assert whole.headers["content-type"] == "image/png"
    assert whole.headers["x-content-type-options"] == "nosniff"

    def part(span: str, **headers: str) -> requests.Response:
        return requests.get(url, headers={"range": span, **headers}, timeout=LONGEST)

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
    assert beyond.headers["content-range"] == f"bytes */{size}"
    assert part(f"bytes={'1' * 5000}-").content == whole.content
    assert part("Bytes=0-3").content == whole.content[:4]
    head = requests.head(url, timeout=LONGEST)
    assert (head.status_code, head.headers["content-length"], head.content) == (200, str(size), b"")
    head = requests.head(url, headers={"range": "bytes=0-3"}, timeout=LONGEST)
    assert (head.status_code, head.headers["content-length"]) == (200, str(size))
    known = requests.get(url, headers={"if-none-match": whole.headers["etag"]}, timeout=LONGEST)
    assert (known.status_code, known.content) == (304, b"")


@pytest.mark.parametrize(("hours", "least", "most"), [("0", 86400, 86400), ("1", 3000, 3600), ("48", 86400, 86400)])
def test_caches_keep_an_image_no_longer_than_the_store(tmp_path: Path, hours: str, least: int, most: int) -> None:
    with gateway(tmp_path, IMAGE_EXPIRY_HOURS=hours) as origin:
        stored = requests.get(generate(origin).json()["data"][0]["url"], timeout=LONGEST)
    age = re.fullmatch(r"public, max-age=(\d+), immutable", stored.headers["cache-control"])
    assert age
    assert least <= int(age[1]) <= most


def test_an_image_that_cannot_be_stored_is_handed_out_itself(tmp_path: Path) -> None:
    with gateway(tmp_path / "images") as origin:
        (tmp_path / "images").rmdir()
        body = generate(origin, n=2).json()
    assert [set(image) for image in body["data"]] == [{"b64_json", "revised_prompt", "seed"}] * 2
    assert opened(base64.b64decode(body["data"][1]["b64_json"])).size == (256, 256)
    (warning,) = body["warnings"]
    assert "not stored" in warning
    assert str(tmp_path) not in warning


def test_an_image_is_edited_by_the_url_that_was_handed_out(origin: str) -> None:
    """Which is this machine's own address, and nothing is fetched from there."""
    url = generate(origin).json()["data"][0]["url"]
    elsewhere = "https://images.example.com/gateway/images/" + url.rpartition("/")[2] + "?download=1"
    for image in (url, elsewhere):
        fields = {"prompt": "a red apple", "images": [{"image_url": image}], "seed": 1}
        answer = requests.post(f"{origin}/v1/images/edits", json=fields, timeout=LONGEST)
        assert answer.json().get("size") == "256x256", answer.text
    gone = url.replace(url.rpartition("/")[2], "a" * 22 + ".png")
    answer = requests.post(f"{origin}/v1/images/variations", json={"image": gone}, timeout=LONGEST)
    assert answer.json()["error"]["code"] == "invalid_image_url"


@pytest.mark.parametrize(("kind", "extension"), [("png", "png"), ("jpeg", "jpg"), ("webp", "webp")])
def test_names_have_the_right_extension(origin: str, kind: str, extension: str) -> None:
    url = generate(origin, output_format=kind).json()["data"][0]["url"]
    assert url.endswith(f".{extension}")
    assert requests.get(url, timeout=LONGEST).headers["content-type"] == f"image/{kind}"


@pytest.mark.parametrize(
    ("proto", "host", "expected"),
    [
        ("https", "images.example.com", "https://images.example.com"),
        ("HTTPS, http", "images.example.com:8443, inner", "https://images.example.com:8443"),
        ("", "", "{origin}"),
        ("javascript", "", "{origin}"),
    ],
)
def test_urls_are_those_under_which_the_client_came(origin: str, proto: str, host: str, expected: str) -> None:
    headers = {"x-forwarded-proto": proto, "x-forwarded-host": host}
    body = requests.post(f"{origin}/v1/images/generations", json=SMALL, headers=headers, timeout=LONGEST).json()
    assert body["data"][0]["url"].startswith(f"{expected.format(origin=origin)}/images/")


# CORS and keys


def test_every_answer_has_the_documents_cors_headers(origin: str) -> None:
    for answer in (
        requests.get(f"{origin}/v1/models", timeout=LONGEST),
        requests.get(f"{origin}/nowhere", timeout=LONGEST),
        requests.options(f"{origin}/v1/images/generations", timeout=LONGEST),
    ):
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["access-control-allow-methods"] == "GET, POST, OPTIONS"
        assert answer.headers["access-control-allow-headers"] == "Content-Type, Authorization"
    assert requests.options(f"{origin}/v1/images/generations", timeout=LONGEST).status_code == 204


def test_a_page_may_read_every_header_that_is_the_gateways_own(origin: str) -> None:
    made = requests.post(f"{origin}/v1/images/generations", json=SMALL, timeout=LONGEST)
    refused = requests.post(f"{origin}/v1/images/generations", json={}, timeout=LONGEST)
    assert (made.status_code, refused.status_code) == (200, 400)
    for answer in (made, refused):
        exposed = {name.strip().lower() for name in answer.headers["access-control-expose-headers"].split(",")}
        own = {name for name in map(str.lower, answer.headers) if name.startswith("x-") or name == "server-timing"}
        assert own
        assert own <= exposed


def test_a_preflight_is_allowed_what_it_asks_for(origin: str) -> None:
    asked = "authorization,content-type,x-stainless-lang, bad\theader"
    answer = requests.options(
        f"{origin}/v1/images/generations", headers={"access-control-request-headers": asked}, timeout=LONGEST
    )
    assert answer.headers["access-control-allow-headers"] == "Content-Type, Authorization, x-stainless-lang"


@pytest.mark.parametrize("key", ["one", "My API Key"])
def test_a_known_key_opens(guarded: str, key: str) -> None:
    answer = requests.get(f"{guarded}/v1/models", headers={"authorization": f"Bearer {key}"}, timeout=LONGEST)
    assert answer.status_code == 200


def test_a_key_of_other_bytes_is_refused(guarded: str) -> None:
    for encoding in ("utf-8", "latin-1"):
        headers = {"authorization": "Bearer clé".encode(encoding)}
        assert requests.get(f"{guarded}/v1/models", headers=headers, timeout=LONGEST).status_code == 401


def test_azures_header_for_the_key_is_known(guarded: str) -> None:
    for key, status in (("My API Key", 200), ("two", 401), ("", 401)):
        assert requests.get(f"{guarded}/v1/models", headers={"api-key": key}, timeout=LONGEST).status_code == status


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer two", "Basic one", "one", "Bearer one two"])
@pytest.mark.parametrize("path", ["/v1/models", "/docs", "/openapi.json", "/nowhere"])
def test_no_key_or_another_is_refused(guarded: str, header: str | None, path: str) -> None:
    headers = {} if header is None else {"authorization": header}
    answer = requests.get(guarded + path, headers=headers, timeout=LONGEST)
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "invalid_api_key"
    assert answer.headers["access-control-allow-origin"] == "*"


def test_health_and_images_are_open_and_posting_is_not(guarded: str) -> None:
    assert requests.get(f"{guarded}/health", timeout=LONGEST).json()["status"] == "ok"
    assert requests.head(f"{guarded}/health", timeout=LONGEST).status_code == 200
    key = {"authorization": "Bearer one"}
    url = requests.post(f"{guarded}/v1/images/generations", json=SMALL, headers=key, timeout=LONGEST).json()["data"][0][
        "url"
    ]
    assert requests.get(url, timeout=LONGEST).status_code == 200
    assert requests.post(f"{guarded}/images/generations", json=SMALL, timeout=LONGEST).status_code == 401


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


def test_a_stream_that_asks_for_a_url_stores_its_images(origin: str) -> None:
    (completed,) = events(generate(origin, stream=True, response_format="url"))
    stored = requests.get(completed["url"], timeout=LONGEST)
    assert stored.content == base64.b64decode(completed["b64_json"])
    (plain,) = events(generate(origin, stream=True))
    assert "url" not in plain


def test_a_stream_that_cannot_begin_is_an_ordinary_error(origin: str) -> None:
    answer = generate(origin, stream=True, steps=99)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "steps")


def test_the_description_is_served(origin: str) -> None:
    description = requests.get(f"{origin}/openapi.json", timeout=LONGEST).json()
    assert {"/v1/images/generations", "/v1/images/edits", "/v1/images/variations", "/v1/models"} <= set(
        description["paths"]
    )
    for path in ("/", "/docs"):
        page = requests.get(f"{origin}{path}", timeout=LONGEST)
        assert (page.status_code, page.url) == (200, f"{origin}{path}")
        assert "<html" in page.text
