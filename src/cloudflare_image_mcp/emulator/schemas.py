"""The models' input and output schemas, as ``GET …/ai/models/schema`` answers them and as the validator reads
them.

Built from the catalogue's wire section and from what it has no need of: the words, the fields that the
gateway never sends, and the ones that carry files.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

from cloudflare_image_mcp.backends.workers_ai.wire import wire_of
from cloudflare_image_mcp.catalog import models

if TYPE_CHECKING:
    from cloudflare_image_mcp.backends.workers_ai.wire import WireParameter
    from cloudflare_image_mcp.catalog import Model

Schema = dict[str, Any]

_WORDS: Final = {
    "prompt": "What the image shows",
    "negative_prompt": "What the image should not show",
    "width": "Width of the image in pixels",
    "height": "Height of the image in pixels",
    "num_steps": "Diffusion steps: more take longer and can look better",
    "steps": "Diffusion steps: more take longer and can look better",
    "guidance": "How closely the image follows the prompt",
    "strength": "From 0 to 1: how far the result may move away from the input image",
    "seed": "Seed of the random numbers; the same seed gives the same image",
}
_BYTES: Final[Schema] = {
    "type": "array",
    "items": {"type": "number", "description": "From 0 to 255"},
}
_FILES: Final[dict[str, Schema]] = {
    "image": _BYTES | {"description": "The input image's file, byte by byte"},
    "image_b64": {"type": "string", "description": "The input image's file in base64"},
    "mask": _BYTES | {"description": "The mask's file, byte by byte"},
}
_MULTIPART: Final[Schema] = {
    "type": "object",
    "properties": {
        "multipart": {
            "type": "object",
            "properties": {"body": {"type": "object"}, "contentType": {"type": "string"}},
        }
    },
    "required": ["multipart"],
}
_ALSO_CALLED: Final = {"@cf/leonardo/lucid-origin": {"num_steps": "steps"}}
"""Second names that a schema has for a field."""


_NO_DEFAULT: Final = frozenset({("@cf/black-forest-labs/flux-1-schnell", "steps")})
"""Fields whose schema leaves the default to the description."""


@cache
def input_schema(model_id: str) -> Schema:
    """The published schema; FLUX.2's only says that the input is a form."""
    model = models()[model_id]
    return _MULTIPART if wire_of(model).request == "multipart" else field_schema(model_id)


@cache
def field_schema(model_id: str) -> Schema:
    """The fields, of a JSON object or of a form."""
    model = models()[model_id]
    properties: dict[str, Schema] = {}
    for row in wire_of(model).parameters.values():
        properties[row.field] = _scalar(row)
        if (model_id, row.field) in _NO_DEFAULT:
            properties[row.field].pop("default")
        if (also := _ALSO_CALLED.get(model_id, {}).get(row.field)) is not None:
            properties[also] = _scalar(row)
    if wire_of(model).size_fields:
        properties |= {"height": _side(model, 1), "width": _side(model, 0)}
    if wire_of(model).images == "array":
        properties |= _FILES
    schema: Schema = {"type": "object", "properties": properties, "required": ["prompt"]}
    if wire_of(model).closed:
        schema["additionalProperties"] = False
    return schema


@cache
def output_schema(model_id: str) -> Schema:
    wire = wire_of(models()[model_id])
    if wire.response == "base64":
        # FLUX.2's schemas state no media type.
        stated = {"contentType": "application/json"} if wire.request == "json" else {}
        return {
            "type": "object",
            **stated,
            "properties": {"image": {"type": "string", "description": "The image in base64"}},
        }
    return {"type": "string", "contentType": wire.stated_type, "format": "binary", "description": "The image"}


def _scalar(row: WireParameter) -> Schema:
    bounds = {
        "default": row.default,
        "minimum": row.minimum,
        "maximum": row.maximum,
        "minLength": row.min_length or None,
        "maxLength": row.max_length,
    }
    stated = {name: value for name, value in bounds.items() if value is not None}
    return {"type": row.type} | stated | {"description": _WORDS[row.field]}


def _side(model: Model, axis: int) -> Schema:
    sizes = wire_of(model).sizes
    schema: Schema = {"type": "integer", "minimum": sizes.minimum, "maximum": sizes.maximum}
    # The Stable Diffusion family's schema states no default size.
    if wire_of(model).images != "array":
        schema["default"] = sizes.default[axis]
    return schema | {"description": _WORDS[("width", "height")[axis]]}
