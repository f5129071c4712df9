"""Open WebUI 0.12 (``routers/images.py``, engine "openai"): the fields that it sends with aiohttp, and how it reads."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import aiohttp
import pytest

from tests.decoding import decoded, size
from tests.rest import pictures

KEY = {"Authorization": "Bearer none"}
URL_MODELS = re.compile("^gpt-image")
"""Its default for IMAGE_URL_RESPONSE_MODELS_REGEX_PATTERN: under these names it sends no response_format."""


async def generations(server: str, model: str, image_size: str = "512x512", **params: Any) -> dict[str, Any]:
    """``params``: what its setting IMAGES_OPENAI_API_PARAMS holds."""
    data = {"model": model, "prompt": "a lighthouse in a storm", "n": 1, "size": image_size}
    data |= {} if URL_MODELS.match(model) else {"response_format": "b64_json"}
    headers = KEY | {"Content-Type": "application/json"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{server}/v1/images/generations", json=data | params, headers=headers) as answer,
    ):
        answer.raise_for_status()
        body: dict[str, Any] = await answer.json(content_type=None)
        return body


async def edits(server: str, model: str, images: str | list[str], **fields: Any) -> dict[str, Any]:
    """``images``: one data: URL, which goes in as ``image``, or a list, which goes in as ``image[]``."""
    data = {"model": model, "prompt": "at night", **fields}
    data |= {} if URL_MODELS.match(model) else {"response_format": "b64_json"}
    form = aiohttp.FormData()
    for name, value in data.items():
        form.add_field(name, json.dumps(value) if isinstance(value, dict) else str(value))
    for url in [images] if isinstance(images, str) else images:
        header, encoded = url.split(",", 1)
        kind = header.removeprefix("data:").split(";")[0]
        name = "image" if isinstance(images, str) else "image[]"
        file_name = f"0b6a3c9e-5f0d.{kind.split('/')[1]}"
        form.add_field(name, base64.b64decode(encoded), filename=file_name, content_type=kind)
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{server}/v1/images/edits?api-version=2024-02-01", headers=KEY, data=form) as answer,
    ):
        answer.raise_for_status()
        body: dict[str, Any] = await answer.json(content_type=None)
        return body


def read(body: dict[str, Any]) -> list[str]:
    """A ``url`` is taken before ``b64_json``, and one on a private address is refused: so there must be none."""
    found = []
    for image in body["data"]:
        assert not image.get("url")
        found.append(size(decoded(image["b64_json"])))
    return found


@pytest.mark.parametrize("model", ["dall-e-2", "gpt-image-1", "@cf/black-forest-labs/flux-1-schnell"])
async def test_generations(server: str, model: str) -> None:
    assert read(await generations(server, model)) == ["512x512"]


async def test_generations_with_parameters_of_its_settings(server: str) -> None:
    body = await generations(server, "dall-e-2", "256x256", steps=6, seed=9, style="natural")
    assert read(body) == ["256x256"]
    assert body["data"][0]["seed"] == 9


async def test_size_auto(server: str) -> None:
    assert read(await generations(server, "gpt-image-1", "auto")) == ["1024x1024"]


def data_url(kind: str) -> str:
    encoded = base64.b64encode(pictures.picture(256, 256, kind=kind)).decode()
    return f"data:image/{kind.lower()};base64,{encoded}"


@pytest.mark.parametrize("model", ["gpt-image-1", "@cf/black-forest-labs/flux-2-klein-4b"])
async def test_edits(server: str, model: str) -> None:
    assert read(await edits(server, model, data_url("PNG"))) == ["256x256"]
    assert (
        read(await edits(server, model, [data_url("JPEG"), data_url("WEBP")], n=2, size="320x256")) == ["320x256"] * 2
    )


async def test_refusal_is_a_status_that_it_shows(server: str) -> None:
    with pytest.raises(aiohttp.ClientResponseError) as caught:
        await generations(server, "dall-e-2", "10x10")
    assert (caught.value.status, caught.value.message) == (400, "Bad Request")
