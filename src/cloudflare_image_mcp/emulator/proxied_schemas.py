"""The input and output schemas of other providers' models, from the wire section of the catalogue."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

from cloudflare_image_mcp.backends.workers_ai.proxied_wire import proxied_wire_of
from cloudflare_image_mcp.catalog import proxied_models

if TYPE_CHECKING:
    from cloudflare_image_mcp.backends.workers_ai.proxied_wire import ImageField, ProxiedField, SizeFields
    from cloudflare_image_mcp.emulator.schemas import Schema

_TEXT: Final[Schema] = {"type": "string"}
_JSON_TYPES: Final = {str: "string", bool: "boolean", int: "integer", float: "number"}
_URL: Final[Schema] = {
    "type": "object",
    "properties": {"url": _TEXT},
    "required": ["url"],
    "additionalProperties": False,
}


@cache
def proxied_input_schema(model_id: str) -> Schema:
    """The fields that the gateway knows; published schemas have a few more."""
    model = proxied_models()[model_id]
    wire = proxied_wire_of(model)
    properties: dict[str, Schema] = {row.name: _field(row) for row in wire.parameters.values()}
    properties |= _size_fields(wire.size)
    if wire.images is not None:
        properties[wire.images.name] = _image_field(wire.images)
    if wire.mask is not None:
        properties[wire.mask] = _TEXT
    properties |= {name: {"type": _JSON_TYPES[type(value)]} for name, value in wire.constants.items()}
    prompt = wire.parameters.get("prompt")
    schema: Schema = {"type": "object", "properties": properties, "required": [prompt.name] if prompt else []}
    if wire.closed:
        schema["additionalProperties"] = False
    return schema


@cache
def proxied_output_schema(model_id: str) -> Schema:
    url: Schema = {"type": "string", "format": "uri"}
    answer = proxied_wire_of(proxied_models()[model_id]).answer
    return {
        "type": "object",
        "properties": {answer: url if answer == "image" else {"type": "array", "items": url}},
        "required": [answer],
    }


def _field(row: ProxiedField) -> Schema:
    stated: dict[str, Any] = {"minimum": row.minimum, "maximum": row.maximum, "maxLength": row.max_length}
    schema: Schema = {"type": row.type} | {name: value for name, value in stated.items() if value is not None}
    return schema if row.values is None else schema | {"enum": sorted(set(row.values.values()))}


def _size_fields(size: SizeFields) -> dict[str, Schema]:
    if size.sides is not None:
        return {name: {"type": "integer", "minimum": size.rule.minimum} for name in size.sides}
    listed: dict[str, list[str]] = {}
    for fields in (size.choices or {}).values():
        for name, value in fields.items():
            listed.setdefault(name, [])
            if value not in listed[name]:
                listed[name].append(value)
    return {name: {"type": "string", "enum": values} for name, values in listed.items()}


def _image_field(row: ImageField) -> Schema:
    item = _URL if row.form in {"object", "objects"} else _TEXT
    return {"type": "array", "items": item, "maxItems": row.most} if row.form in {"list", "objects"} else item
