"""Says which model makes a model's edits, where the backend refuses them, and at what price."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cloudflare_image_mcp.catalog import Operation, Size
from cloudflare_image_mcp.core.fallbacks import LOCAL

if TYPE_CHECKING:
    from cloudflare_image_mcp.catalog import Model
    from cloudflare_image_mcp.core.abilities import Abilities
    from cloudflare_image_mcp.core.fallbacks import Fallbacks


def editor_of(model: Model, abilities: Abilities, fallbacks: Fallbacks) -> Model | None:
    """Returns the model that makes this model's edits; None when it makes them itself, or none on Workers AI does."""
    if Operation.EDIT not in abilities.doubtful:
        return None
    for fallback in fallbacks.after(model, refused=True):
        if fallback == LOCAL or fallback is model:
            return None
        if Operation.EDIT in fallback.promise.tasks:
            return fallback
    return None


def edit_cost(editor: Model, abilities: Abilities) -> dict[str, Any]:
    """Returns the editor's id and its price for an edit of one image at its default size, by currency.

    ``abilities`` are the editor's.
    """
    size, side = editor.promise.sizes.default, abilities.input_side
    source = size if side is None else Size(min(side, size.width), min(side, size.height))
    return {
        "model": editor.id,
        "price": {**editor.price.listed(size, [source]), "per": f"edit of one image at {size} and default steps"},
    }
