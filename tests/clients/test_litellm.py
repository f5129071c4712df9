"""LiteLLM as a client (provider ``openai/``): the SDK's raw answers for generating, a form of httpx for editing."""

from __future__ import annotations

import io
from typing import Any

import httpx2
import pytest
from openai import OpenAI

from tests.decoding import decoded, downloaded, size
from tests.rest import pictures
from tests.waiting import LONGEST

FLUX = "@cf/black-forest-labs/flux-1-schnell"
KLEIN = "@cf/black-forest-labs/flux-2-klein-4b"


@pytest.mark.parametrize(("model", "form"), [(FLUX, "url"), ("gpt-image-1", "b64_json"), ("dall-e-3", "url")], ids=str)
def test_generation(server: str, model: str, form: str) -> None:
    """It sends no response_format for a model that it does not know; what is its own goes into extra_body."""
    with OpenAI(base_url=f"{server}/v1", api_key="none", max_retries=0) as client:
        raw = client.images.with_raw_response.generate(
            model=model, prompt="a lighthouse in a storm", size="256x256", n=1, extra_body={"seed": 4, "steps": 6}
        )
    body: dict[str, Any] = raw.parse().model_dump()
    assert raw.headers["x-request-id"].startswith("req_")
    assert (body["size"], body["output_format"], body["usage"]) == ("256x256", "png", None)
    (item,) = body["data"]
    assert [key for key in ("url", "b64_json") if item[key]] == [form]
    assert size(downloaded(item["url"]) if form == "url" else decoded(item["b64_json"])) == "256x256"


@pytest.mark.parametrize("images", [1, 2])
def test_edit(base64_server: str, images: int) -> None:
    """One image also goes in as ``image[]``; every file is called image.png."""
    files: list[Any] = [
        ("image[]", ("image.png", io.BytesIO(pictures.picture(256, 256, kind=kind)), "image/png"))
        for kind in ("JPEG", "PNG")[:images]
    ]
    files.append(("mask", ("mask.png", io.BytesIO(pictures.mask(256, 256)), "image/png")))
    data = {"model": KLEIN, "prompt": "at night", "n": "1", "quality": "auto"}
    headers = {"Authorization": "Bearer none"}
    answer = httpx2.post(f"{base64_server}/v1/images/edits", headers=headers, data=data, files=files, timeout=LONGEST)
    assert answer.status_code == 200, answer.text
    assert [size(decoded(item["b64_json"])) for item in answer.json()["data"]] == ["256x256"]
