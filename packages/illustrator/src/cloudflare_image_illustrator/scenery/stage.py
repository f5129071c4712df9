"""The stage: a picture under construction that scenery is built on and figures are placed on."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cloudflare_image_illustrator.colour import Rgb, hexed
from cloudflare_image_illustrator.scenery.palette import Palette
from cloudflare_image_illustrator.seeds import seeded


@dataclass(slots=True)
class Stage:
    """Size, light and the layers so far.

    kinds: scenery -> what kind of it, such as {"interior": "kitchen"}.
    horizon, floor_far, floor_near: y in pixels; figures stand between the last two. unit: pixels per thousandth of
    the shorter side, the scale of details. sun: (x, y) in pixels of the main light. back: SVG of the scenery up to the water; near:
    scenery after it, still behind the figures; front: before them. water: levels of its far and near edge.
    floating: nothing stands (space, air, under water); afloat: feet are in water. boats: there are vessels among the figures. front_bank: the skyline and the
    near and far colours of a bank in front of the water. ledge: left and right end of the ground where it does not reach across, in widths. banished: words for props that must not be added.
    """

    width: int
    height: int
    seed: int
    palette: Palette
    time: str
    weather: tuple[str, ...]
    season: str | None
    sky: tuple[str, ...]
    tints: dict[str, str]
    kinds: dict[str, str] = field(default_factory=dict)
    hidden_horizon: bool = False
    horizon: float = 0.0
    floor_far: float = 0.0
    floor_near: float = 0.0
    sun: tuple[float, float] = (0.0, 0.0)
    back: list[str] = field(default_factory=list)
    near: list[str] = field(default_factory=list)
    front: list[str] = field(default_factory=list)
    water: tuple[float, float] | None = None
    indoors: bool = False
    floating: bool = False
    afloat: bool = False
    foam: bool = False
    boats: bool = False
    front_bank: tuple[NDArray[np.floating[Any]], Rgb, Rgb] | None = None
    ledge: tuple[float, float] | None = None
    canvas: Image.Image = field(default_factory=lambda: Image.new("RGB", (1, 1)))
    paints: list[str] = field(default_factory=list)
    names: int = 0
    banished: frozenset[str] = frozenset()

    @property
    def unit(self) -> float:
        return (min(self.width, self.height) * 0.65 + max(self.width, self.height) * 0.35) / 1000

    def rng(self, *names: object) -> np.random.Generator:
        """The random numbers of one purpose."""
        return seeded(self.seed, *names)

    def gradient(
        self, stops: list[tuple[float, Rgb, float]], y0: float, y1: float, x0: float = 0.0, x1: float = 0.0
    ) -> str:
        """Defines a linear gradient in pixels and gives the paint that uses it. Stops: offset, colour, opacity."""
        return self._define(
            f'<linearGradient id="{{}}" gradientUnits="userSpaceOnUse" x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}">{{}}</linearGradient>',
            stops,
        )

    def glow(self, stops: list[tuple[float, Rgb, float]], x: float, y: float, radius: float) -> str:
        """Defines a radial gradient in pixels and gives the paint that uses it."""
        return self._define(
            f'<radialGradient id="{{}}" gradientUnits="userSpaceOnUse" cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}">{{}}</radialGradient>',
            stops,
        )

    def _define(self, shape: str, stops: list[tuple[float, Rgb, float]]) -> str:
        self.names += 1
        name = f"p{self.names}"
        inner = "".join(f'<stop offset="{o:g}" stop-color="{hexed(c)}" stop-opacity="{a:g}"/>' for o, c, a in stops)
        self.paints.append(shape.format(name, inner))
        return f"url(#{name})"

    def body(self, layer: list[str]) -> str:
        """A layer as an SVG body with the paints it uses."""
        return f"<defs>{''.join(self.paints)}</defs>{''.join(layer)}"


def path(points: NDArray[np.floating[Any]], close: bool = True) -> str:
    """Points (n x 2) as SVG path data."""
    inner = "L".join(f"{x:.1f} {y:.1f}" for x, y in points.tolist())
    return f"M{inner}" + ("z" if close else "")
