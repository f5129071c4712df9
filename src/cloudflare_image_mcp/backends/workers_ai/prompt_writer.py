"""Writes prompts with a text model of Workers AI."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from cloudflare_image_mcp.backends.workers_ai.errors import Meaning, UpstreamError
from cloudflare_image_mcp.backends.workers_ai.text_model import response_of
from cloudflare_image_mcp.catalog import Operation
from cloudflare_image_mcp.core.enhancing import TIMEOUT

if TYPE_CHECKING:
    from cloudflare_image_mcp.backends.workers_ai.reply import Reply
    from cloudflare_image_mcp.backends.workers_ai.text_model import TextModel

MOST_TOKENS: Final = 300
LONGEST: Final = 2_000
"""Characters of an answer: a longer one is no prompt."""
_ENGLISH: Final = "in English"
_SAME_LANGUAGE: Final = "in the language that the user wrote"
_NEW_PROMPT: Final = (
    "You write prompts for an image model. Rewrite the user's prompt {language}, vividly and in at most 80 words."
    " Keep every subject, number, colour, name and quoted text of it, and add fitting details of setting, light,"
    " composition and style. Answer with the prompt alone."
)
_SAME_INSTRUCTION: Final = (
    "You write instructions for an image editor. Put the user's instruction {language}, plainly, with nothing added and"
    " nothing left out. Answer with the instruction alone."
)
_NO_TEXT: Final = Meaning("upstream_error", message="The text model answered without a prompt")
_THOUGHTS: Final = re.compile(r"<think>.*?</think>", re.DOTALL)
_LABEL: Final = re.compile(r"^(?:prompt|instruction)\s*:\s*", re.IGNORECASE)


class WorkersAIPromptWriter:
    """Implements ``PromptWriter``. It asks once: a prompt that is not enhanced is no failure."""

    def __init__(self, model: TextModel) -> None:
        self._model = model

    async def write(self, prompt: str, operation: Operation, *, english: bool) -> str:
        """Raises ``GatewayError``."""
        system = _NEW_PROMPT if operation is Operation.GENERATE else _SAME_INSTRUCTION
        messages = [
            {"role": "system", "content": system.format(language=_ENGLISH if english else _SAME_LANGUAGE)},
            {"role": "user", "content": prompt},
        ]
        fields = {"messages": messages, "max_tokens": MOST_TOKENS, "temperature": 0.4}
        return await self._model.ask(fields, _text_of, seconds=TIMEOUT)

    async def aclose(self) -> None:
        await self._model.aclose()


def _text_of(reply: Reply) -> str:
    """The prompt of an answer. Raises ``UpstreamError``."""
    text = response_of(reply)
    tidy = _tidy(text) if isinstance(text, str) else ""
    if not tidy or len(tidy) > LONGEST:
        raise UpstreamError(_NO_TEXT)
    return tidy


def _tidy(text: str) -> str:
    """Without thoughts, a label, and quotation marks around the whole."""
    bare = _LABEL.sub("", _THOUGHTS.sub("", text).strip())
    if len(bare) > 1 and bare[0] == bare[-1] and bare[0] in "\"'`" and bare.count(bare[0]) == 2:
        bare = bare[1:-1]
    return " ".join(bare.split())
