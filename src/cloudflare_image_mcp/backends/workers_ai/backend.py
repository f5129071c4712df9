"""The ``workers-ai`` backend: one call of the core is one image from Workers AI, whatever it takes to get it."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from cloudflare_image_mcp.backends.workers_ai.accounts import AccountPool, NoAccountError
from cloudflare_image_mcp.backends.workers_ai.answer import image_of
from cloudflare_image_mcp.backends.workers_ai.client import API_BASE_URL, WorkersAIClient
from cloudflare_image_mcp.backends.workers_ai.errors import Action, UpstreamError
from cloudflare_image_mcp.backends.workers_ai.neurons import LocalNeuronCounter, NeuronCounter
from cloudflare_image_mcp.backends.workers_ai.request import encode
from cloudflare_image_mcp.backends.workers_ai.retry import Attempts, RetryPolicy, told, with_another_seed
from cloudflare_image_mcp.core.abilities import Abilities
from cloudflare_image_mcp.core.ports import Rendered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudflare_image_mcp.backends.workers_ai.accounts import Account, AccountState
    from cloudflare_image_mcp.backends.workers_ai.request import WireRequest
    from cloudflare_image_mcp.catalog import Model
    from cloudflare_image_mcp.core.ports import Call, Clock, OnPartial, Pixels

_MOVES_ON = frozenset({Action.REST_BRIEFLY, Action.REST_UNTIL_RESET, Action.REST_UNTIL_RESTART})
"""The account rests, and the call goes to the next at once."""


@dataclass(slots=True)
class _Round:
    """Whom one call may not ask, and whom it has asked since it last waited."""

    barred: set[str] = field(default_factory=set)
    """Accounts that may not use the model."""
    asked: set[str] = field(default_factory=set)
    """The others are asked first, and without a pause."""


@dataclass(slots=True)
class Traffic:
    """What was sent, since the start."""

    calls: Counter[str] = field(default_factory=Counter)
    """HTTP calls by account id."""
    images: int = 0
    retries: Counter[str] = field(default_factory=Counter)
    """Calls that were made again, by the code that the first got, or by what went wrong where there was none.
    """


class WorkersAIBackend:
    """Implements ``Backend``."""

    name = "workers-ai"
    trained = True
    engine = None

    def __init__(
        self,
        accounts: Sequence[Account],
        pixels: Pixels,
        clock: Clock,
        *,
        base_url: str = API_BASE_URL,
        ai_gateway: str | None = None,
        neurons: NeuronCounter | None = None,
        retry: RetryPolicy | None = None,
    ) -> None:
        self._accounts = AccountPool(accounts, clock)
        self._client = WorkersAIClient(base_url, ai_gateway)
        self._pixels = pixels
        self._clock = clock
        self._retry = retry or RetryPolicy()
        self.neurons: NeuronCounter = neurons or LocalNeuronCounter()
        self.traffic = Traffic()
        self._begun = False

    def abilities(self, model: Model) -> Abilities:
        return Abilities.of_wire(model)

    async def run(self, call: Call, on_partial: OnPartial | None = None) -> Rendered:
        """Raises ``GatewayError``; ``EditRefused`` where no account's service does this edit with this model."""
        if not self._begun:
            # Calls that come meanwhile do not wait: it only says which account is asked first.
            self._begun = True
            self._accounts.count_spent(await self.neurons.spent(self._clock.now().date()))
        try:
            return await self._until_made(call)
        except NoAccountError as resting:
            raise resting.refusal.gateway_error(has_image=bool(call.images), retry_after=resting.seconds) from resting
        except UpstreamError as failure:
            raise failure.gateway_error(has_image=bool(call.images)) from failure

    async def aclose(self) -> None:
        await self._client.aclose()

    async def _until_made(self, call: Call) -> Rendered:
        """Asks one account after another, and again. Raises ``UpstreamError`` or ``NoAccountError``."""
        asked = call
        request = await encode(call, self._pixels)
        attempts = Attempts(self._retry, self._clock, call.model.wire.timeout)
        round_ = _Round()
        estimate = call.model.price.neurons(call.size, call.steps, request.inputs)
        wasted = 0.0
        """Neurons of answers that were charged and held no image."""
        while True:
            try:
                state = await self._accounts.take(round_.barred, estimate, round_.asked)
            except NoAccountError as resting:
                pause = None if resting.seconds is None else attempts.wait(resting.seconds)
                if pause is None:
                    raise
                await asyncio.sleep(pause)
                round_.asked.clear()
                continue
            try:
                rendered = await self._ask(state, call, request, estimate)
                neurons = (rendered.neurons or 0.0) + wasted
                return told(replace(rendered, neurons=neurons or None), asked.seed, call.seed)
            except UpstreamError as failure:
                wasted += failure.neurons or 0.0
                pause = self._after(failure, state, round_, attempts)
                if pause is None:
                    raise
                self.traffic.retries[str(failure.code or failure.text)] += 1
                if failure.meaning.action is Action.RETRY_ONCE:
                    call = with_another_seed(call)
                    request = await encode(call, self._pixels)
            await asyncio.sleep(pause)

    async def _ask(self, state: AccountState, call: Call, request: WireRequest, estimate: float) -> Rendered:
        """One call to one account."""
        account_id = state.account.account_id
        spent = 0.0
        self.traffic.calls[account_id] += 1
        try:
            answer = await self._client.run(state.account, call.model, request)
            spent = answer.neurons or 0.0
            image = await image_of(answer)
            spent = estimate if answer.neurons is None else answer.neurons
            self._accounts.succeeded(state)
            self.traffic.images += 1
            return Rendered(image=image, neurons=spent or None)
        except UpstreamError as failure:
            self._accounts.refused(state, failure)
            raise
        finally:
            self._accounts.give_back(state, estimate, spent)
            if spent:
                await self.neurons.add(account_id, self._clock.now().date(), spent)

    def _after(self, failure: UpstreamError, state: AccountState, round_: _Round, attempts: Attempts) -> float | None:
        """Seconds to wait before the call is made again; None when it is not."""
        action, account_id = failure.meaning.action, state.account.account_id
        asked_before = account_id in round_.asked
        round_.asked.add(account_id)
        if action is Action.FAIL:
            return None
        if action is Action.OTHER_ACCOUNT:
            round_.barred.add(account_id)
            return 0.0 if self._accounts.has_other(round_.barred) else None
        if action in _MOVES_ON:
            # An account that was asked twice without a pause has rested in between, and that counts as one.
            return attempts.wait(0.0) if asked_before else 0.0
        elsewhere = action is Action.RETRY and self._accounts.has_other(round_.asked | round_.barred)
        if not elsewhere:
            round_.asked.clear()
        return attempts.pause(failure, elsewhere=elsewhere)
