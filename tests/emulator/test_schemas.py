from __future__ import annotations

import pytest

from cloudflare_image_mcp.catalog import models
from cloudflare_image_mcp.emulator.schemas import field_schema, input_schema, output_schema
from tests.emulator.calling import KLEIN, LIGHTNING, PHOENIX, SCHNELL, SDXL

SD = {
    "prompt", "negative_prompt", "width", "height", "num_steps", "guidance", "strength", "seed", "image", "image_b64",
    "mask",
}  # fmt: skip


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        (SCHNELL, {"prompt", "steps"}),
        ("@cf/leonardo/lucid-origin", {"prompt", "guidance", "seed", "width", "height", "num_steps", "steps"}),
        (PHOENIX, {"prompt", "negative_prompt", "guidance", "seed", "width", "height", "num_steps"}),
        (SDXL, SD),
        (LIGHTNING, SD),
        (KLEIN, {"multipart"}),
    ],
)
def test_the_fields_of_a_published_schema(model: str, fields: set[str]) -> None:
    assert set(input_schema(model)["properties"]) == fields


def test_the_fields_of_the_forms() -> None:
    assert set(field_schema(KLEIN)["properties"]) == {"prompt", "width", "height", "guidance", "seed"}
    assert "steps" in field_schema("@cf/black-forest-labs/flux-2-dev")["properties"]


def test_schnells_alone_is_closed() -> None:
    assert [name for name in models() if field_schema(name).get("additionalProperties") is False] == [SCHNELL]


def test_bounds_are_the_wires() -> None:
    assert field_schema(PHOENIX)["properties"]["negative_prompt"]["minLength"] == 1
    steps = field_schema(SDXL)["properties"]["num_steps"]
    assert (steps["maximum"], "minimum" in steps) == (20, False)
    assert "default" not in field_schema(SCHNELL)["properties"]["steps"]
    width = field_schema(KLEIN)["properties"]["width"]
    assert (width["minimum"], width["maximum"], width["default"]) == (256, 1920, 1024)


def test_what_a_form_must_hold_is_not_published() -> None:
    published = input_schema(KLEIN)
    assert published["required"] == ["multipart"]
    assert "required" not in published["properties"]["multipart"]


def test_what_comes_out() -> None:
    assert output_schema(SCHNELL)["contentType"] == "application/json"
    assert "contentType" not in output_schema(KLEIN)
    assert output_schema(LIGHTNING)["contentType"] == "image/png"
