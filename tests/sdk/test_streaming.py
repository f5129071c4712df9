"""Streams read event by event with the OpenAI SDK, sync and async, with its strict validation."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import openai
import pytest
from openai import AsyncOpenAI, OpenAI

from tests.decoding import decoded, size
from tests.live import gateway
from tests.rest import pictures
from tests.wire.conftest import wired

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

MODEL = "@cf/black-forest-labs/flux-2-klein-4b"
GENERATE: dict[str, Any] = {"prompt": "a red fox in the snow", "model": MODEL, "size": "320x256"}
EDIT: dict[str, Any] = GENERATE | {"image": pictures.picture(256, 256), "mask": pictures.mask(256, 256)}
SIZE = "320x256"


async def events_of(server: str, way: str, call: str, **arguments: Any) -> list[Any]:
    """All events of one stream, read by the sync or the async client."""
    options: dict[str, Any] = {"base_url": f"{server}/v1", "api_key": "none", "_strict_response_validation": True}
    if way == "sync":
        with OpenAI(**options) as client:
            return list(getattr(client.images, call)(stream=True, **arguments))
    async with AsyncOpenAI(**options) as client:
        return [event async for event in await getattr(client.images, call)(stream=True, **arguments)]


def check(events: Sequence[Any], family: str, partials: int, n: int) -> None:
    """The types, the order, and what is in the images. ``partials``: how many of each image were asked for."""
    kinds = [event.type for event in events]
    assert kinds[-n:] == [f"{family}.completed"] * n
    previews = list(events[:-n])
    assert {event.type for event in previews} <= {f"{family}.partial_image"}
    indices = [event.partial_image_index for event in previews]
    assert len(indices) <= partials * n
    assert list(dict.fromkeys(indices)) == list(range(len(set(indices)))), "indices begin at 0 and rise by one"
    assert set(Counter(indices).values()) <= {n}
    pictures_seen = [event.b64_json for event in events]
    if family == "image_generation":
        assert len(set(pictures_seen)) == len(pictures_seen), "no two pictures of a stream are the same"
    elif previews:
        # Nothing of an edit may have been painted yet by its second preview; the last picture is never the first.
        assert pictures_seen[0] != pictures_seen[-1]
    for event in events:
        image = decoded(event.b64_json)
        assert size(image) == event.size == SIZE
        assert image.format == event.output_format.upper()


@pytest.mark.parametrize("partial_images", [0, 1, 2, 3])
@pytest.mark.parametrize("way", ["sync", "async"])
@pytest.mark.parametrize(("call", "arguments"), [("generate", GENERATE), ("edit", EDIT)])
async def test_partial_images(
    server: str, way: str, call: str, arguments: Mapping[str, Any], partial_images: int
) -> None:
    events = await events_of(server, way, call, partial_images=partial_images, **arguments)
    check(events, {"generate": "image_generation", "edit": "image_edit"}[call], partial_images, 1)


@pytest.mark.parametrize("way", ["sync", "async"])
async def test_two_images(server: str, way: str) -> None:
    events = await events_of(server, way, "generate", n=2, partial_images=1, **GENERATE)
    check(events, "image_generation", 1, 2)


async def test_the_last_image_is_the_one_that_no_stream_would_have_given(server: str) -> None:
    *_, last = await events_of(server, "sync", "generate", partial_images=2, extra_body={"seed": 5}, **GENERATE)
    with OpenAI(base_url=f"{server}/v1", api_key="none") as client:
        whole = client.images.generate(response_format="b64_json", extra_body={"seed": 5}, **GENERATE)
    assert whole.data
    assert whole.data[0].b64_json
    assert decoded(last.b64_json).tobytes() == decoded(whole.data[0].b64_json).tobytes()


@pytest.mark.parametrize("way", ["sync", "async"])
async def test_error_before_the_start_has_its_status(server: str, way: str) -> None:
    with pytest.raises(openai.BadRequestError, match=r"steps must be .* not 99") as caught:
        await events_of(server, way, "generate", extra_body={"steps": 99}, **GENERATE)
    assert caught.value.param == "steps"
    with pytest.raises(openai.NotFoundError, match="nobody"):
        await events_of(server, way, "generate", prompt="a fox", model="nobody")


@pytest.mark.parametrize("way", ["sync", "async"])
async def test_error_after_the_start_is_raised_by_the_stream(way: str) -> None:
    with wired({"CLOUDFLARE_API_TOKEN": "wrong"}) as wire, pytest.raises(openai.APIError) as caught:
        await events_of(wire.gateway, way, "generate", **GENERATE)
    assert not isinstance(caught.value, openai.APIConnectionError | openai.APIStatusError)
    assert caught.value.code == "upstream_authentication_error"


async def test_a_stream_leaves_nothing_in_the_store(tmp_path: Path) -> None:
    with gateway(tmp_path / "images") as origin:
        await events_of(origin, "sync", "generate", **GENERATE)
    assert list((tmp_path / "images").iterdir()) == []
