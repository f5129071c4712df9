"""Answers a text model: the user's words again, with a few more; or Llama Guard: its verdict on them."""

from __future__ import annotations

import json
from typing import Any, Final

from starlette.responses import JSONResponse, Response

from cloudflare_image_mcp.backends.workers_ai.llama_guard import MODEL as GUARD
from cloudflare_image_mcp.emulator.errors import INCOMPLETE, refuse
from cloudflare_image_mcp.emulator.filter import is_refused

TEXT_MODELS: Final = frozenset(
    {
        GUARD,
        "@cf/ibm-granite/granite-4.0-h-micro",
        "@cf/meta/llama-3.1-8b-instruct-fast",
        "@cf/meta/llama-3.2-3b-instruct",
    }
)
ADDED: Final = ", in warm evening light, finely detailed"
NEURONS: Final = 0.05
"""What a call costs here. The service's price is by tokens."""
SILENCE: Final = 60.0
"""Seconds that the fault ``text-slow`` waits."""


def answer_text(model_id: str, body: bytes, headers: dict[str, str]) -> Response:
    """Raises ``RefusalError``."""
    try:
        messages: Any = json.loads(body)["messages"]
        words = next(str(row["content"]) for row in reversed(messages) if row["role"] == "user")
    except (ValueError, KeyError, TypeError, StopIteration, RecursionError):
        raise refuse(INCOMPLETE, what="messages") from None
    usage = {"prompt_tokens": len(words) // 4, "completion_tokens": len(words) // 4 + 10}
    response = words + ADDED
    if model_id == GUARD:
        response = "\n\nunsafe\nS12" if is_refused(words) else "\n\nsafe"
    result = {"response": response, "usage": usage | {"total_tokens": sum(usage.values())}}
    envelope = {"result": result, "success": True, "errors": [], "messages": []}
    return JSONResponse(envelope, headers=headers | {"cf-ai-neurons": f"{NEURONS:.2f}"})
