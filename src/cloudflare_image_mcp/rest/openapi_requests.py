"""The request bodies in the OpenAPI description of the routes that read their bodies by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cloudflare_image_mcp.catalog import Operation
from cloudflare_image_mcp.core.request import PARAMETERS, other_names
from cloudflare_image_mcp.core.request_schema import Schema, parameter_schema

if TYPE_CHECKING:
    from collections.abc import Mapping

_IMAGE: Final[Schema] = {
    "description": "base64, a data: URL, an https URL, or an object with image_url; several as a list",
    "anyOf": [
        {"type": "string"},
        {"type": "object", "properties": {"image_url": {"type": "string"}}, "required": ["image_url"]},
        {"type": "array", "items": {"type": "string"}, "minItems": 1},
    ],
}
_MASK: Final[Schema] = {
    "description": "an image that is transparent, or white, where an edit repaints; null and an empty list are no mask",
    "anyOf": [{"type": "string"}, {"type": "object"}, {"type": "array"}, {"type": "null"}],
}
_IMAGE_FIELDS: Final[Mapping[Operation, tuple[str, ...]]] = {
    Operation.GENERATE: (),
    Operation.EDIT: ("image", "mask"),
    Operation.VARY: ("image",),
}
_WITHOUT: Final[Mapping[Operation, frozenset[str]]] = {
    Operation.GENERATE: frozenset({"strength"}),
    Operation.EDIT: frozenset(),
    Operation.VARY: frozenset({"prompt"}),
}
"""Parameters that have no meaning for an operation."""
_REQUIRED: Final = {
    Operation.GENERATE: ["prompt"],
    Operation.EDIT: ["prompt", "image"],
    Operation.VARY: ["image"],
}
_OTHER_KINDS: Final[Mapping[str, tuple[Schema, ...]]] = {
    "size": ({"type": "integer"}, {"type": "array", "items": {"type": "integer"}}, {"type": "object"}),
    "aspect_ratio": ({"type": "number"},),
}
"""Other types in which a parameter is read."""


def image_request(operation: Operation) -> Schema:
    """``openapi_extra`` of an image route: the same fields as JSON and, where images go in, as a form."""
    schema = {
        "type": "object",
        "properties": _properties(operation),
        "required": _REQUIRED[operation],
        "additionalProperties": True,
    }
    content = {"application/json": {"schema": schema}}
    if operation is not Operation.GENERATE:
        content["multipart/form-data"] = {"schema": _form(operation)}
    return {"requestBody": {"required": True, "content": content}}


def chat_request() -> Schema:
    """``openapi_extra`` of the chat route."""
    message = {
        "type": "object",
        "required": ["role"],
        "properties": {
            "role": {"type": "string"},
            "content": {"description": "a text, or a list of text and image_url parts"},
        },
    }
    properties = {
        "model": _parameter("model"),
        "messages": {"type": "array", "minItems": 1, "items": message},
        "stream": _parameter("stream"),
    }
    schema = {"type": "object", "required": ["messages"], "properties": properties, "additionalProperties": True}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def _properties(operation: Operation) -> dict[str, Schema]:
    """The fields of a request: its input images, and the parameters, which may all be null but the prompt."""
    named = {other_names(name)[0]: _parameter(name) for name in PARAMETERS if name not in _WITHOUT[operation]}
    inputs = {name: _IMAGE if name == "image" else _MASK for name in _IMAGE_FIELDS[operation]}
    return inputs | named


def _parameter(name: str) -> Schema:
    """A parameter as a field: also as text, which forms have alone, and null, which the SDKs send for "absent"."""
    schema = parameter_schema(name)
    if name == "prompt":
        return schema | {"minLength": 1}
    if name == "seed":
        schema["minimum"] = -1
    outer = {key: schema.pop(key) for key in ("description", "default") if key in schema}
    kinds = [schema, *_OTHER_KINDS.get(name, ()), {"type": "string"}, {"type": "null"}]
    return outer | {"anyOf": [kind for index, kind in enumerate(kinds) if kind not in kinds[:index]]}


def _form(operation: Operation) -> Schema:
    file = {"type": "string", "format": "binary"}
    properties = {
        name: {"type": "string"} if name not in {"image", "mask"} else file for name in _properties(operation)
    }
    return {"type": "object", "properties": properties, "required": _REQUIRED[operation]}
