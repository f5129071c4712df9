"""Every fenced example of docs/api.md, taken from the page and run unchanged but for the host."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
import requests

from tests import node
from tests.decoding import decoded, downloaded, size
from tests.rest import pictures
from tests.waiting import LONGEST

PAGE: Final = Path(__file__).parents[2] / "docs" / "api.md"
HOST: Final = "http://localhost:3000"
WORKER: Final = "https://cloudflare-image-workers.*.workers.dev"
DEFAULT_SIZE: Final = "1024x1024"
FILES: Final = {"image": pictures.picture(256, 256), "mask": pictures.mask(256, 256)}


@dataclass(frozen=True)
class Example:
    """One fenced block, and the paths that the page named last before it."""

    language: str
    text: str
    heading: str
    path: str

    def __str__(self) -> str:
        return f"{self.heading} {self.language}".replace("`", "")


def _examples() -> list[Example]:
    found, heading, path = [], "", ""
    pattern = r"^#+ (?P<heading>[^\n]+)$|^```(?P<language>\w*)\n(?P<text>.*?)^```$"
    for match in re.finditer(pattern, PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL):
        if match["heading"]:
            heading = match["heading"]
            named = re.search(r"`(?:GET|POST) (/v1/\S+)`", heading)
            path = named[1] if named else "/v1/images/generations"
        else:
            found.append(Example(match["language"], match["text"], heading, path))
    return found


EXAMPLES: Final = _examples()


def _of(language: str) -> list[Example]:
    return [example for example in EXAMPLES if example.language == language]


def _json_with(key: str) -> list[Example]:
    return [example for example in _of("json") if key in json.loads(example.text)]


REQUESTS: Final = [example for example in _of("json") if {"prompt", "image"} & json.loads(example.text).keys()]


CHATS: Final = _json_with("messages")
LISTS: Final = [example for example in _json_with("object") if json.loads(example.text)["object"] == "list"]
EVENTS: Final = [example for example in _json_with("object") if json.loads(example.text)["object"] == "event"]
"""tests/rest/test_webhooks.py has one posted."""


def test_no_example_is_left_out() -> None:
    run = [*REQUESTS, *CHATS, *_json_with("created"), *LISTS, *EVENTS, *_json_with("error")]
    run += [example for language in ("typescript", "python", "bash", "http", "") for example in _of(language)]
    assert sorted(map(id, run)) == sorted(map(id, EXAMPLES))
    assert len(REQUESTS) == 5
    assert len(CHATS) == 1
    assert len(_of("typescript")) == 2


@pytest.mark.parametrize("example", REQUESTS, ids=str)
def test_request_body(example: Example, server: str) -> None:
    text = example.text
    for name, data in FILES.items():
        text = text.replace(f"base64_encoded_{name}", base64.b64encode(data).decode())
    body = json.loads(text)
    answer = requests.post(server + example.path, json=body, timeout=LONGEST)
    asked = body["size"] if "size" in body else f"{body['width']}x{body['height']}"
    _check_answer(answer, asked, body.get("n", 1))


@pytest.mark.parametrize("example", CHATS, ids=str)
def test_chat(example: Example, server: str) -> None:
    answer = requests.post(server + example.path, json=json.loads(example.text), timeout=LONGEST)
    message = answer.json()["choices"][0]["message"]
    assert size(decoded(message["images"][0]["image_url"]["url"].split(",")[1])) == DEFAULT_SIZE


@pytest.mark.parametrize("example", _of("http"), ids=str)
def test_form(example: Example, server: str) -> None:
    header, _, rest = example.text.partition("\n\n")
    assert header == "Content-Type: multipart/form-data"
    fields = dict(line.split(": ", 1) for line in rest.splitlines())
    files = {name: FILES[name] for name, value in fields.items() if value == "<binary file>"}
    assert files.keys() == FILES.keys()
    values = {name: json.loads(value) for name, value in fields.items() if name not in files}
    answer = requests.post(server + example.path, data=values, files=files, timeout=LONGEST)
    _check_answer(answer, "256x256", 1)


@pytest.mark.parametrize("example", _of("bash"), ids=str)
def test_curl(example: Example, server: str) -> None:
    done = subprocess.run(["bash", "-c", _addressed(example, server)], capture_output=True, check=True, timeout=LONGEST)
    body = json.loads(done.stdout)
    assert size(downloaded(body["data"][0]["url"])) == DEFAULT_SIZE


@pytest.mark.parametrize("example", _of("python"), ids=str)
def test_python(example: Example, server: str) -> None:
    command = [sys.executable, "-c", _addressed(example, server)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=LONGEST)
    assert size(downloaded(done.stdout.strip())) == DEFAULT_SIZE


@pytest.mark.parametrize("example", _of("typescript"), ids=["fetch", "openai"])
def test_javascript(example: Example, server: str) -> None:
    source = _addressed(example, server)
    if "console.log" not in source:
        source += "\nconsole.log(image.data[0].url);\n"
    assert size(downloaded(node.output(source))) == DEFAULT_SIZE


@pytest.mark.parametrize("example", _json_with("created"), ids=str)
def test_answer_has_the_documented_shape(example: Example, server: str) -> None:
    documented = json.loads(example.text)
    body = _posted(server, {"prompt": documented["data"][0]["revised_prompt"], "size": "256x256"})
    assert _missing(documented, body) == []
    assert body["data"][0]["revised_prompt"] == documented["data"][0]["revised_prompt"]


@pytest.mark.parametrize("example", LISTS, ids=str)
def test_model_list_starts_as_documented(example: Example, server: str) -> None:
    documented = json.loads(example.text)
    body = requests.get(server + example.path, timeout=LONGEST).json()
    assert body["object"] == documented["object"]
    if example.path.startswith("/v1/images"):  # what is stored differs from run to run: the names are compared
        fields = {"prompt": "a fox", "size": "256x256", "async": example.path.endswith("jobs")}
        made = requests.post(server + "/v1/images/generations", json=fields, timeout=LONGEST)
        assert made.status_code in (200, 202)
        body = requests.get(server + example.path, timeout=LONGEST).json()
        assert body.keys() == documented.keys()
        assert body["data"][0].keys() == documented["data"][0].keys()
        return
    listed = {model["id"]: model for model in body["data"]}
    assert all(listed[model["id"]].items() >= model.items() for model in documented["data"])


@pytest.mark.parametrize("example", _json_with("error"), ids=str)
def test_error_is_word_for_word(example: Example, server: str) -> None:
    answer = requests.post(server + "/v1/images/generations", json={}, timeout=LONGEST)
    assert (answer.status_code, answer.json()) == (400, json.loads(example.text))


@pytest.mark.parametrize("example", _of(""), ids=str)
def test_cors_headers_are_word_for_word(example: Example, server: str) -> None:
    documented = dict(line.split(": ", 1) for line in example.text.splitlines())
    for answer in (
        requests.get(server + "/v1/models", timeout=LONGEST),
        requests.options(server + "/v1/models", timeout=LONGEST),
    ):
        assert {name: answer.headers[name] for name in documented} == documented


def _addressed(example: Example, server: str) -> str:
    """The example for the server under test. Its first line has the same address for a Worker."""
    comment, _, code = example.text.partition("\n")
    (address,) = re.findall(r"https?://[^\s'\"]+", code)
    assert comment.endswith(f"on Cloudflare Workers: {address.replace(HOST, WORKER)}")
    return example.text.replace(HOST, server)


def _posted(server: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = requests.post(server + "/v1/images/generations", json=body, timeout=LONGEST)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def _check_answer(answer: requests.Response, asked: str, n: int) -> None:
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["size"] == asked
    assert [size(downloaded(item["url"])) for item in body["data"]] == [asked] * n


def _missing(documented: Any, real: Any, where: str = "") -> list[str]:
    """The documented keys, at any depth, that a real answer lacks."""
    if isinstance(documented, list):
        return _missing(documented[0], real[0], f"{where}[0]")
    if not isinstance(documented, dict):
        return [] if type(documented) is type(real) else [where]
    lost = [f"{where}.{key}" for key in documented if key not in real]
    return lost + [
        one for key, value in documented.items() if key in real for one in _missing(value, real[key], f"{where}.{key}")
    ]
