"""Finds the model for a name in a request: catalogue ids, short names and OpenAI's names."""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING, Literal

from cloudflare_image_mcp.catalog import Operation, models, openai_families, openai_family
from cloudflare_image_mcp.core.access import access
from cloudflare_image_mcp.errors import GatewayError, shown
from cloudflare_image_mcp.imagefile.header import ImageFormat
from cloudflare_image_mcp.limits import MAX_NAME_LENGTH

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudflare_image_mcp.catalog import Model
    from cloudflare_image_mcp.core.request import ImageRequest


@dataclass(frozen=True, slots=True)
class ModelNames:
    """The default models, which OpenAI's names stand for too, and the operator's own names."""

    default: Model
    default_edit: Model
    configured: Mapping[str, Model] = field(default_factory=dict)
    """``MODEL_ALIASES``: names in lower case, and the model that each stands for."""
    offered: Mapping[str, Model] = field(default_factory=models)
    """The models by id: those of Workers AI and, with ``CLOUDFLARE_CATALOGUE``, those of other providers."""

    def resolve(self, name: str | None, operation: Operation) -> Model:
        """The model for a catalogue id, the last part of one, a name of ``MODEL_ALIASES``, one of OpenAI's, or None.

        Raises ``GatewayError`` (404, ``model_not_found``).
        """
        default = self.default if operation is Operation.GENERATE else self.default_edit
        if name is None:
            return default
        model = self.alias(name)
        if model is None and self.is_id(name):
            return self.find(name)
        if openai_family(name) is not None:
            # Clients use one of OpenAI's names for everything: what its model cannot do is the default's.
            return model if model is not None and operation in model.promise.tasks else default
        return self.find(name) if model is None else model

    def find(self, name: str) -> Model:
        """Raises ``GatewayError`` (404) for a name that is no model's."""
        return find_model(name, self.offered)

    def is_id(self, name: str) -> bool:
        """Whether the name is a model's whole id, such as ``openai/gpt-image-2`` where that model is offered."""
        return name.strip().lower() in self.offered

    def alias(self, name: str) -> Model | None:
        """Returns the model of a name of ``MODEL_ALIASES``, in any case, with any prefix (``openai/gpt-image-2``)."""
        written = name.strip().lower()
        return self.configured.get(written) or self.configured.get(written.rsplit("/", 1)[-1])

    def is_alias(self, name: str) -> bool:
        """Whether the name stands for a model, as OpenAI's names and those of ``MODEL_ALIASES`` do."""
        if self.alias(name) is not None:
            return True
        return openai_family(name) is not None and not self.is_id(name)

    def usable(self) -> list[Model]:
        """The offered models that the caller's key may use."""
        allows = access.get().allows
        return [model for model in self.offered.values() if any(allows(model, task) for task in model.promise.tasks)]

    def usable_aliases(self) -> list[str]:
        """OpenAI's names, then the others of ``MODEL_ALIASES``, that stand for models the caller's key may use."""
        names = dict.fromkeys([*(name for family in openai_families() for name in family.names), *self.configured])
        allows = access.get().allows
        return [name for name in names if any(allows(self.resolve(name, task), task) for task in Operation)]


def find_model(name: str, offered: Mapping[str, Model] | None = None) -> Model:
    """By id or by its last part, in any case, with any prefix of a provider (``workers-ai/@cf/...``). ``offered``: the
    models to look in; None: those of Workers AI.

    Raises ``GatewayError`` (404) that suggests the nearest names.
    """
    rows = models() if offered is None else offered
    known = _workers_ai_names() if rows is models() else _by_name(rows)
    # A longer one is not looked for: the time grows with the square of the number of slashes.
    parts = name.strip().lower().split("/") if len(name) <= MAX_NAME_LENGTH else [""]
    for start in range(len(parts)):
        model = known.get("/".join(parts[start:]))
        if model is not None and (start == 0 or "@cf" not in parts[:start]):
            return model
    short = [model.short_name for model in rows.values() if model.short_name in known]
    near = get_close_matches(parts[-1], short, n=3, cutoff=0.5) or short
    suggestions = ", ".join(known[match].id for match in near)
    raise GatewayError("model_not_found", f"model {shown(name, 100)} does not exist; try {suggestions}", param="model")


@cache
def _workers_ai_names() -> dict[str, Model]:
    return _by_name(models())


def _by_name(rows: Mapping[str, Model]) -> dict[str, Model]:
    """The models by id and by the last part of it. A last part that two models share is the first one's, and OpenAI's
    names stand for the configured models: the model itself has its whole id.
    """
    names: dict[str, Model] = {}
    for model in rows.values():
        names[model.id] = model
        if not (model.proxied and openai_family(model.short_name)):
            names.setdefault(model.short_name, model)
    return names


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
