"""JSON Schemas of the request's parameters for OpenAPI and MCP: ``Parameters``, with the ranges of the catalogue."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

from cloudflare_image_mcp.catalog import models
from cloudflare_image_mcp.core.request import Parameters

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cloudflare_image_mcp.catalog import Model

Schema: TypeAlias = dict[str, Any]


def parameter_schema(name: str, rows: Sequence[Model] = ()) -> Schema:
    """One parameter, with the widest range that any of the models ``rows`` promises; without rows, of all models. For
    a single model its default is stated too.
    """
    return stated_schema(name) | _range(name, list(rows) or list(models().values()))


def is_promised(name: str, rows: Sequence[Model]) -> bool:
    """Whether any of the models has the parameter, or it does not depend on the model."""
    return any(name in row.promise.parameters for row in rows) or not any(
        name in row.promise.parameters for row in models().values()
    )


def stated_schema(name: str) -> Schema:
    """What ``Parameters`` states, without null, which every parameter allows, as a type or a default."""
    row = dict(_properties()[name])
    choices = [choice for choice in row.pop("anyOf", []) if choice != {"type": "null"}]
    row |= choices[0] if choices else {}
    row.pop("title", None)
    if row.get("default") in (None, ""):
        row.pop("default", None)
    return row


@cache
def _properties() -> Mapping[str, Schema]:
    properties: Mapping[str, Schema] = Parameters.model_json_schema(by_alias=False)["properties"]
    return properties


def _range(name: str, rows: Sequence[Model]) -> Schema:
    parameters = [row.promise.parameters[name] for row in rows if name in row.promise.parameters]
    lows = [row.minimum for row in parameters if row.minimum is not None]
    highs = [row.maximum for row in parameters if row.maximum is not None]
    schema: Schema = {}
    if lows:
        schema["minimum"] = min(lows)
    if highs:
        schema["maximum"] = max(highs)
    if len(rows) == 1 and parameters and parameters[0].default is not None:
        schema["default"] = parameters[0].default
    return schema
