"""Models as ``GET /v1/models`` shows them: OpenAI's four fields, then what only this gateway can say."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from cloudflare_image_mcp.catalog import Operation, openai_family
from cloudflare_image_mcp.limits import MAX_IMAGES
from cloudflare_image_mcp.rest.paths import OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudflare_image_mcp.catalog import Model, Price
    from cloudflare_image_mcp.core.abilities import Abilities
    from cloudflare_image_mcp.core.gateway import Gateway
    from cloudflare_image_mcp.core.model_names import ModelNames

ENDPOINTS: Final[Mapping[Operation, str]] = {operation: path for path, operation in OPERATIONS.items()}


def list_models(gateway: Gateway) -> dict[str, Any]:
    """The models that the caller may use, then OpenAI's names and those of ``MODEL_ALIASES``, which stand for its
    models.
    """
    own = [_object(model, gateway) for model in gateway.options.names.usable()]
    aliases = [_alias_object(name, gateway) for name in gateway.options.names.usable_aliases()]
    return {"object": "list", "data": own + aliases}


def one_model(name: str, gateway: Gateway) -> dict[str, Any]:
    """Raises ``GatewayError`` (404)."""
    if gateway.options.names.is_alias(name):
        return _alias_object(name, gateway)
    return _object(gateway.options.names.find(name), gateway)


def _object(model: Model, gateway: Gateway) -> dict[str, Any]:
    backend = gateway.backend
    row = model_object(model, backend.name, backend.abilities(model), billed=backend.engine is None)
    return row | {"edits_made_by": gateway.edit_cost(model)}


def model_object(model: Model, backend: str, abilities: Abilities, *, billed: bool) -> dict[str, Any]:
    """Describes one model on a backend of that name with those abilities. ``price`` is None where nothing is billed."""
    tasks = [operation for operation in Operation if operation in model.promise.tasks]
    rule = model.promise.sizes
    return {
        "id": model.id,
        "object": "model",
        "created": model.created,
        "owned_by": model.owned_by,
        "name": model.title,
        "description": model.best_for,
        "type": "image",
        "backend": backend,
        "tasks": [task.value for task in tasks],
        "endpoints": [ENDPOINTS[task] for task in tasks],
        "mask": model.promise.mask.value,
        "transparent_background": "background" in abilities.parameters,
        "max_input_images": model.promise.images,
        "max_images": MAX_IMAGES,
        "max_prompt_length": model.promise.prompt_length,
        "parameters": {
            name: {
                "type": row.type,
                "minimum": row.minimum,
                "maximum": row.maximum,
                "default": row.default,
                "supported": name in abilities.parameters,
            }
            for name, row in model.promise.parameters.items()
        },
        "sizes": [str(size) for size in rule.listed],
        "size": {"minimum": rule.minimum, "maximum": rule.maximum, "default": str(rule.default)},
        "price": _price(model) if billed else None,
        "status": "beta" if model.beta else "available",
        "edits_made_by": None,
        "notes": list(model.live.notes),
    }


def _price(model: Model) -> dict[str, Any]:
    """The price of the default image, and the rates that it comes from."""
    return {
        **model.price.listed(model.promise.sizes.default),
        "per": f"{model.promise.sizes.default} image at default steps",
        "rates": _rates(model.price),
    }


def _rates(price: Price) -> dict[str, float]:
    return {
        name: value
        for name, value in asdict(price).items()
        if value and name.startswith(("per_", "first_", "further_"))
    }


def _alias_object(name: str, gateway: Gateway) -> dict[str, Any]:
    names = gateway.options.names
    return _object(names.resolve(name, Operation.GENERATE), gateway) | alias_fields(name, names)


def alias_fields(name: str, names: ModelNames) -> dict[str, Any]:
    """What the description of a model has instead under a name that stands for it."""
    model, editor = names.resolve(name, Operation.GENERATE), names.resolve(name, Operation.EDIT)
    return {
        "id": name,
        "owned_by": model.owned_by if openai_family(name) is None else "openai",
        "name": name,
        "description": f"stands for {model.id}; for edits and variations {editor.id}",
        "alias_of": model.id,
        "edit_alias_of": editor.id,
    }
