"""The OpenAI Python SDK, sync and async: every call that it has for images and models."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import openai
import pytest
from fastapi import FastAPI
from openai import AsyncOpenAI, OpenAI
from PIL import ImageChops

from cloudflare_image_mcp.errors import ERRORS, GatewayError
from cloudflare_image_mcp.rest.errors import install_error_handlers
from tests.decoding import decoded, downloaded, size
from tests.live import serving
from tests.rest import pictures

if TYPE_CHECKING:
    from collections.abc import Iterator

KLEIN = "@cf/black-forest-labs/flux-2-klein-4b"
SDXL = "@cf/stabilityai/stable-diffusion-xl-base-1.0"
SMALL: dict[str, Any] = {"prompt": "a blue boat on a lake", "size": "256x256"}


@pytest.fixture
def client(server: str) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{server}/v1", api_key="none", _strict_response_validation=True) as client:
        yield client


def pixels(data: str | None) -> bytes:
    assert data is not None
    return decoded(data).tobytes()


def test_the_form_of_the_answer_is_the_one_asked_for(client: OpenAI) -> None:
    linked = client.images.generate(response_format="url", extra_body={"seed": 3}, **SMALL)
    inline = client.images.generate(response_format="b64_json", extra_body={"seed": 3}, **SMALL)
    assert linked.data
    assert inline.data
    assert (linked.data[0].b64_json, inline.data[0].url) == (None, None)
    assert linked.data[0].url is not None
    assert downloaded(linked.data[0].url).tobytes() == pixels(inline.data[0].b64_json)


def test_seeds_are_kept_and_follow_one_another(client: OpenAI) -> None:
    pair = client.images.generate(n=2, response_format="b64_json", extra_body={"seed": 0}, **SMALL).data
    later = client.images.generate(response_format="b64_json", extra_body={"seed": 1}, **SMALL).data
    assert pair
    assert later
    assert [image.seed for image in pair] == [0, 1]
    assert pixels(pair[0].b64_json) != pixels(pair[1].b64_json)
    assert pixels(pair[1].b64_json) == pixels(later[0].b64_json)


def test_a_safety_identifier_is_handed_back(client: OpenAI) -> None:
    assert client.images.generate(safety_identifier="user-17", **SMALL).safety_identifier == "user-17"
    assert client.images.generate(**SMALL).safety_identifier is None
    *_, last = client.images.generate(stream=True, safety_identifier="user-17", **SMALL)
    assert last.safety_identifier == "user-17"


def test_extra_body_reaches_the_engine(client: OpenAI) -> None:
    extra = {"seed": 11, "steps": 20, "negative_prompt": "boat"}
    without = client.images.generate(model=SDXL, response_format="b64_json", extra_body={"seed": 11}, **SMALL)
    with_it = client.images.generate(model=SDXL, response_format="b64_json", extra_body=extra, **SMALL)
    assert without.data
    assert with_it.data
    assert pixels(without.data[0].b64_json) != pixels(with_it.data[0].b64_json)
    with pytest.raises(openai.BadRequestError, match=r"steps must be .* not 21") as caught:
        client.images.generate(model=SDXL, extra_body={"steps": 21}, **SMALL)
    assert (caught.value.param, caught.value.type) == ("steps", "invalid_request_error")
    assert caught.value.request_id


def test_a_masked_edit_keeps_what_the_mask_keeps(client: OpenAI) -> None:
    original = pictures.picture(256, 256, colour=(20, 120, 40))
    answer = client.images.edit(
        image=("photo.png", original, "image/png"),
        mask=("mask.png", pictures.mask(256, 256), "image/png"),
        prompt="a red fox in the snow",
        model=SDXL,
        response_format="b64_json",
    )
    assert answer.data
    assert answer.data[0].b64_json
    made = decoded(answer.data[0].b64_json).convert("RGB")
    assert size(made) == "256x256"
    difference = ImageChops.difference(made, decoded(original).convert("RGB"))
    box = difference.getbbox()
    assert box is not None, "the left half was to be repainted"
    kept = difference.crop((128, 0, 256, 256))
    assert kept.getbbox() is None, "the right half was to be kept"


def test_several_images_from_several_sources(client: OpenAI) -> None:
    files = [pictures.picture(256, 256, kind=kind) for kind in ("PNG", "JPEG", "WEBP")]
    answer = client.images.edit(
        image=[io.BytesIO(file) for file in files], prompt="all of them", model=KLEIN, n=2, output_format="webp"
    )
    assert answer.data
    assert [size(downloaded(image.url or "")) for image in answer.data] == ["256x256"] * 2
    assert answer.output_format == "webp"


def test_variations_differ(client: OpenAI) -> None:
    with pytest.warns(DeprecationWarning, match="deprecated"):
        answer = client.images.create_variation(
            image=pictures.picture(256, 256), n=2, model=KLEIN, response_format="b64_json", size="256x256"
        )
    assert answer.data
    first, second = (pixels(image.b64_json) for image in answer.data)
    assert first != second


def test_models(client: OpenAI) -> None:
    listed = {model.id: model for model in client.models.list()}
    assert listed.keys() >= {KLEIN, SDXL, "dall-e-3", "gpt-image-1"}
    for name in (KLEIN, "gpt-image-1"):
        assert client.models.retrieve(name) == listed[name]
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve("gpt-6-astra")
    assert caught.value.code == "model_not_found"


async def test_async(server: str) -> None:
    async with AsyncOpenAI(base_url=f"{server}/v1", api_key="none", _strict_response_validation=True) as client:
        made = await client.images.generate(model=KLEIN, response_format="b64_json", extra_body={"seed": 7}, **SMALL)
        assert made.data
        picture = decoded(made.data[0].b64_json or "")
        assert size(picture) == "256x256"
        out = io.BytesIO()
        picture.save(out, "PNG")
        edited = await client.images.edit(image=out.getvalue(), prompt="at night", model=KLEIN)
        assert edited.data
        assert size(downloaded(edited.data[0].url or "")) == "256x256"
        with pytest.warns(DeprecationWarning, match="deprecated"):
            varied = await client.images.create_variation(image=out.getvalue(), response_format="b64_json")
        assert varied.data
        assert size(decoded(varied.data[0].b64_json or "")) == "256x256"
        assert KLEIN in [model.id async for model in client.models.list()]
        assert (await client.models.retrieve(KLEIN)).owned_by == "black-forest-labs"


def test_wrong_base_urls_that_people_use(server: str) -> None:
    for base in (server, f"{server}/v1/", f"{server}/openai/deployments/dall-e-3"):
        with OpenAI(base_url=base, api_key="none", default_query={"api-version": "2025-04-01-preview"}) as client:
            answer = client.images.generate(**SMALL)
        assert answer.data
        assert size(downloaded(answer.data[0].url or "")) == "256x256"


@pytest.mark.parametrize(
    ("kind", "retry_after", "asked"),
    [
        ("content_policy_violation", None, 1),
        ("insufficient_quota", 3600.0, 1),
        ("internal_error", None, 1),
        ("rate_limit_exceeded", 0.01, 3),
        ("overloaded", 0.01, 3),
        ("upstream_error", None, 3),
    ],
)
def test_only_what_may_pass_is_sent_again(kind: str, retry_after: float | None, asked: int) -> None:
    """The SDK repeats every 429 and 5xx twice, unless ``x-should-retry`` says that it is of no use."""
    app, seen = FastAPI(), []
    install_error_handlers(app)

    @app.post("/v1/images/generations")
    async def generations() -> None:
        seen.append(kind)
        raise GatewayError(kind, "not now", retry_after=retry_after)

    with (
        serving(app) as origin,
        OpenAI(base_url=f"{origin}/v1", api_key="none", max_retries=2) as client,
        pytest.raises(openai.APIStatusError, match="not now") as caught,
    ):
        client.images.generate(prompt="a fox")
    assert caught.value.status_code == ERRORS[kind].status
    assert len(seen) == asked
