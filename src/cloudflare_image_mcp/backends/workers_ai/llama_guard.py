"""A filter of prompts: Llama Guard on Workers AI."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from cloudflare_image_mcp.backends.workers_ai.errors import Meaning, UpstreamError
from cloudflare_image_mcp.backends.workers_ai.text_model import response_of
from cloudflare_image_mcp.errors import GatewayError

if TYPE_CHECKING:
    from cloudflare_image_mcp.backends.workers_ai.reply import Reply
    from cloudflare_image_mcp.backends.workers_ai.text_model import TextModel

MODEL: Final = "@cf/meta/llama-guard-3-8b"
TIMEOUT: Final = 15.0
"""Seconds."""
_NO_VERDICT: Final = Meaning("upstream_error", message="Llama Guard answered without a verdict")
_VERDICT: Final = re.compile(r"\s*(?P<verdict>safe|unsafe)\b", re.IGNORECASE)


class LlamaGuard:
    """Implements ``PromptFilter``."""

    def __init__(self, model: TextModel) -> None:
        """``model``: that of ``MODEL``."""
        self._model = model

    async def check(self, prompt: str) -> None:
        """Raises ``GatewayError``: ``content_policy_violation``, or why there is no verdict."""
        if not prompt.strip():
            return
        fields = {"messages": [{"role": "user", "content": prompt}], "temperature": 0.0, "max_tokens": 32}
        if not await self._model.ask(fields, _is_safe, seconds=TIMEOUT):
            raise GatewayError("content_policy_violation", "Llama Guard judged the prompt unsafe", param="prompt")

    async def aclose(self) -> None:
        await self._model.aclose()


def _is_safe(reply: Reply) -> bool:
    """Raises ``UpstreamError`` for an answer that says neither."""
    response = response_of(reply)
    if isinstance(response, dict) and isinstance(response.get("safe"), bool):  # as its JSON mode answers
        return bool(response["safe"])
    found = _VERDICT.match(response) if isinstance(response, str) else None
    if found is None:
        raise UpstreamError(_NO_VERDICT)
    return found["verdict"].lower() == "safe"
