"""The Workers AI engine: makes one image for each call, with retries over all accounts, over any transport."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from cloudflare_image_mcp.backends.workers_ai.accounts import AccountPool, NoAccountError
from cloudflare_image_mcp.backends.workers_ai.ai_gateway import passed_on
from cloudflare_image_mcp.backends.workers_ai.errors import Action, UpstreamError
from cloudflare_image_mcp.backends.workers_ai.neurons import DAILY_NEURONS, LocalNeuronCounter, NeuronCounter
from cloudflare_image_mcp.backends.workers_ai.proxied_reply import proxied_image_of
from cloudflare_image_mcp.backends.workers_ai.proxied_request import encode_proxied
from cloudflare_image_mcp.backends.workers_ai.reply import image_of
from cloudflare_image_mcp.backends.workers_ai.request import encode
from cloudflare_image_mcp.backends.workers_ai.retry import Attempts, RetryPolicy, with_another_seed, with_seed_warning
from cloudflare_image_mcp.backends.workers_ai.upstream_span import upstream_span
from cloudflare_image_mcp.backends.workers_ai.wire import abilities_beside, abilities_of
from cloudflare_image_mcp.catalog import Currency, Operation
from cloudflare_image_mcp.core.access import access
from cloudflare_image_mcp.core.metrics import Traffic
from cloudflare_image_mcp.core.ports import Call, Rendered
from cloudflare_image_mcp.core.tracing import NO_TRACER
from cloudflare_image_mcp.errors import GatewayError
from cloudflare_image_mcp.request_context import is_cancelled, request_id

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from cloudflare_image_mcp.backends.workers_ai.accounts import Account, AccountState
    from cloudflare_image_mcp.backends.workers_ai.reply import Reply
    from cloudflare_image_mcp.backends.workers_ai.request import WireRequest
    from cloudflare_image_mcp.backends.workers_ai.transport import Transport
    from cloudflare_image_mcp.catalog import Model
    from cloudflare_image_mcp.core.abilities import Abilities
    from cloudflare_image_mcp.core.ports import Clock, ImageFetcher, OnPartial, Pixels
    from cloudflare_image_mcp.core.tracing import Tracer
    from cloudflare_image_mcp.imagefile.image import Image

_log = logging.getLogger(__name__)
# Without configure_logging nothing is printed: a command prints its error itself.
_log.addHandler(logging.NullHandler())

_MOVES_ON = frozenset({Action.REST_BRIEFLY, Action.REST_UNTIL_RESET, Action.REST_AND_PROBE})
"""The account rests, and the call goes to the next account at once."""


@dataclass(frozen=True, slots=True)
class _Service:
    """How models of one kind are called: Workers AI's own, or those of other providers."""

    accounts: AccountPool
    encode: Callable[[Call], Awaitable[WireRequest]]
    image_of: Callable[[Reply], Awaitable[Image]]


@dataclass(slots=True)
class _Progress:
    """What has been tried for one call."""

    service: _Service
    attempts: Attempts
    usd: float | None
    """The price of one image, where it is paid in USD and known."""
    estimate: float
    """Neurons of one image."""
    barred: set[str] = field(default_factory=set)
    """Accounts that may not use the model."""
    asked: set[str] = field(default_factory=set)
    """Accounts asked since the last pause: the others are asked first."""
    no_access: UpstreamError | None = None
    """Why the last of ``barred`` may not use the model."""
    sent: int = 0
    """Requests sent."""
    wasted: float = 0.0
    """Neurons of answers that were charged and held no image."""


class WorkersAIBackend:
    """Implements ``Backend``."""

    name = "workers-ai"
    trained = True
    billed = True
    engine: str | None = None

    def __init__(
        self,
        accounts: Sequence[Account],
        transport: Transport,
        pixels: Pixels,
        clock: Clock,
        *,
        ai_gateway: str | None = None,
        neurons: NeuronCounter | None = None,
        retry: RetryPolicy | None = None,
        result_fetcher: ImageFetcher | None = None,
        background_remover: Model | None = None,
        tracer: Tracer = NO_TRACER,
    ) -> None:
        """``ai_gateway`` is the id of an AI Gateway of the accounts through which calls go, where they can.
        ``result_fetcher`` fetches the images of other providers' models; it is needed where those are called.
        ``background_remover`` is the model that makes backgrounds transparent where the called one cannot.
        """
        self._own = _Service(AccountPool(accounts, clock), partial(encode, pixels=pixels, gateway=ai_gateway), image_of)
        self._proxied: _Service | None = None
        if result_fetcher is not None:
            # With a pool of its own: whether an account may use these models has nothing to do with its neurons and
            # its Workers AI permission.
            self._proxied = _Service(
                AccountPool(accounts, clock),
                partial(encode_proxied, pixels=pixels, gateway=ai_gateway),
                partial(proxied_image_of, fetcher=result_fetcher),
            )
        self._background_remover = background_remover
        self._transport = transport
        self._clock = clock
        self._retry = retry or RetryPolicy()
        self._tracer = tracer
        self.neurons: NeuronCounter = neurons or LocalNeuronCounter()
        self.traffic = Traffic()
        self._begun = False

    @property
    def is_awake(self) -> bool:
        """Whether an account does not rest."""
        return self._own.accounts.has_other(())

    def abilities(self, model: Model) -> Abilities:
        return abilities_beside(model, self._background_remover)

    async def run(self, call: Call, on_partial: OnPartial | None = None) -> Rendered:
        """Raises ``GatewayError``; ``EditRefused`` where no account's service makes this edit with this model."""
        if not self._begun:
            # Calls that come meanwhile do not wait: it only decides which account is asked first.
            self._begun = True
            self._own.accounts.count_spent(await self.neurons.spent(self._clock.now().date()))
        remover = self._background_remover
        if call.background == "transparent" and remover is not None and not _makes_transparent(call.model):
            return await self._without_background(call, remover)
        return await self._render(call)

    async def _without_background(self, call: Call, remover: Model) -> Rendered:
        """Makes the image, then has its background removed. The image as it is, with a warning, where that fails."""
        rendered = await self._render(replace(call, background=None, output_format=None))
        size = rendered.image.size
        removal = Call(model=remover, operation=Operation.EDIT, prompt="", size=size, images=(rendered.image,))
        try:
            access.get().check(remover, Operation.EDIT)
            cut = await self._render(removal)
        except GatewayError as error:
            warning = f"the background was not removed: {str(error).rstrip('.')}"
            return replace(rendered, warnings=(*rendered.warnings, warning), degraded=True)
        warnings = (*rendered.warnings, f"the background was removed by {remover.id}")
        usd = (rendered.usd or 0.0) + (cut.usd or 0.0) if call.model.price.known else None
        return replace(rendered, image=cut.image, usd=usd, warnings=warnings)

    async def _render(self, call: Call) -> Rendered:
        """Raises ``GatewayError``."""
        try:
            return await self._render_with_retries(call)
        except NoAccountError as resting:
            raise resting.refusal.gateway_error(has_image=bool(call.images), retry_after=resting.seconds) from resting
        except UpstreamError as failure:
            raise failure.gateway_error(has_image=bool(call.images)) from failure

    async def aclose(self) -> None:
        await self._transport.aclose()

    async def _render_with_retries(self, call: Call) -> Rendered:
        """Asks one account after another, with retries. Raises ``UpstreamError`` or ``NoAccountError``."""
        asked_for = call
        service = self._service(call.model)
        request = await service.encode(call)
        progress = self._progress(call, request, service)
        while True:
            try:
                state = await service.accounts.take(progress.barred, progress.estimate, progress.asked)
            except NoAccountError as resting:
                pause = self._wait(resting, progress, has_image=bool(call.images))
                await asyncio.sleep(pause)
                progress.asked.clear()
                continue
            if is_cancelled.get()():
                service.accounts.give_back(state, progress.estimate, 0.0)
                raise asyncio.CancelledError
            try:
                with upstream_span(
                    self._tracer, "image_generation", call.model.id, state.account, resends=progress.sent
                ):
                    rendered = await self._ask(state, call, request, progress)
                if progress.wasted:
                    rendered = replace(rendered, neurons=(rendered.neurons or 0.0) + progress.wasted)
                return with_seed_warning(rendered, asked_for.seed, call.seed)
            except UpstreamError as failure:
                progress.wasted += failure.neurons or 0.0
                retry = self._after(failure, state, progress)
                if retry is None:
                    raise
                pause = retry
                self.traffic.retries[failure.error_type] += 1
                if failure.meaning.action is Action.RETRY_ONCE:
                    call = with_another_seed(call)
                    request = await service.encode(call)
            await asyncio.sleep(pause)

    def _service(self, model: Model) -> _Service:
        if not model.proxied:
            return self._own
        if self._proxied is None:
            raise RuntimeError("the backend was made without a fetcher for the images of other providers' models")
        return self._proxied

    def _progress(self, call: Call, request: WireRequest, service: _Service) -> _Progress:
        model = call.model
        price = model.price.amount(call.size, call.steps, request.inputs)
        in_usd = model.price.currency is Currency.USD
        return _Progress(
            service,
            Attempts(self._retry, self._clock, request.timeout),
            usd=price if in_usd and model.price.known else None,
            estimate=0.0 if in_usd else price,
        )

    async def _ask(self, state: AccountState, call: Call, request: WireRequest, progress: _Progress) -> Rendered:
        """Sends one request to one account."""
        account = state.account
        spent = 0.0
        begun = self._clock.monotonic()
        progress.sent += 1
        self.traffic.calls[account.account_id] += 1
        code = "cancelled"
        try:
            reply = await self._transport.send(account, call.model, request)
            neurons = reply.neurons
            spent = neurons or 0.0
            image = await progress.service.image_of(reply)
            if neurons is None:
                spent = progress.estimate
            progress.service.accounts.succeeded(state)
            self.traffic.images += 1
            code = ""
            return Rendered(image=image, neurons=spent or None, usd=progress.usd, headers=passed_on(reply.headers))
        except UpstreamError as failure:
            failure.account = account.label
            code = failure.error_type
            _log.warning(
                "upstream failure: request=%s model=%s account=%s code=%s attempt=%d seconds=%.2f: %s",
                request_id.get(),
                call.model.id,
                account.name or account.account_id[-4:],
                "-" if failure.code is None else failure.code,
                progress.sent,
                self._clock.monotonic() - begun,
                failure.message,
            )
            await self._refused(state, failure, progress.service.accounts)
            raise
        finally:
            self.traffic.outcomes[call.model.id, account.account_id[-4:], code] += 1
            progress.service.accounts.give_back(state, progress.estimate, spent)
            if spent:
                await self.neurons.add(account.account_id, self._clock.now().date(), spent)

    async def _refused(self, state: AccountState, failure: UpstreamError, accounts: AccountPool) -> None:
        """Lets the account rest, where the failure is its own. Counts its day as used up, when the service says so."""
        rested = state.refusal is not None
        accounts.refused(state, failure)
        if rested or not accounts.used_up(state):
            return
        account_id, day = state.account.account_id, self._clock.now().date()
        missing = DAILY_NEURONS - (await self.neurons.spent(day)).get(account_id, 0.0)
        if missing > 0:
            await self.neurons.add(account_id, day, missing)

    def _wait(self, resting: NoAccountError, progress: _Progress, *, has_image: bool) -> float:
        """Returns the seconds to wait for an account. Raises when the wait is too long.

        Rejected credentials are not waited for: the end of their rest is only another try.
        """
        if resting.refusal.meaning.action is not Action.REST_AND_PROBE:
            pause = progress.attempts.wait(resting.seconds)
            if pause is not None:
                return pause
        # An edit that an account may not make goes to another model, which that account may be allowed to use.
        if has_image and progress.no_access is not None:
            raise progress.no_access
        raise resting

    def _after(self, failure: UpstreamError, state: AccountState, progress: _Progress) -> float | None:
        """Returns the seconds to wait before the call is retried; None when it is not."""
        action, account_id = failure.meaning.action, state.account.account_id
        asked_before = account_id in progress.asked
        progress.asked.add(account_id)
        if action is Action.FAIL:
            return None
        if action is Action.OTHER_ACCOUNT:
            progress.barred.add(account_id)
            progress.no_access = failure
            return 0.0 if progress.service.accounts.has_unbarred(progress.barred) else None
        if action in _MOVES_ON:
            # An account that was asked twice without a pause has rested in between, and that counts as one.
            return progress.attempts.wait(0.0) if asked_before else 0.0
        elsewhere = action is Action.RETRY and progress.service.accounts.has_other(progress.asked | progress.barred)
        if not elsewhere:
            progress.asked.clear()
        return progress.attempts.pause(failure, elsewhere=elsewhere)


def _makes_transparent(model: Model) -> bool:
    """Whether the model has a setting for it."""
    return "background" in abilities_of(model).parameters
