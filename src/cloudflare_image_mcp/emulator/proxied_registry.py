"""The other providers' models that the emulator has: the catalogue's, and those added while it runs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cloudflare_image_mcp.backends.workers_ai.proxied_wire import proxied_wire_of
from cloudflare_image_mcp.catalog import proxied_models
from cloudflare_image_mcp.emulator.proxied_schemas import proxied_input_schema, proxied_output_schema

if TYPE_CHECKING:
    from cloudflare_image_mcp.catalog import Model
    from cloudflare_image_mcp.emulator.schemas import Schema


@dataclass(frozen=True, slots=True)
class Registered:
    """One model."""

    id: str
    title: str
    task: str
    input: Schema
    output: Schema
    media_type: str
    """Of the image when no format is asked for."""
    side: int
    """The side of its default square."""
    model: Model
    """A row of the catalogue, for what a call needs to know of its model; an added model borrows one."""

    @property
    def answer(self) -> str:
        """The field of its answer: ``image`` or ``images``."""
        return "images" if "images" in self.output.get("properties", {}) else "image"


class Registry:
    """Finds the models by id."""

    def __init__(self) -> None:
        self._added: dict[str, Registered] = {}

    def find(self, model_id: str) -> Registered | None:
        model = proxied_models().get(model_id)
        return _of_catalogue(model) if model is not None else self._added.get(model_id)

    def all(self) -> list[Registered]:
        return [*map(_of_catalogue, proxied_models().values()), *self._added.values()]

    def add(self, model_id: str, body: bytes) -> None:
        """Adds a model from ``{"input": schema, "output": schema}`` and optionally ``name``, ``task`` and
        ``media_type``. Raises ``ValueError`` with the reason.
        """
        wanted = 'send a JSON object such as {"input": {"properties": {"prompt": {"type": "string"}}}}'
        try:
            values: Any = json.loads(body)
            properties = values["input"]["properties"]
        except (ValueError, KeyError, TypeError, RecursionError):
            raise ValueError(wanted) from None
        if not isinstance(properties, dict):
            raise ValueError(wanted)
        self._added[model_id] = Registered(
            id=model_id,
            title=str(values.get("name", model_id)),
            task=str(values.get("task", "Text-to-Image")),
            input=values["input"],
            output=values.get("output", {"type": "object", "properties": {"image": {"type": "string"}}}),
            media_type=str(values.get("media_type", "image/png")),
            side=1024,
            model=next(iter(proxied_models().values())),
        )


def _of_catalogue(model: Model) -> Registered:
    wire = proxied_wire_of(model)
    edits_only = not any(task.value == "generate" for task in model.promise.tasks)
    return Registered(
        id=model.id,
        title=model.title,
        task="Image-to-Image" if edits_only else "Text-to-Image",
        input=proxied_input_schema(model.id),
        output=proxied_output_schema(model.id),
        media_type=wire.media_type,
        side=round(wire.size.rule.default.pixels**0.5),
        model=model,
    )
