"""Finds the model for a name in a request: catalogue ids, short names and OpenAI's names."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING, Literal

from cloudflare_image_mcp.catalog import Operation, models, openai_families, openai_family
from cloudflare_image_mcp.errors import GatewayError, shown
from cloudflare_image_mcp.imagefile.header import ImageFormat

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cloudflare_image_mcp.catalog import Model
    from cloudflare_image_mcp.core.request import ImageRequest


@dataclass(frozen=True, slots=True)
class ModelNames:
    """The default models, which OpenAI's names stand for too."""

    default: Model
    default_edit: Model

    def resolve(self, name: str | None, operation: Operation) -> Model:
        """The model for a catalogue id, the last part of one, one of OpenAI's names, or None.

        Raises ``GatewayError`` (404, ``model_not_found``).
        """
        if name is None or openai_family(name) is not None:
            return self.default if operation is Operation.GENERATE else self.default_edit
        return find_model(name)

    def aliases(self) -> Iterator[tuple[str, Model]]:
        """Yields OpenAI's names and the model that each stands for."""
        for family in openai_families():
            for name in family.names:
                yield name, self.default


def find_model(name: str) -> Model:
    """By id or by its last part, in any case, with any prefix of a provider (``workers-ai/@cf/...``).

    Raises ``GatewayError`` (404) that suggests the nearest names.
    """
    known = _by_name()
    parts = name.strip().lower().split("/")
    for start in range(len(parts)):
        model = known.get("/".join(parts[start:]))
        if model is not None and (start == 0 or "@cf" not in parts[:start]):
            return model
    short = [model.short_name for model in models().values()]
    near = get_close_matches(parts[-1], short, n=3, cutoff=0.5) or short
    suggestions = ", ".join(known[match].id for match in near)
    raise GatewayError("model_not_found", f"model {shown(name, 100)} does not exist; try {suggestions}", param="model")


@cache
def _by_name() -> dict[str, Model]:
    """The models by id and by the last part of it."""
    return {name: model for model in models().values() for name in (model.id, model.short_name)}


def natural_response(name: str | None) -> Literal["url", "b64_json"] | None:
    """What OpenAI itself answers under this name when no ``response_format`` is sent; None: not its name."""
    family = openai_family(name) if name else None
    return family.response if family else None


def natural_format(name: str | None) -> ImageFormat | None:
    """The file format that OpenAI's API answers with under this name when no ``output_format`` is sent."""
    family = openai_family(name) if name else None
    return ImageFormat(family.output_format) if family and family.output_format else None


def has_mask_in_alpha(request: ImageRequest) -> bool:
    """Whether OpenAI's API takes the transparent parts of the image as the mask of this edit."""
    family = openai_family(request.model) if request.model else None
    return request.operation is Operation.EDIT and family is not None and family.alpha_is_mask
