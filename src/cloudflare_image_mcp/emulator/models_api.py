"""``GET …/ai/models/search`` and ``GET …/ai/models/schema``: what the account can run, and with what."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from cloudflare_image_mcp.catalog import models
from cloudflare_image_mcp.catalog.model import USD_PER_NEURON
from cloudflare_image_mcp.emulator.errors import NO_SUCH_MODEL, refuse
from cloudflare_image_mcp.emulator.schemas import input_schema, output_schema

if TYPE_CHECKING:
    from cloudflare_image_mcp.catalog import Model

TASK: Final = {
    "id": "3d6e1f35-341b-4915-a6c8-9a7142a9033a",
    "name": "Text-to-Image",
    "description": "Makes images from text, and on some models from images.",
}
_PARTNERS: Final = ("@cf/black-forest-labs/flux-2-", "@cf/leonardo/")
"""Where models begin that Cloudflare offers with their makers."""
_SPACE: Final = uuid.UUID(TASK["id"])

_PRICES: Final = {
    "per_output_tile": "per 512 by 512 tile",
    "per_output_tile_step": "per step",
    "per_input_tile": "per input 512x512 tile",
    "per_input_tile_step": "per input 512x512 tile, per step",
    "first_output_megapixel": "per first MP",
    "further_output_megapixel": "per subsequent MP",
    "per_input_megapixel": "per input MP",
}


def found(task: str | None, search: str | None) -> list[dict[str, Any]]:
    """The models of a task (any: None) whose name holds ``search``."""
    if task not in {None, "", TASK["name"]}:
        return []
    return [_item(model) for model in models().values() if (search or "").lower() in model.id.lower()]


def schemas_of(model_id: str) -> dict[str, Any]:
    """Raises ``RefusalError``."""
    if model_id not in models():
        raise refuse(NO_SUCH_MODEL, model=model_id)
    return {"input": input_schema(model_id), "output": output_schema(model_id)}


def _item(model: Model) -> dict[str, Any]:
    created = datetime.fromtimestamp(model.created, UTC)
    properties: list[dict[str, Any]] = []
    if model.beta:
        properties.append({"property_id": "beta", "value": "true"})
    if model.id.startswith(_PARTNERS):
        properties.append({"property_id": "partner", "value": "true"})
    if prices := _prices(model):
        properties.append({"property_id": "price", "value": prices})
    return {
        "id": str(uuid.uuid5(_SPACE, model.id)),
        "source": 1,
        "name": model.id,
        "description": f"{model.title} by {model.provider}: {model.best_for}.",
        "task": TASK,
        "created_at": created.strftime("%Y-%m-%d %H:%M:%S.000"),
        "tags": [],
        "properties": properties,
    }


def _prices(model: Model) -> list[dict[str, Any]]:
    neurons = {unit: getattr(model.price, name) for name, unit in _PRICES.items()}
    return [
        {"unit": unit, "price": round(value * USD_PER_NEURON, 6), "currency": "USD"}
        for unit, value in neurons.items()
        if value
    ]
