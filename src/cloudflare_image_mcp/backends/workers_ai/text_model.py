"""Asks a text model of Workers AI."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from cloudflare_image_mcp.backends.workers_ai.accounts import AccountPool, NoAccountError
from cloudflare_image_mcp.backends.workers_ai.errors import UpstreamError
from cloudflare_image_mcp.backends.workers_ai.reply import failure_of
from cloudflare_image_mcp.backends.workers_ai.request import WireRequest
from cloudflare_image_mcp.backends.workers_ai.upstream_span import upstream_span
from cloudflare_image_mcp.core.tracing import NO_TRACER

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cloudflare_image_mcp.backends.workers_ai.accounts import Account, AccountState
    from cloudflare_image_mcp.backends.workers_ai.neurons import NeuronCounter
    from cloudflare_image_mcp.backends.workers_ai.reply import Reply
    from cloudflare_image_mcp.backends.workers_ai.transport import Transport
    from cloudflare_image_mcp.core.ports import Clock
    from cloudflare_image_mcp.core.tracing import Tracer

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class _Model:
    """A text model, as a transport calls it."""

    id: str
    proxied: bool = False


class TextModel:
    """Asks one account, once."""

    def __init__(
        self,
        accounts: Sequence[Account],
        transport: Transport,
        clock: Clock,
        model_id: str,
        neurons: NeuronCounter,
        *,
        tracer: Tracer = NO_TRACER,
    ) -> None:
        # Of its own: what an account answers for a text says little about images.
        self._accounts = AccountPool(accounts, clock)
        self._transport = transport
        self._clock = clock
        self._model = _Model(model_id)
        self._neurons = neurons
        self._tracer = tracer

    async def ask(self, fields: Mapping[str, Any], read: Callable[[Reply], Answer], *, seconds: float) -> Answer:
        """Waits up to ``seconds``. Returns what ``read`` finds in the answer; it may raise ``UpstreamError``.

        Raises ``GatewayError``.
        """
        request = WireRequest(json.dumps(fields).encode(), (), (), timeout=seconds)
        try:
            return await self._ask(request, read)
        except NoAccountError as resting:
            raise resting.refusal.gateway_error(has_image=False) from resting
        except UpstreamError as failure:
            raise failure.gateway_error(has_image=False) from failure

    async def aclose(self) -> None:
        await self._transport.aclose()

    async def _ask(self, request: WireRequest, read: Callable[[Reply], Answer]) -> Answer:
        state = await self._accounts.take((), 0.0)
        with upstream_span(self._tracer, "chat", self._model.id, state.account):
            return await self._ask_account(state, request, read)

    async def _ask_account(self, state: AccountState, request: WireRequest, read: Callable[[Reply], Answer]) -> Answer:
        account, spent = state.account, 0.0
        try:
            reply = await self._transport.send(account, self._model, request)
            spent = reply.neurons or 0.0
            if reply.status != 200:
                raise failure_of(reply)
            answer = read(reply)
            self._accounts.succeeded(state)
            return answer
        except UpstreamError as failure:
            failure.account = account.label
            self._accounts.refused(state, failure)
            raise
        finally:
            self._accounts.give_back(state, 0.0, spent)
            if spent:
                await self._neurons.add(account.account_id, self._clock.now().date(), spent)


def response_of(reply: Reply) -> Any:
    """The text of an answer: Workers AI's ``response``, or OpenAI's ``choices``; None where there is none."""
    try:
        answer: Any = json.loads(reply.body)
        result = answer.get("result", answer)
        choices = result.get("choices")
        return choices[0]["message"]["content"] if choices else result["response"]
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
        return None
