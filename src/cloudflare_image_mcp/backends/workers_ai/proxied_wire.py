"""What another provider's model takes and answers, from the table ``[wire]`` of its catalogue file."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal

from cloudflare_image_mcp.backends.workers_ai.wire_tables import WireTables
from cloudflare_image_mcp.catalog import Size, SizeRule
from cloudflare_image_mcp.catalog.loading import read_sizes
from cloudflare_image_mcp.core.abilities import Abilities, bounds_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudflare_image_mcp.catalog import Model
    from cloudflare_image_mcp.catalog.toml_table import Table

REFERENCE_SIDE: Final = 2048
"""Pixels to which the longest side of an input image is scaled down: as base64 a larger one makes a body of tens of
megabytes, and the largest that is taken is not published.
"""


@dataclass(frozen=True, slots=True)
class ProxiedField:
    """A field of the model's input schema, and our parameter's values as it has them."""

    name: str
    type: Literal["integer", "number", "string"]
    minimum: float | None = None
    maximum: float | None = None
    max_length: int | None = None
    values: Mapping[str, str] | None = None
    """Our value -> the field's; None: any value is sent as it is."""


@dataclass(frozen=True, slots=True)
class ImageField:
    """The field for input images, and how they stand in it: a text, a list of texts, an object with ``url``, or a list
    of such objects.
    """

    name: str
    form: Literal["text", "list", "object", "objects"]
    most: int

    def value(self, images: list[str]) -> Any:
        rows: list[Any] = [{"url": image} for image in images] if self.form in {"object", "objects"} else images
        return rows if self.form in {"list", "objects"} else rows[0]


@dataclass(frozen=True, slots=True)
class SizeFields:
    """How a size is written: as two numbers, or as one of the choices that the schema lists; with neither it is the
    input image's.
    """

    rule: SizeRule
    """The sizes that can be written."""
    sides: tuple[str, str] | None = None
    """The fields for width and height."""
    choices: Mapping[Size, Mapping[str, str]] | None = None
    """Each size as the fields that stand for it."""

    def fields(self, size: Size) -> dict[str, Any]:
        """The fields for a size that the rule takes."""
        if self.sides is not None:
            return dict(zip(self.sides, size, strict=True))
        return dict(self.choices[size]) if self.choices else {}


@dataclass(frozen=True, slots=True)
class ProxiedWire:
    """What the model takes and answers."""

    media_type: str
    """Of the image when no format is asked for."""
    answer: Literal["image", "images"]
    """The field of the answer."""
    timeout: float
    """Seconds for one call, from the first byte sent to the last received."""
    closed: bool
    """Whether a field that the schema lacks is refused."""
    parameters: Mapping[str, ProxiedField]
    """By our parameter's name."""
    size: SizeFields
    images: ImageField | None
    mask: str | None
    """The field for a mask, white where the image is repainted."""
    constants: Mapping[str, Any]
    """Fields that are sent with every call, because the schema requires them."""


def proxied_wire_of(model: Model) -> ProxiedWire:
    """Returns the model's wire, which is read once. Raises ``CatalogError``."""
    return _WIRES.of(model)


def proxied_abilities(model: Model) -> Abilities:
    """Returns what the model takes through Cloudflare."""
    wire = proxied_wire_of(model)
    return Abilities(
        bounds_of(wire.parameters),
        wire.size.rule,
        wire.images.most if wire.images else 0,
        mask=wire.mask is not None,
        reference_side=REFERENCE_SIDE,
        prompt="prompt" in wire.parameters,
    )


def _read_wire(table: Table) -> ProxiedWire:
    images, parameters = table.table("images"), table.table("parameters")
    wire = ProxiedWire(
        media_type=table.take("media_type", str),
        answer=table.take("answer", str, "image"),
        timeout=table.take("timeout", (int, float), 180),
        closed=table.take("closed", bool, True),
        parameters=MappingProxyType({name: _read_field(row) for name, row in parameters.tables()}),
        size=_read_size(table.table("size")),
        images=_read_images(images),
        mask=table.take("mask", str, None),
        constants=MappingProxyType(table.take("constants", dict, {})),
    )
    table.done()
    return wire


_WIRES: Final = WireTables(_read_wire)


def _read_field(table: Table) -> ProxiedField:
    row = ProxiedField(
        name=table.take("field", str),
        type=table.take("type", str, "string"),
        minimum=table.number("min"),
        maximum=table.number("max"),
        max_length=table.take("max_length", int, None),
        values=table.take("values", dict, None),
    )
    table.done()
    return row


def _read_images(table: Table) -> ImageField | None:
    name = table.take("field", str, None)
    if name is None:
        return None
    row = ImageField(name, table.take("form", str, "list"), table.take("most", int, 1))
    table.done()
    return row


def _read_size(table: Table) -> SizeFields:
    """One of four forms: ``fields`` for width and height; ``field`` with the ``sizes`` that it lists; ``ratio`` with
    ``ratios``, and with ``scale`` and ``scales`` where the model has several resolutions; ``none``.
    """
    if table.take("none", bool, False):
        return SizeFields(read_sizes(table))
    if (sides := table.take("fields", list, None)) is not None:
        width, height = sides
        return SizeFields(read_sizes(table), sides=(width, height))
    if (field := table.take("field", str, None)) is not None:
        choices = {Size.parse(text): {field: text} for text in table.take("sizes", list)}
    else:
        choices = _ratio_choices(table)
    default = Size.parse(table.take("default", str)) if table.has("default") else next(iter(choices))
    table.done()
    return SizeFields(SizeRule(default, fixed=tuple(choices)), choices=MappingProxyType(choices))


def _ratio_choices(table: Table) -> dict[Size, dict[str, str]]:
    """Every ratio at every resolution. The exact pixels are not published: these have the ratio's shape, and the area
    of the resolution's square.
    """
    field, ratios = table.take("ratio", str), table.take("ratios", list)
    scale, scales = table.take("scale", str, None), table.take("scales", dict, {"": 1024})
    return {
        size_of_ratio(ratio, side): {field: ratio} | ({} if scale is None else {scale: name})
        for name, side in scales.items()
        for ratio in ratios
    }


def size_of_ratio(ratio: str, side: int) -> Size:
    """A size of exactly this shape (``19.5:9``) with about the area of a square of ``side`` pixels."""
    width, height = (Fraction(part) for part in ratio.split(":"))
    shape = width / height
    unit = max(1, round(side / math.sqrt(shape.numerator * shape.denominator)))
    return Size(shape.numerator * unit, shape.denominator * unit)
