"""A model made from its published schema alone sends what the schema allows: tried with every schema that is known."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from cloudflare_image_mcp.backends.workers_ai.proxied_request import encode_proxied
from cloudflare_image_mcp.backends.workers_ai.proxied_wire import proxied_abilities
from cloudflare_image_mcp.backends.workers_ai.published_schema import NotOffered, model_of_schema
from cloudflare_image_mcp.catalog import Operation, Size
from cloudflare_image_mcp.core.plan import make_plan
from cloudflare_image_mcp.core.request import ImageRequest
from cloudflare_image_mcp.emulator.validator import validate
from cloudflare_image_mcp.imaging.pixels import PillowPixels
from tests.catalog.test_published import PUBLISHED

TEXT = {"type": "string"}
URL = {"type": "object", "properties": {"url": TEXT}, "required": ["url"], "additionalProperties": False}


def json_schema(model_id: str) -> dict[str, Any]:
    """The schema written out again."""
    row = PUBLISHED[model_id]
    fields = {name: _field(stated) for name, stated in row["fields"].items()}
    inputs: dict[str, Any] = {"type": "object", "properties": fields, "required": row["required"]}
    if row["closed"]:
        inputs["additionalProperties"] = False
    return {"input": inputs, "output": {"type": "object", "properties": {row["answer"]: TEXT}}}


def _field(stated: str | list[str]) -> dict[str, Any]:
    if isinstance(stated, list):
        return {"type": "string", "enum": stated}
    kind, *more = stated.split()
    if kind == "?":
        return {}
    if kind in {"images", "urls"}:
        lists = {"type": "array", "items": TEXT if kind == "images" else URL}
        return lists | ({"maxItems": int(more[0])} if more else {})
    if kind == "url":
        return URL
    if kind == "string":
        return TEXT | ({"maxLength": int(more[0])} if more else {})
    bounds = re.fullmatch(r"(-?[\d.]*?)\.\.([\d.]*)", more[0] if more else "..")
    assert bounds
    limits = {name: float(text) for name, text in zip(("minimum", "maximum"), bounds.groups(), strict=True) if text}
    step = {"multipleOf": int(more[2])} if len(more) > 2 else {}
    return {"type": kind} | limits | step


@pytest.mark.parametrize("model_id", PUBLISHED)
async def test_what_is_sent_is_allowed(model_id: str) -> None:
    schema = json_schema(model_id)
    if "lora_scale" in schema["input"]["properties"]:
        schema["input"]["properties"]["lora_scale"]["default"] = 0.5
    model = model_of_schema(model_id, "New", schema)
    if Operation.GENERATE not in model.promise.tasks:
        assert Operation.EDIT in model.promise.tasks
        return
    for size in (Size(1024, 1024), Size(821, 573), Size(2000, 1500)):
        request = ImageRequest(
            operation=Operation.GENERATE, prompt="a fox", size=size, seed=5, quality="high", steps=20
        )
        plan = make_plan(request, model, proxied_abilities(model), new_seed=lambda: 7)
        sent = json.loads((await encode_proxied(plan.call, PillowPixels())).body or b"")
        validate(schema["input"], sent)


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"input": {"properties": {"prompt": TEXT}}, "output": {"properties": {"video": TEXT}}},
        {
            "input": {"properties": {"voice": {"type": "object"}}, "required": ["voice"]},
            "output": {"properties": {"image": TEXT}},
        },
        {"input": {"properties": "none"}, "output": {"properties": {"image": TEXT}}},
    ],
)
def test_what_is_no_image_model_is_not_offered(schema: Any) -> None:
    with pytest.raises(NotOffered):
        model_of_schema("acme/thing", "Thing", schema)
