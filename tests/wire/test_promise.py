"""All that the API document promises of the models, over the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cloudflare_image_mcp.catalog import MaskUse, Model, Operation, models

if TYPE_CHECKING:
    from tests.wire.conftest import Wire

TASKS = {Operation.GENERATE: "generations", Operation.EDIT: "edits", Operation.VARY: "variations"}
NOTHING: dict[str, dict[str, int]] = {"unknown": {}, "misnamed": {}, "out_of_range": {}}
MASKED = [model for model in models().values() if model.promise.mask is MaskUse.OPTIONAL]
GENERATING = [model for model in models().values() if Operation.GENERATE in model.promise.tasks]
EVERY = [(model, task) for model in models().values() for task in TASKS if task in model.promise.tasks]


def name_of(value: object) -> str | None:
    return value.short_name if isinstance(value, Model) else None


@pytest.mark.parametrize("mode", ["live", "documented"])
@pytest.mark.parametrize("response_format", ["b64_json", "url"])
@pytest.mark.parametrize(("model", "task"), EVERY, ids=name_of)
def test_every_task_of_every_model(
    request: pytest.FixtureRequest,
    mode: str,
    response_format: str,
    model: Model,
    task: Operation,
    source: bytes,
    mask: bytes,
) -> None:
    wire: Wire = request.getfixturevalue(mode)
    values: dict[str, Any] = {
        "model": model.id,
        "size": "320x256",
        "response_format": response_format,
        "seed": 7,
        "negative_prompt": "rain",
        "guidance": 7.5,
        "steps": 4,
    }
    files = None
    if task is not Operation.VARY:
        values["prompt"] = "a red lighthouse at dusk"
    if task is not Operation.GENERATE:
        values["strength"] = 0.5
        files = {"image": source} | ({"mask": mask} if model.promise.mask is MaskUse.REQUIRED else {})
    answer = wire.post(TASKS[task], values, files)
    assert [image.size for image in wire.images(answer)] == [(320, 256)]
    assert set(answer.json()["data"][0]) & {"b64_json", "url"} == {response_format}
    assert wire.stats()["fields"] == NOTHING


@pytest.mark.parametrize(
    "model", [model for model in models().values() if model.promise.mask is MaskUse.OPTIONAL], ids=name_of
)
@pytest.mark.parametrize("mode", ["live", "documented"])
def test_a_mask_where_it_is_optional(
    request: pytest.FixtureRequest, mode: str, model: Model, source: bytes, mask: bytes
) -> None:
    wire: Wire = request.getfixturevalue(mode)
    answer = wire.post(
        "edits",
        {"model": model.id, "prompt": "a red star", "response_format": "b64_json", "seed": "7"},
        {"image": source, "mask": mask},
    )
    assert [image.size for image in wire.images(answer)] == [(320, 256)]
    assert wire.stats()["fields"] == NOTHING


SIZES = [
    (model, str(size))
    for model in models().values()
    # The three FLUX.2 take the same sizes over the same wire.
    if Operation.GENERATE in model.promise.tasks and model.short_name not in {"flux-2-dev", "flux-2-klein-9b"}
    for size in model.promise.sizes.listed
] + [
    (models()["@cf/black-forest-labs/flux-2-klein-4b"], "1000x300"),
    (models()["@cf/black-forest-labs/flux-2-klein-4b"], "2048x256"),
    (models()["@cf/stabilityai/stable-diffusion-xl-base-1.0"], "257x511"),
    (models()["@cf/black-forest-labs/flux-1-schnell"], "300x1200"),
    (models()["@cf/leonardo/lucid-origin"], "64x2500"),
    (models()["@cf/leonardo/phoenix-1.0"], "65x300"),
]


@pytest.mark.parametrize(("model", "size"), SIZES, ids=lambda value: name_of(value) or str(value))
def test_the_size_asked_for_is_the_size_delivered(live: Wire, model: Model, size: str) -> None:
    answer = live.post(
        "generations", {"model": model.id, "prompt": "a fox", "size": size, "seed": 1, "response_format": "b64_json"}
    )
    assert ["x".join(map(str, image.size)) for image in live.images(answer)] == [size]
    assert live.stats()["fields"] == NOTHING


@pytest.mark.parametrize("end", ["minimum", "maximum"])
@pytest.mark.parametrize(
    "model", [model for model in models().values() if Operation.GENERATE in model.promise.tasks], ids=name_of
)
def test_the_ends_of_every_range(live: Wire, model: Model, end: str) -> None:
    rows = model.promise.parameters
    values: dict[str, Any] = {
        name: row.minimum if end == "minimum" else row.maximum
        for name, row in rows.items()
        if row.type != "string" and name != "strength"
    }
    answer = live.post(
        "generations",
        {"model": model.id, "prompt": "a fox", "size": "256x256", "response_format": "b64_json"} | values,
    )
    assert [image.size for image in live.images(answer)] == [(256, 256)]
    assert live.stats()["fields"] == NOTHING


def test_eight_images_in_one_request(live: Wire) -> None:
    answer = live.post(
        "generations",
        {"model": "stable-diffusion-xl-lightning", "prompt": "a fox", "n": 8, "size": "256x256", "seed": 5},
    )
    images = live.images(answer)
    assert len({image.tobytes() for image in images}) == 8
    assert [item["seed"] for item in answer.json()["data"]] == list(range(5, 13))


def test_the_price_is_in_the_answer(live: Wire) -> None:
    answer = live.post("generations", {"model": "flux-1-schnell", "prompt": "a fox", "n": 2})
    assert (answer.status_code, answer.headers["x-image-neurons"]) == (200, "345.60")
