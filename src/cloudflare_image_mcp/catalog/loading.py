"""Reads the catalogue's TOML files into ``Model`` rows, once."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from cloudflare_image_mcp.catalog.model import (
    Currency,
    Live,
    MaskUse,
    Model,
    Operation,
    Parameter,
    Price,
    Promise,
)
from cloudflare_image_mcp.catalog.sizes import Size, SizeRule
from cloudflare_image_mcp.catalog.toml_table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping

PROMPT_LENGTH: Final = 32_000
"""Characters of a prompt where the model states no limit of its own: OpenAI's."""
MAX_SEED: Final = 2**32 - 1
BACKGROUND_REMOVER: Final = "bria/remove-background"
"""The model that makes backgrounds transparent, for models that cannot."""

_EVERY_MODEL: Final[dict[str, dict[str, Any]]] = {
    "seed": {"type": "integer", "min": 0, "max": MAX_SEED},
    "negative_prompt": {"type": "string"},
}
"""Parameters promised for every model; where a model cannot take one, it is dropped with a warning."""


@cache
def models() -> Mapping[str, Model]:
    """Returns the models of Workers AI by id, in the order of the API document."""
    return _read_folder("models")


@cache
def proxied_models() -> Mapping[str, Model]:
    """Returns the models of other providers that a Cloudflare account reaches, by id, in alphabetical order."""
    return _read_folder("proxied")


def _read_folder(name: str) -> Mapping[str, Model]:
    folder = files("cloudflare_image_mcp.catalog").joinpath(name)
    tables = [
        Table(path.name, tomllib.loads(path.read_text("utf-8")))
        for path in folder.iterdir()
        if path.name.endswith(".toml")
    ]
    ranked = [(table.take("rank", int, 0), _model(table)) for table in tables]
    rows = sorted(ranked, key=lambda row: (row[0], row[1].id))
    return MappingProxyType({model.id: model for _, model in rows})


def _model(table: Table) -> Model:
    model = read_model(table)
    table.done()
    return model


def read_model(table: Table) -> Model:
    """Reads a model's table. Raises ``CatalogError``."""
    return Model(
        id=table.take("id", str),
        title=table.take("title", str),
        owned_by=table.take("owned_by", str),
        provider=table.take("provider", str),
        created=int(table.take("created", object).timestamp()),
        best_for=table.take("best_for", str),
        beta=table.take("beta", bool),
        promise=_promise(table.table("promise")),
        wire_table=table.take("wire", dict),
        price=_price(table.table("price")),
        live=_live(table.table("live")),
    )


def _promise(table: Table) -> Promise:
    parameters = table.table("parameters")
    own = {name: _parameter(name, row) for name, row in parameters.tables()}
    shared = {name: _parameter(name, Table(name, row)) for name, row in _EVERY_MODEL.items()}
    promise = Promise(
        tasks=_operations(table),
        parameters=MappingProxyType(own | shared),
        sizes=read_sizes(table.table("sizes")),
        mask=MaskUse(table.take("mask", str)),
        images=table.take("images", int),
        prompt_length=table.take("prompt_length", int, PROMPT_LENGTH),
    )
    table.done()
    return promise


def _parameter(name: str, table: Table) -> Parameter:
    row = Parameter(
        name=name,
        type=table.take("type", str),
        minimum=table.number("min"),
        maximum=table.number("max"),
        default=table.number("default"),
    )
    table.done()
    return row


def read_sizes(table: Table) -> SizeRule:
    """Reads a table of sizes."""
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


def _price(table: Table) -> Price:
    price = Price(
        currency=Currency(table.take("currency", str, Currency.NEURONS)),
        per_output_tile=table.number("per_output_tile") or 0.0,
        per_output_tile_step=table.number("per_output_tile_step") or 0.0,
        per_input_tile=table.number("per_input_tile") or 0.0,
        per_input_tile_step=table.number("per_input_tile_step") or 0.0,
        first_output_megapixel=table.number("first_output_megapixel") or 0.0,
        further_output_megapixel=table.number("further_output_megapixel") or 0.0,
        per_input_megapixel=table.number("per_input_megapixel") or 0.0,
        per_image=table.number("per_image") or 0.0,
        per_input_image=table.number("per_input_image") or 0.0,
        default_steps=table.take("default_steps", int, 0),
        reported=table.take("reported", bool, True),
    )
    table.done()
    return price


def _live(table: Table) -> Live:
    live = Live(
        tasks=_operations(table),
        refusal=table.take("refusal", str, None),
        notes=tuple(table.take("notes", list)),
    )
    table.done()
    return live


def _operations(table: Table) -> frozenset[Operation]:
    return frozenset(Operation(task) for task in table.take("tasks", list))
