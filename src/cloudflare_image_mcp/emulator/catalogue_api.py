"""``GET …/ai/catalog/models`` and ``…/{id}/schema``: other providers' models that the account can call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from cloudflare_image_mcp.emulator.errors import NO_SUCH_MODEL, refuse

if TYPE_CHECKING:
    from cloudflare_image_mcp.emulator.proxied_registry import Registry

PER_PAGE: Final = 20


def listed(registry: Registry, page: int, per_page: int) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """One page of the models, and the ``result_info``. A text model stands among them, as in the service."""
    rows = [
        {"id": row.id, "name": row.title, "task": row.task, "description": f"{row.title}, emulated"}
        for row in registry.all()
    ]
    rows.append({"id": "openai/gpt-5.1", "name": "GPT 5.1", "task": "Text Generation", "description": "Text"})
    found = rows[(page - 1) * per_page : page * per_page]
    info = {"count": len(found), "page": page, "per_page": per_page, "total_count": len(rows)}
    return found, info


def schema_of(registry: Registry, model_id: str) -> dict[str, Any]:
    """Raises ``RefusalError``."""
    row = registry.find(model_id)
    if row is None:
        raise refuse(NO_SUCH_MODEL, model=model_id)
    return {"input": row.input, "output": row.output}
