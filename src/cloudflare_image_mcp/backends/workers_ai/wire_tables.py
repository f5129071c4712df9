"""Reads the table ``[wire]`` of a model's catalogue file, once for each model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from cloudflare_image_mcp.catalog.toml_table import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cloudflare_image_mcp.catalog import Model

WireT = TypeVar("WireT")


class WireTables(Generic[WireT]):
    """The tables that one function has read, by model."""

    def __init__(self, read: Callable[[Table], WireT]) -> None:
        """``read`` may raise ``CatalogError``."""
        self._read = read
        self._wires: dict[str, tuple[Mapping[str, Any], WireT]] = {}

    def of(self, model: Model) -> WireT:
        """A discovered model may come back under its id with another table, which is read anew."""
        table, wire = self._wires.get(model.id, (None, None))
        if wire is None or table is not model.wire_table:
            wire = self._read(Table(f"{model.id}: wire", dict(model.wire_table)))
            self._wires[model.id] = model.wire_table, wire
        return wire
