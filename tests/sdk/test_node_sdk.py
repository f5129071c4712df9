"""The OpenAI Node SDK under a real Node: one script makes every call, the test looks at what it was answered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests import node
from tests.decoding import decoded, downloaded, shown, size
from tests.rest import pictures

KLEIN = "@cf/black-forest-labs/flux-2-klein-4b"

IMAGES = {
    "generate": ("url", 2),
    "base64": ("b64_json", 1),
    "edit": ("url", 1),
    "edit_several": ("url", 2),
    "buffer": ("b64_json", 1),
    "vary": ("url", 2),
}
"""The script's calls: the form of the answer and the number of images."""


def test_every_call(server: str, tmp_path: Path) -> None:
    (tmp_path / "image.png").write_bytes(pictures.picture(256, 256))
    (tmp_path / "photo.jpg").write_bytes(pictures.picture(300, 200, kind="JPEG"))
    (tmp_path / "mask.png").write_bytes(pictures.mask(256, 256))
    answers = node.run(Path(__file__).parent / "node_sdk.mjs", f"{server}/v1", tmp_path)
    _check_images(answers)
    _check_models(answers)
    _check_stream(answers["events"], "image_generation", 2)
    _check_stream(answers["edit_events"], "image_edit", 1)
    _check_chat(answers)
    _check_errors(answers)


def _check_images(answers: dict[str, Any]) -> None:
    for call, (form, n) in IMAGES.items():
        data = answers[call]["data"]
        assert [form in item for item in data] == [True] * n, call
        assert [size(shown(item)) for item in data] == ["256x256"] * n, call
    first, second = (downloaded(item["url"]).tobytes() for item in answers["generate"]["data"])
    again = decoded(answers["base64"]["data"][0]["b64_json"]).tobytes()
    assert first == again, "the same seed gives the same picture"
    assert first != second


def _check_models(answers: dict[str, Any]) -> None:
    assert {KLEIN, "dall-e-3", "gpt-image-1"} <= set(answers["models"])
    assert answers["model"]["id"] == KLEIN


def _check_stream(events: list[dict[str, Any]], family: str, most: int) -> None:
    *previews, last = events
    assert last["type"] == f"{family}.completed"
    assert {event["type"] for event in previews} <= {f"{family}.partial_image"}
    assert [event["partial_image_index"] for event in previews] == list(range(len(previews)))
    assert len(previews) <= most
    assert {size(decoded(event["b64_json"])) for event in events} == {"256x256"}


def _check_chat(answers: dict[str, Any]) -> None:
    deltas = [chunk["choices"][0]["delta"] for chunk in answers["chat_chunks"]]
    shown_images = [image for delta in deltas for image in delta.get("images", [])]
    for images in (answers["chat"]["choices"][0]["message"]["images"], shown_images):
        assert [size(decoded(image["image_url"]["url"].split(",")[1])) for image in images] == ["256x256"]
    assert "".join(delta.get("content", "") for delta in deltas).startswith("![a blue boat](http")


def _check_errors(answers: dict[str, Any]) -> None:
    assert answers["bad_size"].items() >= {"name": "BadRequestError", "status": 400, "param": "size"}.items()
    missing = {"name": "NotFoundError", "status": 404, "code": "model_not_found", "param": "model"}
    assert answers["no_model"].items() >= missing.items()
    assert answers["no_model"]["requestID"].startswith("req_")
