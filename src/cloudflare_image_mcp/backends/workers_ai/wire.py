"""What each model takes and answers on Workers AI, from the table ``[wire]`` of its catalogue file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal

from cloudflare_image_mcp.backends.workers_ai.proxied_wire import proxied_abilities
from cloudflare_image_mcp.backends.workers_ai.wire_tables import WireTables
from cloudflare_image_mcp.catalog.loading import read_sizes
from cloudflare_image_mcp.core.abilities import Abilities, Bounds, bounds_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudflare_image_mcp.catalog import Model, SizeRule
    from cloudflare_image_mcp.catalog.toml_table import Table


REFERENCE_SIDE: Final = 511
"""Pixels: FLUX.2's references "must be smaller than 512x512"."""


@dataclass(frozen=True, slots=True)
class WireParameter:
    """The same parameter as the model's own schema has it: its field name and its bounds (None: unbounded)."""

    field: str
    type: Literal["integer", "number", "string"]
    minimum: float | None = None
    maximum: float | None = None
    default: float | None = None
    min_length: int = 0
    max_length: int | None = None


@dataclass(frozen=True, slots=True)
class Wire:
    """What the model takes and answers on Workers AI."""

    request: Literal["json", "multipart"]
    response: Literal["base64", "bytes"]
    stated_type: str | None
    """The media type that a raw answer states, which need not be that of its bytes."""
    media_type: str
    """The media type of the bytes that were seen."""
    closed: bool
    """Whether a field that the schema lacks is refused (``additionalProperties: false``)."""
    timeout: float
    """Seconds for one call, from the first byte sent to the last received."""
    parameters: Mapping[str, WireParameter]
    sizes: SizeRule
    size_fields: bool
    """Whether width and height may be sent at all."""
    images: Literal["none", "references", "array"]
    """How an input image travels: FLUX.2's ``input_image_N`` parts, or the file's bytes as an array of numbers."""
    max_images: int
    mask: bool


def wire_of(model: Model) -> Wire:
    """Returns the model's wire, which is read once. Raises ``CatalogError``."""
    return _WIRES.of(model)


def abilities_of(model: Model) -> Abilities:
    """Returns what the model takes on Workers AI, or through it, which is found out once. A discovered model may come
    back under its id with another table.
    """
    known, abilities = _ABILITIES.get(model.id, (None, None))
    if abilities is None or known is not model:
        abilities = _read_abilities(model)
        _ABILITIES[model.id] = model, abilities
    return abilities


_ABILITIES: Final[dict[str, tuple[Model, Abilities]]] = {}


def _read_abilities(model: Model) -> Abilities:
    if model.proxied:
        return proxied_abilities(model)
    wire = wire_of(model)
    return Abilities(
        bounds_of(wire.parameters),
        wire.sizes,
        wire.max_images,
        wire.mask,
        doubtful=model.promise.tasks - model.live.tasks,
        input_side=REFERENCE_SIDE if wire.images == "references" else None,
    )


def abilities_beside(model: Model, background_remover: Model | None) -> Abilities:
    """Returns what the model takes where another one, if any, makes the background of its images transparent."""
    abilities = abilities_of(model)
    if background_remover is None or background_remover is model:
        return abilities
    return replace(abilities, parameters={"background": Bounds(), **abilities.parameters})


def _read_wire(table: Table) -> Wire:
    parameters = {name: _read_parameter(row) for name, row in table.table("parameters").tables()}
    sizes = read_sizes(table.table("sizes"))
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


_WIRES: Final = WireTables(_read_wire)


def _read_parameter(table: Table) -> WireParameter:
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
