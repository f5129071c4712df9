"""Describes the models for ``list_models`` and ``describe_model``, as data and as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cloudflare_image_mcp.catalog import MaskUse, Operation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cloudflare_image_mcp.catalog import Model, Parameter
    from cloudflare_image_mcp.core.gateway import Gateway


def summary(model: Model, gateway: Gateway) -> dict[str, Any]:
    """Returns one row of ``list_models``."""
    return {
        "id": model.id,
        "name": model.title,
        "best_for": model.best_for,
        "tasks": _tasks(model),
        "mask": model.promise.mask.value,
        "max_input_images": model.promise.images,
        "default_size": str(model.promise.sizes.default),
        **({} if gateway.backend.engine else {"price": price(model)}),
        "default_for": _default_for(model, gateway),
    }


def description(model: Model, gateway: Gateway) -> dict[str, Any]:
    """Returns the structured content of ``describe_model``."""
    rule, abilities = model.promise.sizes, gateway.backend.abilities(model)
    return summary(model, gateway) | {
        "backend": gateway.backend.name,
        "owned_by": model.owned_by,
        "status": "beta" if model.beta else "available",
        "max_prompt_length": model.promise.prompt_length,
        "parameters": {
            name: _parameter(row) | {"supported": name in abilities.parameters}
            for name, row in model.promise.parameters.items()
        },
        "sizes": {
            "minimum_side": rule.minimum,
            "maximum_side": rule.maximum,
            "default": str(rule.default),
            "examples": [str(size) for size in rule.listed],
        },
        **({"edits_made_by": edits} if (edits := gateway.edit_cost(model)) else {}),
        "limits": list(model.live.notes),
        "next": _next(model),
    }


def _parameter(row: Parameter) -> dict[str, Any]:
    known = {"type": row.type, "minimum": row.minimum, "maximum": row.maximum, "default": row.default}
    return {name: value for name, value in known.items() if value is not None}


def price(model: Model) -> dict[str, Any]:
    """Returns the price of one image at the default size and steps."""
    return model.price.listed(model.promise.sizes.default)


def catalogue_text(gateway: Gateway) -> str:
    """Returns the text of ``list_models``."""
    usable = gateway.options.names.usable()
    lines = [f"{len(usable)} models (backend: {gateway.backend.name}):"]
    for model in usable:
        row = summary(model, gateway)
        default = f"default to {' and '.join(row['default_for'])}" if row["default_for"] else ""
        facts = [", ".join(row["tasks"]), f"mask {row['mask']}", _price_text(model, gateway), model.best_for, default]
        lines.append(f"- {model.id}: {'; '.join(filter(None, facts))}")
    lines.append("Next: describe_model for the parameters of one, or run_model to make an image.")
    return "\n".join(lines)


def description_text(model: Model, gateway: Gateway) -> str:
    """Returns the text of ``describe_model``."""
    return "\n".join(_description_lines(model, gateway))


def _description_lines(model: Model, gateway: Gateway) -> Iterator[str]:
    row, price_text = description(model, gateway), _price_text(model, gateway) or "none, nothing is billed"
    yield f"{model.title} ({model.id}), {row['status']}: {model.best_for}"
    yield f"Tasks: {', '.join(row['tasks'])}. Mask: {row['mask']}. Input images: up to {row['max_input_images']}."
    yield f"Sizes: {model.promise.sizes}; default {model.promise.sizes.default}. Price: {price_text}."
    yield f"Prompt: up to {model.promise.prompt_length:,} characters. Parameters:"
    supported = row["parameters"]
    for name, parameter in model.promise.parameters.items():
        default = "" if parameter.default is None else f", default {parameter.default:g}"
        ignored = (
            "" if supported[name]["supported"] else f" (not supported by {gateway.backend.name}: reported and ignored)"
        )
        yield f"- {name}: {parameter.allowed}{default}{ignored}"
    if "edits_made_by" in row:
        editor, cost = row["edits_made_by"]["model"], row["edits_made_by"]["price"]
        usd = "a price that is not known" if cost["usd"] is None else f"${cost['usd']:g}"
        yield f"Edits and variations are made by {editor}, for {usd} an image ({cost['per']})."
    for note in model.live.notes:
        yield f"Known limit: {note}"
    yield f"Next: {row['next']}"


def _tasks(model: Model) -> list[str]:
    return [operation.value for operation in Operation if operation in model.promise.tasks]


def _default_for(model: Model, gateway: Gateway) -> list[str]:
    names = gateway.options.names
    return [operation.value for operation in Operation if names.resolve(None, operation) is model]


def _price_text(model: Model, gateway: Gateway) -> str:
    """Returns an empty text for an engine that costs nothing."""
    if gateway.backend.engine is not None:
        return ""
    amount = price(model)
    if amount["usd"] is None:
        return "paid in USD, an image's price is not listed"
    if not amount["usd"]:
        return "free (beta)"
    neurons = f"{amount['neurons']:g} neurons (${amount['usd']:g})" if "neurons" in amount else f"${amount['usd']:g}"
    return f"{neurons} for {model.promise.sizes.default}"


def _next(model: Model) -> str:
    mask = ", mask=<image>" if model.promise.mask is MaskUse.REQUIRED else ""
    calls = {
        Operation.GENERATE: f'run_model(model="{model.id}", prompt=...)',
        Operation.EDIT: f'run_model(model="{model.id}", operation="edit", prompt=..., images=[<image>]{mask})',
        Operation.VARY: f'run_model(model="{model.id}", operation="vary", prompt=..., images=[<image>])',
    }
    return " or ".join(calls[operation] for operation in Operation if operation in model.promise.tasks)
