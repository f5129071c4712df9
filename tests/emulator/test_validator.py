from __future__ import annotations

from typing import Any

import pytest

from cloudflare_image_mcp.emulator.validator import SchemaFault, validate

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "prompt": {"type": "string", "minLength": 1, "maxLength": 4},
        "steps": {"type": "integer", "minimum": 1, "maximum": 8},
        "guidance": {"type": "number"},
        "image": {"type": "array", "items": {"type": "number"}},
        "form": {"type": "object", "properties": {"body": {"type": "string"}}, "required": ["body"]},
    },
    "required": ["prompt", "steps"],
}


@pytest.mark.parametrize(
    "value",
    [
        {"prompt": "cat", "steps": 4},
        {"prompt": "cat", "steps": 4.0},
        {"prompt": "cat", "steps": 8, "guidance": 7, "image": [1, 2.5, "3"], "more": None},
        {"prompt": "cat", "steps": 1, "form": {"body": "x"}},
    ],
)
def test_takes(value: dict[str, Any]) -> None:
    validate(SCHEMA, value)


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ({}, "required properties at '/' are 'prompt,steps'"),
        ({"prompt": ""}, "Length of '/prompt' must be >= 1 not met"),
        ({"prompt": "kitty"}, "Length of '/prompt' must be <= 4"),
        ({"prompt": "🐈🐈🐈"}, "Length of '/prompt' must be <= 4"),
        ({"prompt": None}, "Type mismatch of '/prompt', 'null' not in 'string'"),
        ({"steps": 0}, "'/steps' must be >= 1"),
        ({"steps": 9}, "'/steps' must be <= 8"),
        ({"steps": 4.5}, "Type mismatch of '/steps', 'number' not in 'integer'"),
        ({"steps": True}, "Type mismatch of '/steps', 'boolean' not in 'integer'"),
        ({"image": "abc"}, "Type mismatch of '/image', 'string' not in 'array'"),
        ({"image": [1, {}]}, "Type mismatch of '/image/1', 'object' not in 'number'"),
        ({"form": {}}, "required properties at '/form' are 'body'"),
        ({"prompt": "", "steps": 9}, "Length of '/prompt' must be >= 1 not met"),
    ],
)
def test_refuses_the_first_fault(value: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SchemaFault) as caught:
        validate(SCHEMA, value)
    assert str(caught.value) == sentence


def test_a_closed_schema_names_what_is_too_much_before_what_is_missing() -> None:
    with pytest.raises(SchemaFault) as caught:
        validate(SCHEMA | {"additionalProperties": False}, {"seed": 1, "n": 2})
    assert str(caught.value) == "Additional or unevaluated properties '/seed, /n' at '/' not allowed"


def test_only_a_value_outside_its_bounds_is_out_of_range() -> None:
    for value, out_of_range in (({"steps": 9}, True), ({"steps": "9"}, False)):
        with pytest.raises(SchemaFault) as caught:
            validate(SCHEMA, value)
        assert caught.value.out_of_range is out_of_range
