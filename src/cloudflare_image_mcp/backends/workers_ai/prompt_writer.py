"""Writes prompts with a text model of Workers AI."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cloudflare_image_mcp.backends.workers_ai.accounts import AccountPool, NoAccountError
from cloudflare_image_mcp.backends.workers_ai.errors import Meaning, UpstreamError
from cloudflare_image_mcp.backends.workers_ai.reply import failure_of
from cloudflare_image_mcp.backends.workers_ai.request import WireRequest
from cloudflare_image_mcp.catalog import Operation
from cloudflare_image_mcp.core.enhancing import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudflare_image_mcp.backends.workers_ai.accounts import Account
    from cloudflare_image_mcp.backends.workers_ai.neurons import NeuronCounter
    from cloudflare_image_mcp.backends.workers_ai.reply import Reply
    from cloudflare_image_mcp.backends.workers_ai.transport import Transport
    from cloudflare_image_mcp.core.ports import Clock

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


@dataclass(frozen=True, slots=True)
class TextModel:
    """A text model, as a transport calls it."""

    id: str
    proxied: bool = False


class WorkersAIPromptWriter:
    """Implements ``PromptWriter``. It asks one account, once: a prompt that is not enhanced is no failure."""

    def __init__(
        self, accounts: Sequence[Account], transport: Transport, clock: Clock, model_id: str, neurons: NeuronCounter
    ) -> None:
        # Of its own: what an account answers for a text says little about images.
        self._accounts = AccountPool(accounts, clock)
        self._transport = transport
        self._clock = clock
        self._model = TextModel(model_id)
        self._neurons = neurons

    async def write(self, prompt: str, operation: Operation, *, english: bool) -> str:
        """Raises ``GatewayError``."""
        system = _NEW_PROMPT if operation is Operation.GENERATE else _SAME_INSTRUCTION
        messages = [
            {"role": "system", "content": system.format(language=_ENGLISH if english else _SAME_LANGUAGE)},
            {"role": "user", "content": prompt},
        ]
        body = json.dumps({"messages": messages, "max_tokens": MOST_TOKENS, "temperature": 0.4}).encode()
        try:
            return await self._ask(WireRequest(body, (), (), timeout=PATIENCE))
        except NoAccountError as resting:
            raise resting.refusal.gateway_error(has_image=False) from resting
        except UpstreamError as failure:
            raise failure.gateway_error(has_image=False) from failure

    async def aclose(self) -> None:
        await self._transport.aclose()

    async def _ask(self, request: WireRequest) -> str:
        state = await self._accounts.take((), 0.0)
        account, spent = state.account, 0.0
        try:
            reply = await self._transport.send(account, self._model, request)
            spent = reply.neurons or 0.0
            if reply.status != 200:
                raise failure_of(reply)
            text = _text_of(reply)
            self._accounts.succeeded(state)
            return text
        except UpstreamError as failure:
            failure.account = account.label
            self._accounts.refused(state, failure)
            raise
        finally:
            self._accounts.give_back(state, 0.0, spent)
            if spent:
                await self._neurons.add(account.account_id, self._clock.now().date(), spent)


def _text_of(reply: Reply) -> str:
    """The prompt of an answer: Workers AI's ``response``, or OpenAI's ``choices``. Raises ``UpstreamError``."""
    try:
        answer: Any = json.loads(reply.body)
        result = answer.get("result", answer)
        choices = result.get("choices")
        text = choices[0]["message"]["content"] if choices else result["response"]
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
        text = None
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
