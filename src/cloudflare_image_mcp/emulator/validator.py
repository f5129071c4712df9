"""Checks a value against a JSON schema as Workers AI does: the same order, the same words, the first fault
alone.

The words are those of Cloudflare's published validator (npm ``@cloudflare/cabidela``); where answers of the
service were seen to be worded otherwise, they are the service's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cloudflare_image_mcp.emulator.schemas import Schema


class SchemaFault(ValueError):
    """The validator's message, and whether it is about a value's range."""

    def __init__(self, sentence: str, *, field: str = "", out_of_range: bool = False) -> None:
        super().__init__(sentence)
        self.field = field
        self.out_of_range = out_of_range


def validate(schema: Schema, value: dict[str, Any], path: str = "") -> None:
    """Raises ``SchemaFault``: first for properties, then for additional ones, then for missing ones."""
    known = schema["properties"]
    for name, row in known.items():
        if name in value:
            _check(row, value[name], f"{path}/{name}")
    here = path or "/"
    if schema.get("additionalProperties") is False:
        extra = [f"{path}/{name}" for name in value if name not in known]
        if extra:
            names = ", ".join(extra)
            raise SchemaFault(f"Additional or unevaluated properties '{names}' at '{here}' not allowed")
    required: list[str] = schema.get("required", [])
    if any(name not in value for name in required):
        raise SchemaFault(f"required properties at '{here}' are '{','.join(required)}'")


def _check(schema: Schema, value: Any, path: str) -> None:
    if "type" not in schema:  # several forms are allowed: not looked into
        return
    kinds = _types(value)
    wanted = schema["type"]
    if isinstance(wanted, list):
        if not set(kinds) & set(wanted):
            raise SchemaFault(f"Type mismatch of '{path}', '{kinds[0]}' not in '{','.join(wanted)}'", field=path)
        return
    if value not in schema.get("enum", [value]):
        raise SchemaFault(f"'{path}' must be one of '{','.join(map(str, schema['enum']))}'", field=path)
    if wanted == "array" and "array" in kinds:
        _check_items(schema["items"], value, path)
        return
    if wanted not in kinds:
        raise SchemaFault(f"Type mismatch of '{path}', '{kinds[0]}' not in '{wanted}'", field=path)
    if wanted == "object":
        validate(schema, value, path)
    elif wanted == "string":
        _check_length(schema, value, path)
    elif wanted in {"number", "integer"}:
        _check_bounds(schema, value, path)


def _check_items(schema: Schema, items: list[Any], path: str) -> None:
    """A list of numbers and texts is taken for a file's bytes and not looked into."""
    if all(isinstance(item, (int, float, str)) for item in items):
        return
    for index, item in enumerate(items):
        _check(schema, item, f"{path}/{index}")


def _check_length(schema: Schema, value: str, path: str) -> None:
    # JavaScript counts UTF-16 code units.
    length = len(value.encode("utf-16-le", "surrogatepass")) // 2
    if length > schema.get("maxLength", length):
        raise SchemaFault(f"Length of '{path}' must be <= {schema['maxLength']}", field=path, out_of_range=True)
    if length < schema.get("minLength", length):
        raise SchemaFault(f"Length of '{path}' must be >= {schema['minLength']} not met", field=path, out_of_range=True)


def _check_bounds(schema: Schema, value: float, path: str) -> None:
    if value < schema.get("minimum", value):
        raise SchemaFault(f"'{path}' must be >= {schema['minimum']:g}", field=path, out_of_range=True)
    if value > schema.get("maximum", value):
        raise SchemaFault(f"'{path}' must be <= {schema['maximum']:g}", field=path, out_of_range=True)


def _types(value: Any) -> tuple[str, ...]:
    """JSON schema's names for a value, the plainest first. 4.0 is an integer, as in JavaScript; true is none."""
    if value is None:
        return ("null",)
    if isinstance(value, bool):
        return ("boolean",)
    if isinstance(value, int):
        return ("number", "integer")
    if isinstance(value, float):
        return ("number", "integer") if value.is_integer() else ("number",)
    if isinstance(value, str):
        return ("string",)
    return ("array",) if isinstance(value, list) else ("object",)
