"""Reads the catalogue's TOML files into ``Model`` rows, once, and refuses a file with a key that nothing reads."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from cloudflare_image_mcp.catalog.model import (
    Live,
    MaskUse,
    Model,
    Operation,
    Parameter,
    Price,
    Promise,
    Wire,
    WireParameter,
)
from cloudflare_image_mcp.catalog.sizes import Size, SizeRule

if TYPE_CHECKING:
    from collections.abc import Mapping

PROMPT_LENGTH: Final = 32_000
"""Characters of a prompt where the model states no limit of its own: OpenAI's."""
MAX_SEED: Final = 2**32 - 1

_EVERY_MODEL: Final[dict[str, dict[str, Any]]] = {
    "seed": {"type": "integer", "min": 0, "max": MAX_SEED},
    "negative_prompt": {"type": "string"},
}
"""What the API document promises whatever the model: where a model cannot take it, it is dropped, and said."""


class CatalogError(ValueError):
    """A catalogue file that does not say what it must: a defect of this package, found when it is loaded."""


class _Table:
    """A TOML table that knows which of its keys were read."""

    def __init__(self, where: str, values: dict[str, Any]) -> None:
        self._where = where
        self._values = dict(values)

    def take(self, key: str, kind: type | tuple[type, ...], default: Any = ...) -> Any:
        value = self._values.pop(key, default)
        if value is ...:
            raise CatalogError(f"{self._where}: {key} is missing")
        if value is not default and not isinstance(value, kind):
            raise CatalogError(f"{self._where}: {key} is {value!r}")
        return value

    def number(self, key: str) -> float | None:
        value: float | None = self.take(key, (int, float), None)
        return value

    def table(self, key: str) -> _Table:
        return _Table(f"{self._where}.{key}", self.take(key, dict, {}))

    def tables(self) -> list[tuple[str, _Table]]:
        """What is left, each a table: ``[promise.parameters]`` and its like."""
        return [(key, self.table(key)) for key in list(self._values)]

    def done(self) -> None:
        if self._values:
            raise CatalogError(f"{self._where}: nothing reads {', '.join(self._values)}")


@cache
def models() -> Mapping[str, Model]:
    """The eleven models by id, in the order of the API document."""
    folder = files("cloudflare_image_mcp.catalog").joinpath("models")
    tables = [
        _Table(path.name, tomllib.loads(path.read_text("utf-8")))
        for path in folder.iterdir()
        if path.name.endswith(".toml")
    ]
    ranked = sorted((table.take("rank", int), table) for table in tables)
    rows = [_model(table) for _, table in ranked]
    return MappingProxyType({row.id: row for row in rows})


def _model(table: _Table) -> Model:
    model = Model(
        id=table.take("id", str),
        title=table.take("title", str),
        owned_by=table.take("owned_by", str),
        provider=table.take("provider", str),
        created=int(table.take("created", object).timestamp()),
        best_for=table.take("best_for", str),
        beta=table.take("beta", bool),
        promise=_promise(table.table("promise")),
        wire=_wire(table.table("wire")),
        price=_price(table.table("price")),
        live=_live(table.table("live")),
    )
    table.done()
    return model


def _promise(table: _Table) -> Promise:
    parameters = table.table("parameters")
    own = {name: _parameter(name, row) for name, row in parameters.tables()}
    shared = {name: _parameter(name, _Table(name, row)) for name, row in _EVERY_MODEL.items()}
    promise = Promise(
        tasks=_operations(table),
        parameters=MappingProxyType(own | shared),
        sizes=_sizes(table.table("sizes")),
        mask=MaskUse(table.take("mask", str)),
        images=table.take("images", int),
        prompt_length=table.take("prompt_length", int, PROMPT_LENGTH),
    )
    table.done()
    return promise


def _parameter(name: str, table: _Table) -> Parameter:
    row = Parameter(
        name=name,
        type=table.take("type", str),
        minimum=table.number("min"),
        maximum=table.number("max"),
        default=table.number("default"),
    )
    table.done()
    return row


def _wire(table: _Table) -> Wire:
    parameters = {name: _wire_parameter(row) for name, row in table.table("parameters").tables()}
    sizes = _sizes(table.table("sizes"))
    wire = Wire(
        request=table.take("request", str),
        response=table.take("response", str),
        stated_type=table.take("stated_type", str, None),
        media_type=table.take("media_type", str),
        closed=table.take("closed", bool, False),
        timeout=table.take("timeout", (int, float)),
        parameters=MappingProxyType(parameters),
        sizes=sizes,
        size_fields=not sizes.fixed,
        images=table.take("images", str, "none"),
        max_images=table.take("max_images", int, 0),
        mask=table.take("mask", bool, False),
    )
    table.done()
    return wire


def _wire_parameter(table: _Table) -> WireParameter:
    row = WireParameter(
        field=table.take("field", str),
        type=table.take("type", str),
        minimum=table.number("min"),
        maximum=table.number("max"),
        default=table.number("default"),
        min_length=table.take("min_length", int, 0),
        max_length=table.take("max_length", int, None),
    )
    table.done()
    return row


def _sizes(table: _Table) -> SizeRule:
    rule = SizeRule(
        default=Size.parse(table.take("default", str)),
        minimum=table.take("min", int, 0),
        maximum=table.take("max", int, 0),
        multiple=table.take("multiple", int, 1),
        fixed=tuple(Size.parse(text) for text in table.take("fixed", list, [])),
        listed=tuple(Size.parse(text) for text in table.take("listed", list, [])),
    )
    table.done()
    return rule


def _price(table: _Table) -> Price:
    price = Price(
        per_output_tile=table.number("per_output_tile") or 0.0,
        per_output_tile_step=table.number("per_output_tile_step") or 0.0,
        per_input_tile=table.number("per_input_tile") or 0.0,
        per_input_tile_step=table.number("per_input_tile_step") or 0.0,
        first_output_megapixel=table.number("first_output_megapixel") or 0.0,
        further_output_megapixel=table.number("further_output_megapixel") or 0.0,
        per_input_megapixel=table.number("per_input_megapixel") or 0.0,
        default_steps=table.take("default_steps", int),
        reported=table.take("reported", bool, True),
    )
    table.done()
    return price


def _live(table: _Table) -> Live:
    live = Live(
        tasks=_operations(table),
        refusal=table.take("refusal", str, None),
        notes=tuple(table.take("notes", list)),
    )
    table.done()
    return live


def _operations(table: _Table) -> frozenset[Operation]:
    return frozenset(Operation(task) for task in table.take("tasks", list))
