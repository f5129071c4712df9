"""The parameters, sizes and inputs that a backend takes for one model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudflare_image_mcp.catalog import Model, Operation, SizeRule


@dataclass(frozen=True, slots=True)
class Bounds:
    """The values of a parameter that the backend takes; None is unbounded."""

    minimum: float | None = None
    maximum: float | None = None


class Bounded(Protocol):
    """A parameter in any table: the catalogue's promise, or the schema of a model."""

    @property
    def minimum(self) -> float | None: ...

    @property
    def maximum(self) -> float | None: ...


def bounds_of(parameters: Mapping[str, Bounded]) -> dict[str, Bounds]:
    """Returns the bounds of all parameters but the prompt, which has none."""
    return {name: Bounds(row.minimum, row.maximum) for name, row in parameters.items() if name != "prompt"}


@dataclass(frozen=True, slots=True)
class Abilities:
    """A parameter that is not in ``parameters`` is not taken at all."""

    parameters: Mapping[str, Bounds]
    sizes: SizeRule
    images: int
    """Source and references together; 0: no input image."""
    mask: bool
    """Whether the engine itself repaints inside a mask only. The finish composites either way."""
    doubtful: frozenset[Operation] = frozenset()
    """Operations that the backend offers but was seen to refuse: of several calls, one is sent first, alone."""
    input_side: int | None = None
    """Pixels to which the longest side of an input image is scaled down; None: it is sent at the size of the result."""
    reference_side: int | None = None
    """Pixels to which the longest side of a reference is scaled down once, before the first call; None: the backend
    takes references as they were sent.
    """
    prompt: bool = True
    """Whether the model takes a prompt; one that only removes the background does not."""
    openai_prompt_length: int | None = None
    """The longest prompt in characters under OpenAI's names; None: the catalogue's for the model."""

    @classmethod
    def of_promise(cls, model: Model, sizes: SizeRule) -> Abilities:
        """All that the API promises, at the sizes that the engine draws natively."""
        return cls(bounds_of(model.promise.parameters), sizes, model.promise.images, mask=True)
