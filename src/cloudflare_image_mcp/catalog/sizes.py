"""Image sizes: parsing them, and the rule of which sizes a model takes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, NamedTuple, Self

_WRITTEN: Final = re.compile(r"\s*(\d{1,6})\s*(?:px)?\s*(?:[xX×*]|by)\s*(\d{1,6})\s*(?:px)?\s*")  # noqa: RUF001 - people do type the sign

_LONGEST: Final = 40
"""Characters. The pattern takes seconds over megabytes of spaces."""


class Size(NamedTuple):
    """Width and height in pixels."""

    width: int
    height: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """``"1024x768"`` -> ``Size(1024, 768)``. Raises ``ValueError`` on anything else."""
        match = _WRITTEN.fullmatch(text) if len(text) <= _LONGEST else None
        if match is None:
            raise ValueError(text)
        return cls(int(match[1]), int(match[2]))

    @property
    def pixels(self) -> int:
        return self.width * self.height

    @property
    def aspect(self) -> float:
        return self.width / self.height

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


@dataclass(frozen=True, slots=True)
class SizeRule:
    """The sizes that a model takes: a fixed list, or a range of sides in steps of ``multiple`` pixels.

    ``default`` is used when a request has no size; ``listed`` are the sizes to offer in a menu.
    """

    default: Size
    minimum: int = 0
    maximum: int = 0
    multiple: int = 1
    fixed: tuple[Size, ...] = ()
    listed: tuple[Size, ...] = ()

    def takes(self, size: Size) -> bool:
        if self.fixed:
            return size in self.fixed
        return all(self.minimum <= side <= self.maximum and side % self.multiple == 0 for side in size)

    def nearest(self, size: Size) -> Size:
        """Returns the size to render for a requested ``size``: the closest shape that the rule allows, and no smaller
        than requested where the rule allows that, so that resampling to ``size`` loses no detail.
        """
        if self.takes(size):
            return size
        if self.fixed:
            return min(self.fixed, key=lambda s: (abs(s.aspect - size.aspect), *_smallest_sufficient(s, size)))
        scale = min(1.0, self.maximum / max(size))
        scale = max(scale, min(self.minimum / min(size), self.maximum / max(size)))
        return Size(*(self._fit(side * scale) for side in size))

    def _fit(self, side: float) -> int:
        up = -(-round(side) // self.multiple) * self.multiple
        lowest = -(-self.minimum // self.multiple) * self.multiple
        highest = self.maximum // self.multiple * self.multiple
        return max(lowest, min(highest, up))

    def __str__(self) -> str:
        if self.fixed:
            return ", ".join(map(str, self.fixed))
        steps = "" if self.multiple == 1 else f" in multiples of {self.multiple}"
        return f"{self.minimum}x{self.minimum} to {self.maximum}x{self.maximum}{steps}"


def _smallest_sufficient(offered: Size, size: Size) -> tuple[bool, int]:
    """Orders sizes of one shape: the smallest that is no smaller than ``size`` first, else the largest."""
    smaller = offered.pixels < size.pixels
    return smaller, -offered.pixels if smaller else offered.pixels
