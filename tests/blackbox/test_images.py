"""Images on both runtimes: OpenAI's SDK where it has the call, plain HTTP for the rest."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest

from tests.blackbox.pictures import opened, picture, without_time

if TYPE_CHECKING:
    import httpx2
    from openai import OpenAI

    from tests.blackbox.conftest import Home

JSON_BASE64 = "@cf/black-forest-labs/flux-1-schnell"
RAW_BYTES = "@cf/lykon/dreamshaper-8-lcm"
MULTIPART = "@cf/black-forest-labs/flux-2-klein-4b"
REPEATABLE = "@cf/black-forest-labs/flux-2-klein-9b"
"""Was seen to give the same image for the same seed."""


@pytest.mark.parametrize("model", [JSON_BASE64, RAW_BYTES, MULTIPART])
def test_each_wire_gives_an_image_of_the_size_asked_for(openai: OpenAI, model: str) -> None:
    answer = openai.images.generate(prompt="a red barn", model=model, size="512x512", response_format="b64_json")
    assert answer.data is not None
    assert opened(answer.data[0].b64_json).size == (512, 512)
    assert answer.data[0].url is None


def test_a_size_that_no_model_renders_is_delivered_all_the_same(openai: OpenAI) -> None:
    answer = openai.images.generate(
        prompt="a lake",
        model=MULTIPART,
        size="500x300",
        response_format="b64_json",
    )
    assert answer.data is not None
    assert opened(answer.data[0].b64_json).size == (500, 300)


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp"])
def test_the_output_format_is_the_one_asked_for(client: httpx2.Client, kind: str) -> None:
    fields = {"prompt": "a lake", "model": MULTIPART, "size": "256x256", "seed": 1, "response_format": "b64_json"}
    answer = client.post("/v1/images/generations", json=fields | {"output_format": kind}).json()
    assert answer["output_format"] == kind
    assert (opened(answer["data"][0]["b64_json"]).format or "").lower() == kind


def test_several_images_differ_and_tell_their_seeds(client: httpx2.Client) -> None:
    fields = {"prompt": "a fox", "model": MULTIPART, "size": "256x256", "n": 3, "seed": 7}
    answer = client.post("/v1/images/generations", json=fields | {"response_format": "b64_json"})
    items = answer.json()["data"]
    assert [item["seed"] for item in items] == [7, 8, 9]
    assert len({without_time(base64.b64decode(item["b64_json"])) for item in items}) == 3
    assert answer.headers["x-image-model"] == MULTIPART
    assert answer.headers["x-image-backend"] == "workers-ai"
    assert float(answer.headers["x-image-neurons"]) > 0


def test_a_stored_image_is_the_very_file_that_base64_gives(client: httpx2.Client, home: Home) -> None:
    fields = {"prompt": "a fox", "model": REPEATABLE, "size": "256x256", "seed": 11}
    direct = client.post("/v1/images/generations", json=fields | {"response_format": "b64_json"}).json()
    url = client.post("/v1/images/generations", json=fields | {"response_format": "url"}).json()["data"][0]["url"]
    assert url.startswith(f"{home.origin}/images/")
    # A browser's <img> sends no key.
    stored = client.get(url, headers={"authorization": ""})
    assert stored.headers["content-type"] == "image/jpeg"
    assert without_time(stored.content) == without_time(base64.b64decode(direct["data"][0]["b64_json"]))


def test_a_stored_image_comes_in_parts_and_not_twice(client: httpx2.Client) -> None:
    fields = {"prompt": "a fox", "model": MULTIPART, "size": "256x256", "response_format": "url"}
    url = client.post("/v1/images/generations", json=fields).json()["data"][0]["url"]
    whole = client.get(url)
    size = len(whole.content)
    first = client.get(url, headers={"range": "bytes=0-999"})
    rest = client.get(url, headers={"range": "bytes=1000-"})
    assert (first.status_code, rest.status_code) == (206, 206)
    assert first.headers["content-range"] == f"bytes 0-999/{size}"
    assert first.content + rest.content == whole.content
    assert client.get(url, headers={"range": f"bytes={size}-"}).status_code == 416
    again = client.get(url, headers={"if-none-match": whole.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    head = client.head(url)
    assert (head.status_code, head.content) == (200, b"")
    lengths = [answer.headers["content-length"] for answer in (whole, head, first, rest)]
    assert lengths == [str(length) for length in (size, size, 1000, size - 1000)]


def test_a_prompt_of_great_length_is_stored_with_its_image(client: httpx2.Client) -> None:
    prompt = f"a forest, {'Föhre' * 2_000}"
    fields = {"prompt": prompt, "model": MULTIPART, "size": "256x256", "response_format": "url"}
    answer = client.post("/v1/images/generations", json=fields)
    assert answer.status_code == 200, answer.text
    assert opened(client.get(answer.json()["data"][0]["url"]).content).size == (256, 256)


def test_an_edit_follows_its_reference(openai: OpenAI) -> None:
    answer = openai.images.edit(
        image=("source.png", picture()), prompt="in the snow", model=MULTIPART, response_format="b64_json"
    )
    assert answer.data is not None
    assert opened(answer.data[0].b64_json).size == (320, 256)


def test_an_edit_in_json_takes_a_data_url(client: httpx2.Client) -> None:
    source = f"data:image/jpeg;base64,{base64.b64encode(picture(kind='JPEG')).decode()}"
    fields = {"image": source, "prompt": "at night", "model": MULTIPART, "response_format": "b64_json"}
    answer = client.post("/v1/images/edits", json=fields)
    assert answer.status_code == 200, answer.text
    assert opened(answer.json()["data"][0]["b64_json"]).size == (320, 256)


def test_an_earlier_result_can_be_edited_by_its_key(client: httpx2.Client) -> None:
    fields = {"prompt": "a fox", "model": MULTIPART, "size": "256x256", "response_format": "url"}
    key = client.post("/v1/images/generations", json=fields).json()["data"][0]["url"].rsplit("/", 1)[1]
    edit = {"image": f"image://{key}", "prompt": "in the snow", "model": MULTIPART, "response_format": "b64_json"}
    answer = client.post("/v1/images/edits", json=edit)
    assert answer.status_code == 200, answer.text
    assert opened(answer.json()["data"][0]["b64_json"]).size == (256, 256)


def test_a_refused_edit_is_made_by_another_model_with_a_warning(client: httpx2.Client) -> None:
    files = {"image": ("source.png", picture((512, 512)), "image/png")}
    data = {"prompt": "in the snow", "model": RAW_BYTES, "response_format": "b64_json"}
    answer = client.post("/v1/images/edits", files=files, data=data)
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-image-model"] == MULTIPART
    assert any("dreamshaper-8-lcm" in warning for warning in answer.json()["warnings"])


def test_variations_have_the_size_of_their_image_and_seeds_of_their_own(client: httpx2.Client) -> None:
    files = {"image": ("source.png", picture(), "image/png")}
    data = {"model": MULTIPART, "n": "2", "response_format": "b64_json"}
    answer = client.post("/v1/images/variations", files=files, data=data)
    assert answer.status_code == 200, answer.text
    first, second = answer.json()["data"]
    assert opened(first["b64_json"]).size == opened(second["b64_json"]).size == (320, 256)
    assert first["seed"] != second["seed"]


def test_a_variation_is_made_with_the_sdk(openai: OpenAI) -> None:
    with pytest.warns(DeprecationWarning, match="deprecated"):
        answer = openai.images.create_variation(image=("source.png", picture()), response_format="b64_json")
    assert answer.data is not None
    assert opened(answer.data[0].b64_json).size == (320, 256)


def test_a_stream_ends_with_the_image(openai: OpenAI) -> None:
    events = list(
        openai.images.generate(prompt="a lake", model="gpt-image-1", size="1024x1024", stream=True, partial_images=1)
    )
    assert events[-1].type == "image_generation.completed"
    assert opened(events[-1].b64_json).size == (1024, 1024)


def test_a_stream_is_made_of_server_sent_events(client: httpx2.Client) -> None:
    fields = {"prompt": "a lake", "model": MULTIPART, "size": "256x256", "stream": True}
    with client.stream("POST", "/v1/images/generations", json=fields) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = [line for line in answer.iter_lines() if line]
    kind, data = lines[0], lines[1]
    assert kind == "event: image_generation.completed"
    assert json.loads(data.removeprefix("data: "))["output_format"] == "jpeg"
