"""Edits over the wire: masks, models that the service refuses, and the model that stands in."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import requests
from PIL import Image

from tests.waiting import LONGEST
from tests.wire.conftest import wired, wired_and_held

if TYPE_CHECKING:
    from tests.wire.conftest import Wire

KLEIN = "@cf/black-forest-labs/flux-2-klein-4b"
SDXL = "@cf/stabilityai/stable-diffusion-xl-base-1.0"
INPAINTING = "@cf/runwayml/stable-diffusion-v1-5-inpainting"


def pixels(image: Image.Image) -> Any:
    return np.asarray(image.convert("RGB")).astype(int)


@pytest.mark.parametrize("model", [KLEIN, SDXL, INPAINTING])
def test_what_lies_outside_the_mask_is_the_originals_to_the_pixel(
    live: Wire, source: bytes, mask: bytes, model: str
) -> None:
    answer = live.post(
        "edits",
        {"model": model, "prompt": "a yellow sun", "response_format": "b64_json", "output_format": "png"},
        {"image": source, "mask": mask},
    )
    (result,) = live.images(answer)
    before, after = pixels(Image.open(io.BytesIO(source))), pixels(result)
    repainted = np.asarray(Image.open(io.BytesIO(mask)).getchannel("A")) == 0
    assert (after[~repainted] == before[~repainted]).all()
    inside = np.abs(after - before)[80:176, 112:208]
    assert inside.mean() > 20


@pytest.mark.parametrize("fallbacks", [{}, {SDXL: ["local"]}])
def test_the_headers_of_a_stream_name_the_model_that_edits_for_one_that_is_refused(
    source: bytes, fallbacks: dict[str, list[str]]
) -> None:
    values = {"model": SDXL, "prompt": "a red star", "response_format": "b64_json"}
    with wired({"IMAGE_CACHE": "on", "FALLBACKS": json.dumps(fallbacks)}) as wire:
        first = wire.post("edits", values | {"seed": "5"}, {"image": source})
        made = (first.headers["x-image-model"], first.headers["x-image-backend"])
        assert made[0] == first.json()["model"] != SDXL
        for seed, outcome in (("6", "miss"), ("5", "hit")):
            stream = wire.post("edits", values | {"seed": seed, "stream": "true"}, {"image": source})
            assert stream.headers["x-image-cache"] == outcome
            assert (stream.headers["x-image-model"], stream.headers["x-image-backend"]) == made
            assert f'"model":"{made[0]}"' in stream.text


def test_the_headers_of_a_stream_that_joined_another_name_the_same_model(source: bytes) -> None:
    fields = {"model": SDXL, "prompt": "a red star", "stream": "true", "seed": "6"}
    with wired_and_held({"IMAGE_CACHE": "on"}) as (wire, released):
        released.set()
        assert wire.post("edits", fields, {"image": source}).headers["x-image-model"] == SDXL  # not known as refused
        released.clear()
        streams = [
            requests.post(
                f"{wire.gateway}/v1/images/edits",
                data={**fields, "seed": "7"},
                files={"image": ("a.png", source, "image/png")},
                stream=True,
                timeout=LONGEST,
            )
            for _ in range(2)
        ]
        assert [stream.headers["x-image-cache"] for stream in streams] == ["miss", "joined"]
        assert {stream.headers["x-image-model"] for stream in streams} == {KLEIN}
        released.set()
        assert all(f'"model":"{KLEIN}"' in stream.text for stream in streams)


@pytest.mark.parametrize("task", ["edits", "variations"])
@pytest.mark.parametrize(
    ("model", "asked"),
    [("stable-diffusion-xl-base-1.0", 1), ("dreamshaper-8-lcm", 2), ("stable-diffusion-v1-5-img2img", 2)],
)
def test_another_model_edits_for_one_that_is_refused(source: bytes, model: str, asked: int, task: str) -> None:
    """Only the first says that it has no such input, and is not asked again; the others are, once a request."""
    values = {"model": model, "prompt": "a red star", "n": "3", "response_format": "b64_json"}
    with wired() as wire:
        first = wire.post(task, values, {"image": source})
        refusals = {code: count for code, count in wire.stats()["answers"].items() if code != "200"}
        again = wire.post(task, values, {"image": source})
        stats = wire.stats()
    assert sum(refusals.values()) == 1
    assert sum(stats["answers"].values()) == 6 + asked
    for answer in (first, again):
        assert len(wire_images(answer)) == 3
        assert answer.headers["x-image-model"] == KLEIN
        assert any("refused" in warning and "flux-2-klein-4b" in warning for warning in answer.json()["warnings"])


def wire_images(answer: Any) -> list[Any]:
    assert answer.status_code == 200, answer.text[:500]
    return list(answer.json()["data"])


def test_without_a_stand_in_the_refusal_is_the_answer(source: bytes) -> None:
    with wired({"EDIT_FALLBACK": "off"}) as wire:
        answer = wire.post("edits", {"model": SDXL, "prompt": "a red star"}, {"image": source})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "edit_not_available")


def test_as_documented_the_model_makes_the_edit_itself(documented: Wire, source: bytes, mask: bytes) -> None:
    values = {"model": SDXL, "prompt": "a red star", "strength": "0.5", "response_format": "b64_json"}
    answer = documented.post("edits", values, {"image": source, "mask": mask})
    assert answer.headers["x-image-model"] == SDXL
    assert [image.size for image in documented.images(answer)] == [(320, 256)]


def test_two_references_arrive(live: Wire, source: bytes) -> None:
    before = live.stats()["answers"].get("200", 0)
    answer = live.post(
        "edits",
        {"model": KLEIN, "prompt": "put image 1 beside image 0", "size": "256x256"},
        {"image": source, "image[]": source},
    )
    assert answer.status_code == 200, answer.text
    assert live.stats()["answers"]["200"] == before + 1


def test_the_model_that_will_make_the_edits_is_listed_with_its_price(live: Wire) -> None:
    row = requests.get(f"{live.gateway}/v1/models/dreamshaper-8-lcm", timeout=LONGEST).json()
    assert row["edits_made_by"]["model"] == KLEIN
    assert row["edits_made_by"]["price"]["neurons"] == 109.55
    assert requests.get(f"{live.gateway}/v1/models/flux-2-klein-4b", timeout=LONGEST).json()["edits_made_by"] is None
