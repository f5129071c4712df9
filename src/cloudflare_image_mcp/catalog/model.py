"""One model of the catalogue: what the gateway promises for it, and what it costs.

The core, the interfaces and the documentation see the promise and the price. What the model takes on the wire belongs
to the backend that calls it, which reads it from the same file.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cloudflare_image_mcp.catalog.sizes import Size, SizeRule

TILE_PIXELS: Final = 512 * 512
"""Workers AI bills in tiles of 512 x 512 pixels, fractions counted."""
MEGAPIXEL: Final = 1024 * 1024
"""The megapixel of the FLUX.2 [klein] 9B price."""
USD_PER_NEURON: Final = 0.011 / 1000
"""Workers AI's price of a neuron beyond the free allocation."""


def plain(number: float) -> str:
    """A number as people write it: ``4294967295``, ``7.5``."""
    return str(int(number)) if float(number).is_integer() else repr(number)


class Operation(StrEnum):
    """What a caller wants done."""

    GENERATE = "generate"
    EDIT = "edit"
    VARY = "vary"


class MaskUse(StrEnum):
    """Whether an edit takes a mask: never, if the caller likes, or always."""

    NONE = "none"
    OPTIONAL = "optional"
    REQUIRED = "required"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter as the API promises it. ``minimum`` and ``maximum`` are inclusive; None is unbounded."""

    name: str
    type: Literal["integer", "number", "string"]
    minimum: float | None = None
    maximum: float | None = None
    default: float | None = None

    @property
    def allowed(self) -> str:
        """The range in words, as it stands in an error message: ``an integer from 1 to 8``."""
        article = "an" if self.type[0] in "aeiou" else "a"
        if self.minimum is None or self.maximum is None:
            return f"{article} {self.type}"
        return f"{article} {self.type} from {plain(self.minimum)} to {plain(self.maximum)}"


@dataclass(frozen=True, slots=True)
class Promise:
    """What the gateway takes for this model, whichever backend makes the image."""

    tasks: frozenset[Operation]
    parameters: Mapping[str, Parameter]
    sizes: SizeRule
    mask: MaskUse
    images: int
    """How many source and reference images an edit takes, at the most."""
    prompt_length: int
    """Characters."""


class Currency(StrEnum):
    """What a price is counted in."""

    NEURONS = "neurons"
    USD = "usd"


@dataclass(frozen=True, slots=True)
class Price:
    """The price of an image, in ``currency``. The per-step price is charged per tile (measured totals agree with that
    reading alone).
    """

    currency: Currency = Currency.NEURONS
    per_output_tile: float = 0.0
    per_output_tile_step: float = 0.0
    per_input_tile: float = 0.0
    per_input_tile_step: float = 0.0
    first_output_megapixel: float = 0.0
    further_output_megapixel: float = 0.0
    per_input_megapixel: float = 0.0
    per_image: float = 0.0
    per_input_image: float = 0.0
    default_steps: int = 0
    reported: bool = True
    """Whether the service states the neurons of a call in ``cf-ai-neurons``."""

    @property
    def known(self) -> bool:
        """Whether the price of an image is known: models priced by tokens, and some others, list none."""
        return self.currency is Currency.NEURONS or self.per_image > 0

    def amount(self, size: Size, steps: int | None = None, inputs: Iterable[Size] = ()) -> float:
        """Returns the price of one image of ``size`` from ``steps`` steps and input images of the sizes ``inputs``."""
        taken = self.default_steps if steps is None else steps
        tiles = size.pixels / TILE_PIXELS
        further = max(0.0, size.pixels / MEGAPIXEL - 1)
        output = (
            self.per_image
            + tiles * (self.per_output_tile + self.per_output_tile_step * taken)
            + self.first_output_megapixel
            + further * self.further_output_megapixel
        )
        sizes = list(inputs)
        if not sizes:
            return output
        input_pixels = sum(image.pixels for image in sizes)
        return (
            output
            + input_pixels / TILE_PIXELS * (self.per_input_tile + self.per_input_tile_step * taken)
            + input_pixels / MEGAPIXEL * self.per_input_megapixel
            + len(sizes) * self.per_input_image
        )

    def listed(self, size: Size, inputs: Iterable[Size] = ()) -> dict[str, float | None]:
        """Returns the price of one image of ``size`` at default steps, by currency: neurons are also given in USD. None
        where it is not known.
        """
        if not self.known:
            return {"usd": None}
        amount = self.amount(size, inputs=inputs)
        if self.currency is Currency.USD:
            return {"usd": round(amount, 6)}
        return {"neurons": round(amount, 2), "usd": round(amount * USD_PER_NEURON, 6)}


@dataclass(frozen=True, slots=True)
class Live:
    """Where the running service was seen to differ from its schema."""

    tasks: frozenset[Operation]
    """The promised tasks that the service itself carries out; the gateway makes up for the others."""
    refusal: str | None
    """What it answers to the others, in a word: ``no-image-input``, ``image-shape``, ``no-access``."""
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Model:
    """One row of the catalogue."""

    id: str
    title: str
    owned_by: str
    provider: str
    created: int
    """Unix seconds at which the model appeared on Workers AI."""
    best_for: str
    beta: bool
    promise: Promise
    wire_table: Mapping[str, Any]
    """The table ``[wire]`` of the model's file, which the backend reads."""
    price: Price
    live: Live

    @property
    def proxied(self) -> bool:
        """Whether Cloudflare passes calls on to another provider, which are paid in USD."""
        return not self.id.startswith("@cf/")

    @property
    def short_name(self) -> str:
        """``flux-1-schnell`` of ``@cf/black-forest-labs/flux-1-schnell``."""
        return self.id.rsplit("/", 1)[-1]
