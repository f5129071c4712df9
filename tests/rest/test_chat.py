"""Chat completions that make images, by OpenAI's SDK over a real server."""

from __future__ import annotations

import base64
import io
import json
import re
from typing import TYPE_CHECKING, Any

import openai
import pytest
import requests
from openai import OpenAI
from PIL import Image

from tests.live import gateway
from tests.waiting import LONGEST

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SIZE = {"size": "256x256"}
KLEIN = "@cf/black-forest-labs/flux-2-klein-4b"


@pytest.fixture
def client(server: str) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{server}/v1", api_key="none", max_retries=0, _strict_response_validation=True) as client:
        yield client


def chat_message(role: str, content: object, **more: Any) -> Any:
    return {"role": role, "content": content, **more}


def opened(data_url: str) -> Image.Image:
    head, data = data_url.split(",", 1)
    picture = Image.open(io.BytesIO(base64.b64decode(data, validate=True)))
    assert head == f"data:{picture.get_format_mimetype()};base64"
    picture.load()
    return picture


def linked(content: str | None) -> list[bytes]:
    """The images that the Markdown shows."""
    urls = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", content or "")
    return [requests.get(url, timeout=LONGEST).content for url in urls]


def test_the_last_user_message_becomes_an_image(client: OpenAI) -> None:
    messages = [
        chat_message("system", "You are a painter."),
        chat_message("user", "hello"),
        chat_message("assistant", "hi"),
        chat_message("user", "a red [apple]"),
    ]
    completion = client.chat.completions.create(model="gpt-image-1", messages=messages, extra_body=SIZE)
    (choice,) = completion.choices
    assert (completion.object, choice.finish_reason, choice.message.role) == ("chat.completion", "stop", "assistant")
    assert completion.usage is not None
    assert completion.usage.total_tokens == 0
    images = (choice.message.model_extra or {})["images"]
    assert [image["type"] for image in images] == ["image_url"]
    picture = opened(images[0]["image_url"]["url"])
    assert (picture.size, picture.format) == ((256, 256), "PNG")
    assert (choice.message.content or "").startswith("![a red apple](http")
    assert linked(choice.message.content) == [base64.b64decode(images[0]["image_url"]["url"].split(",")[1])]


def test_prompt_flags_and_parameters_of_images_work(client: OpenAI) -> None:
    completion = client.chat.completions.create(
        model="flux-2-dev",
        messages=[chat_message("user", [{"type": "text", "text": "a red apple --seed=5"}])],
        n=2,
        temperature=0.3,
        max_tokens=500,
        modalities=["text"],
        extra_body=SIZE | {"image_config": {"aspect_ratio": "1:1"}, "stepz": 3},
    )
    message = completion.choices[0].message
    assert len(linked(message.content)) == len((message.model_extra or {})["images"]) == 2
    assert (completion.model_extra or {})["warnings"] == [
        '"stepz" is not a known parameter and was ignored; did you mean steps?'
    ]


@pytest.mark.parametrize("kind", ["part", "Anthropic", "file", "images", "markdown", "stored"])
def test_a_picture_is_edited(client: OpenAI, server: str, kind: str) -> None:
    """The user's own, or that of the answer before."""
    made = client.images.generate(prompt="a blue boat", model=KLEIN, response_format="b64_json", extra_body=SIZE)
    assert made.data
    url = f"data:image/png;base64,{made.data[0].b64_json}"
    if kind == "stored":
        stored = client.images.generate(prompt="a blue boat", model=KLEIN, response_format="url", extra_body=SIZE)
        assert stored.data
        url = stored.data[0].url or ""
    part = {"type": "image_url", "image_url": {"url": url}}
    if kind == "Anthropic":
        part = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": url.split(",")[1]}}
    elif kind == "file":
        part = {"type": "file", "file": {"filename": "boat.png", "file_data": url}}
    own = kind in {"part", "Anthropic", "file"}
    before: list[Any] = {
        "images": [chat_message("user", "a boat"), chat_message("assistant", "here", images=[part])],
        "markdown": [chat_message("user", "a boat"), chat_message("assistant", f"Look: ![a boat]({url})")],
        "stored": [chat_message("user", "a boat"), chat_message("assistant", f"![a boat]({url})\n")],
    }.get(kind, [])
    text = {"type": "text", "text": "make it red"}
    messages = [*before, chat_message("user", [text, part] if own else "make it red")]
    answer = requests.post(
        f"{server}/v1/chat/completions", json={"model": KLEIN, "messages": messages}, timeout=LONGEST
    )
    assert answer.status_code == 200, answer.text[:500]
    message = answer.json()["choices"][0]["message"]
    assert opened(message["images"][0]["image_url"]["url"]).size == (256, 256)
    (file,) = linked(message["content"])
    assert b"compositeWithTrainedAlgorithmicMedia" in file or b"composite" in file


@pytest.mark.parametrize("url", ["{server}/images/AAAAAAAAAAAAAAAAAAAAAA.png", "data:image/png;base64,AAAA"])
@pytest.mark.parametrize("stream", [False, True])
def test_an_earlier_image_that_is_gone_is_left_out_with_a_warning(server: str, url: str, stream: bool) -> None:
    """Stored images expire; the conversation goes on."""
    messages = [
        chat_message("user", "a boat"),
        chat_message("assistant", f"![a boat]({url.format(server=server)})"),
        chat_message("user", "make it red"),
    ]
    body = {"model": KLEIN, "messages": messages, "stream": stream, **SIZE}
    answer = requests.post(f"{server}/v1/chat/completions", json=body, timeout=LONGEST)
    assert answer.status_code == 200, answer.text[:500]
    assert "the earlier image was not used: " in answer.text
    own = [chat_message("user", [{"type": "text", "text": "x"}, {"type": "image_url", "image_url": url}])]
    answer = requests.post(f"{server}/v1/chat/completions", json=body | {"messages": own}, timeout=LONGEST)
    assert answer.status_code == 400


def test_a_model_that_does_not_edit_makes_a_new_image(client: OpenAI) -> None:
    messages = [
        chat_message("user", "a boat"),
        chat_message("assistant", "![a](data:image/png;base64,AAAA)"),
        chat_message("user", "a car"),
    ]
    completion = client.chat.completions.create(model="flux-1-schnell", messages=messages, extra_body=SIZE)
    assert linked(completion.choices[0].message.content)
    assert (completion.model_extra or {})["warnings"] == [
        "flux-1-schnell does not edit images: the earlier image was not used"
    ]


def test_a_stream_ends_with_the_picture(client: OpenAI) -> None:
    stream = client.chat.completions.create(
        model="dall-e-3",
        messages=[chat_message("user", "a red apple")],
        stream=True,
        stream_options={"include_usage": True},
        extra_body=SIZE,
    )
    chunks = list(stream)
    assert {chunk.object for chunk in chunks} == {"chat.completion.chunk"}
    assert chunks[0].choices[0].delta.role == "assistant"
    content = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert len(linked(content)) == 1
    images = [
        image
        for chunk in chunks
        if chunk.choices
        for image in (chunk.choices[0].delta.model_extra or {}).get("images", [])
    ]
    assert opened(images[0]["image_url"]["url"]).size == (256, 256)
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert chunks[-1].usage is not None


def test_the_markdown_may_hold_the_image_itself(tmp_path: Path) -> None:
    with gateway(tmp_path, IMAGE_CHAT_DATA_URLS="on") as origin:
        body = {"model": "gpt-image-1", "messages": [chat_message("user", "a red apple")], **SIZE}
        message = requests.post(f"{origin}/v1/chat/completions", json=body, timeout=LONGEST).json()["choices"][0][
            "message"
        ]
    assert message["content"] == f"![a red apple]({message['images'][0]['image_url']['url']})"


@pytest.mark.parametrize(
    ("fields", "status", "param", "words"),
    [
        ({}, 400, "messages", "messages must be a list"),
        ({"messages": "a fox"}, 400, "messages", "messages must be a list"),
        ({"messages": []}, 400, "messages", "role user"),
        ({"messages": [chat_message("system", "x")]}, 400, "messages", "role user"),
        ({"messages": [chat_message("user", "")]}, 400, "messages[0].content", "must have text"),
        ({"messages": [chat_message("user", 5)]}, 400, "messages[0].content", "a string or a list of parts, not 5"),
        (
            {
                "messages": [
                    chat_message("user", [{"type": "text", "text": "x"}, {"type": "image_url", "image_url": {}}])
                ]
            },
            400,
            "messages[0].content[1].image_url.url",
            "an https or data: URL",
        ),
        (
            {
                "messages": [
                    chat_message(
                        "user", [{"type": "text", "text": "x"}, {"type": "image_url", "image_url": "data:,hello"}]
                    )
                ]
            },
            400,
            "messages[0].content[1].image_url",
            "PNG, JPEG, WebP or GIF",
        ),
        ({"messages": [chat_message("user", "x")], "n": 9}, 400, "n", "from 1 to 8, not 9"),
        ({"messages": [chat_message("user", "x")], "steps": 99}, 400, "steps", "99"),
        ({"messages": [chat_message("user", "x")], "model": "gpt-4o"}, 404, "model", '"gpt-4o" does not exist'),
        ({"messages": [chat_message("user", "x")], "model": "gpt-4o", "stream": True}, 404, "model", "does not exist"),
    ],
)
def test_errors_have_openais_form(server: str, fields: dict[str, Any], status: int, param: str, words: str) -> None:
    answer = requests.post(f"{server}/v1/chat/completions", json=fields, timeout=LONGEST)
    error = answer.json()["error"]
    assert (answer.status_code, error["type"], error["param"]) == (status, "invalid_request_error", param)
    assert words in error["message"]


def test_a_model_that_is_no_image_model_is_not_found(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model="gpt-4o", messages=[chat_message("user", "hello")])


def test_a_part_of_another_kind_is_named_in_a_warning(server: str) -> None:
    content = [{"type": "text", "text": "a fox"}, {"type": "input_audio", "input_audio": {}}]
    body = {"messages": [chat_message("user", content)], **SIZE}
    answer = requests.post(f"{server}/chat/completions", data=json.dumps(body), timeout=LONGEST).json()
    assert answer["warnings"] == ["messages[0].content[1] was ignored: it is neither text nor an image"]
