"""Each catalogue file of another provider's model against the model's published schema (``published.toml``)."""

from __future__ import annotations

import json
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.rest.pictures import picture

from cloudflare_image_mcp.backends.workers_ai.proxied_request import encode_proxied
from cloudflare_image_mcp.backends.workers_ai.proxied_wire import proxied_abilities, proxied_wire_of
from cloudflare_image_mcp.catalog import Model, Operation, Size, proxied_models
from cloudflare_image_mcp.core.plan import make_plan
from cloudflare_image_mcp.core.request import PARAMETERS, ImageRequest, ImageSource
from cloudflare_image_mcp.imagefile.header import ImageFormat
from cloudflare_image_mcp.imagefile.image import Image
from cloudflare_image_mcp.imagefile.payload import BytesPayload
from cloudflare_image_mcp.imaging.pixels import PillowPixels

if TYPE_CHECKING:
    from cloudflare_image_mcp.core.ports import Call

PUBLISHED: dict[str, dict[str, Any]] = tomllib.loads(
    (Path(__file__).parent / "published.toml").read_text("utf-8"),
)
MODELS = pytest.mark.parametrize("model", proxied_models().values(), ids=lambda model: model.id)
EVERYTHING: dict[str, Any] = {
    "prompt": "a fox",
    "negative_prompt": "blurry",
    "seed": 2**31 + 5,
    "steps": 20,
    "guidance": 3.5,
    "strength": 0.5,
    "quality": "high",
    "background": "opaque",
    "output_format": ImageFormat.PNG,
}
"""A value of every parameter that a model may have a setting for."""
SIZES = (Size(1024, 1024), Size(821, 573), Size(300, 1200), Size(2000, 1500), Size(256, 256), Size(2048, 2048))


def test_there_is_a_schema_for_each_model() -> None:
    assert set(proxied_models()) == set(PUBLISHED)


@MODELS
def test_the_files_facts_are_the_schemas(model: Model) -> None:
    wire, schema = proxied_wire_of(model), PUBLISHED[model.id]
    assert wire.closed == schema["closed"]
    assert wire.answer == schema["answer"]
    if wire.images is not None:
        stated = schema["fields"][wire.images.name]
        kinds = {"list": "images", "objects": "urls", "object": "url", "text": "string"}
        assert stated.split()[0] == kinds[wire.images.form]
        most = stated.split()[1:]
        assert most in ([], [str(wire.images.most)])
    assert model.promise.images == (wire.images.most if wire.images else 0)


@pytest.mark.parametrize(
    ("model", "operation"),
    [(model, task) for model in proxied_models().values() for task in Operation if task in model.promise.tasks],
    ids=lambda value: value.id if isinstance(value, Model) else value.value,
)
async def test_what_is_sent_fits_the_schema_and_the_rest_is_a_warning(model: Model, operation: Operation) -> None:
    """Every parameter at once, at many sizes."""
    schema = PUBLISHED[model.id]
    image = await Image.sniff(BytesPayload(picture(64, 64)))
    images = () if operation is Operation.GENERATE else (image,)
    sources = tuple(ImageSource("image", b"") for _ in images)
    for size in SIZES:
        if not all(model.promise.sizes.minimum <= side <= model.promise.sizes.maximum for side in size):
            continue
        request = ImageRequest(operation=operation, size=size, images=sources, **EVERYTHING)
        plan = make_plan(
            request, model, proxied_abilities(model), sources=tuple(i.size for i in images), new_seed=lambda: 7
        )
        call = _with(plan.call, images, plan.seeds[0])
        sent = json.loads((await encode_proxied(call, PillowPixels())).body or b"")
        assert not set(sent) - set(schema["fields"]), "a field that the schema lacks"
        assert not set(schema["required"]) - set(sent)
        for name, value in sent.items():
            _check(name, value, schema["fields"][name])
        wired = proxied_wire_of(model).parameters
        for name in EVERYTHING.keys() & set(PARAMETERS) - {"background", "output_format"}:
            taken = name in wired and wired[name].name in sent
            assert taken or any(text.startswith(name) for text in plan.warnings), f"{name} is neither sent nor named"


def _with(call: Call, images: tuple[Image, ...], seed: int | None) -> Call:
    return replace(call, images=images, seed=seed)


def _check(name: str, value: Any, stated: str | list[str]) -> None:
    if isinstance(stated, list):
        assert value in stated, f"{name}: {value}"
        return
    kind, *more = stated.split()
    if kind in {"images", "urls"}:
        assert isinstance(value, list)
        assert all(isinstance(item if kind == "images" else item["url"], str) for item in value)
        assert len(value) <= int(more[0]) if more else True
        return
    types: dict[str, set[type]] = {"string": {str}, "integer": {int}, "number": {int, float}, "boolean": {bool}}
    assert type(value) in types[kind], f"{name}: {value!r} is no {kind}"
    if kind == "string" and more:
        assert len(value) <= int(more[0])
    elif more:
        low, _, high = more[0].partition("..")
        assert not low or value >= float(low), f"{name}: {value}"
        assert not high or value <= float(high), f"{name}: {value}"
        assert len(more) < 3 or value % int(more[2]) == 0, f"{name}: {value}"
