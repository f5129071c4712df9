"""Reads TOML tables of the catalogue key by key, and refuses unknown keys."""

from __future__ import annotations

from typing import Any


class CatalogError(ValueError):
    """A catalogue file with a missing, wrong or unknown key: a defect of this package, found when it is read."""


class Table:
    """A TOML table that notes which of its keys were read, so that unknown keys are found."""

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

    def has(self, key: str) -> bool:
        return key in self._values

    def number(self, key: str) -> float | None:
        value: float | None = self.take(key, (int, float), None)
        return value

    def table(self, key: str) -> Table:
        return Table(f"{self._where}.{key}", self.take(key, dict, {}))

    def tables(self) -> list[tuple[str, Table]]:
        """Returns the keys not yet read, each of which is a table: those of ``[promise.parameters]``, for example."""
        return [(key, self.table(key)) for key in list(self._values)]

    def done(self) -> None:
        if self._values:
            raise CatalogError(f"{self._where}: nothing reads {', '.join(self._values)}")
