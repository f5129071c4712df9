"""Emulates Workers AI: checks access, draws the image, writes the answer, counts calls."""

from __future__ import annotations

import asyncio
import base64
import secrets
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from cloudflare_image_mcp.backends.workers_ai.wire import wire_of
from cloudflare_image_mcp.catalog import models
from cloudflare_image_mcp.emulator.accounts import DAILY_NEURONS, REQUESTS_PER_MINUTE, Ledger
from cloudflare_image_mcp.emulator.broken import BrokenAnswer
from cloudflare_image_mcp.emulator.counts import Counts
from cloudflare_image_mcp.emulator.errors import (
    FAILED,
    FLAGGED,
    GATEWAY_FORM,
    GATEWAY_UNKNOWN,
    NO_SUCH_MODEL,
    NSFW_PROMPT,
    ROWS,
    TOO_LARGE,
    refuse,
)
from cloudflare_image_mcp.emulator.faults import FaultPlan
from cloudflare_image_mcp.emulator.filter import is_refused
from cloudflare_image_mcp.emulator.form_request import read_form
from cloudflare_image_mcp.emulator.image_call import Mode
from cloudflare_image_mcp.emulator.json_request import read_json
from cloudflare_image_mcp.emulator.pictures import Pictures
from cloudflare_image_mcp.emulator.proxied_calls import ProxiedCalls
from cloudflare_image_mcp.emulator.text_models import NEURONS, SILENCE, TEXT_MODELS, answer_text

if TYPE_CHECKING:
    from starlette.types import Message, Receive

    from cloudflare_image_mcp.catalog import Model
    from cloudflare_image_mcp.emulator.accounts import AccountLedger
    from cloudflare_image_mcp.emulator.faults import Fault
    from cloudflare_image_mcp.emulator.image_call import ImageCall

MAX_BODY: Final = 32 * 1024 * 1024
"""Bytes. The service's own limit is not published."""
_DISCARDED: Final = 256 * 1024 * 1024
"""Bytes. A body that is too large is read to its end, up to here, before it is refused: a client that is cut off while
it sends never sees the answer.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmulatorOptions:
    """The options of ``emulate``."""

    mode: Mode = Mode.LIVE
    faults: str = ""
    seed: int = 0
    """Seed of the faults, and of the pictures of models without a seed."""
    daily_neurons: float = DAILY_NEURONS
    requests_per_minute: int = REQUESTS_PER_MINUTE


class Emulator:
    """Answers calls. The HTTP routes are in ``app``."""

    def __init__(self, options: EmulatorOptions) -> None:
        """Raises ``FaultSpecError``."""
        self._mode = Mode(options.mode)
        self._faults = FaultPlan.parse(options.faults, options.seed)
        self._pictures = Pictures(self._mode, options.seed)
        self.counts = Counts()
        self.proxied = ProxiedCalls(self._pictures, self._faults, self.counts)
        self.ledger = Ledger(
            time.monotonic,
            daily_neurons=options.daily_neurons,
            requests_per_minute=options.requests_per_minute,
            documented=self._mode is Mode.DOCUMENTED,
        )

    async def run(self, request: Request, account_id: str, model_id: str) -> Response:
        """Answers one call to a model. Raises ``RefusalError``."""
        ledger = self.ledger.admit(account_id, request.headers, request.url.path)
        self.counts.calls[account_id] += 1
        if model_id in TEXT_MODELS:
            return await self._run_text(request, model_id, ledger)
        model = models().get(model_id)
        if model is None:
            raise refuse(NO_SUCH_MODEL, model=model_id)
        self.ledger.count(ledger)
        self.ledger.check_neurons(ledger)
        self._check_gateway(request, model, ledger)
        call = await self._read(request, model, ledger)
        if is_refused(call.prompt):
            raise refuse(NSFW_PROMPT)
        fault = self._faults.draw(lambda: call.picture)
        if fault is not None:
            self.counts.faults[fault.kind] += 1
            if fault.kind == "drop":
                return BrokenAnswer()
            await self._fail_early(fault, model)
        picture = await self._pictures.draw(call)
        ledger.spent_neurons += call.neurons
        response = self._answer(call, picture, fault)
        self.counts.answers["200"] += 1
        self.counts.images[model.short_name] += 1
        return BrokenAnswer(response) if fault is not None and fault.kind == "cut" else response

    async def _run_text(self, request: Request, model_id: str, ledger: AccountLedger) -> Response:
        self.ledger.count(ledger)
        self.ledger.check_neurons(ledger)
        body = await Request(request.scope, _limited(request.receive)).body()
        fault = self._faults.draw_text()
        if fault is not None:
            self.counts.faults[fault.kind] += 1
            if fault.kind == "text-error":
                raise refuse(FAILED)
            await asyncio.sleep(SILENCE)
        ledger.spent_neurons += NEURONS
        return answer_text(model_id, body, call_headers())

    async def run_proxied(self, request: Request, account_id: str) -> Response:
        """Answers one call to another provider's model. Raises ``RefusalError``."""
        ledger = self.ledger.admit(account_id, request.headers, request.url.path)
        self.counts.calls[account_id] += 1
        self.ledger.count(ledger)
        body = await Request(request.scope, _limited(request.receive)).body()
        return await self.proxied.answer(request, body, ledger, call_headers())

    def close(self) -> None:
        self._pictures.close()

    def _check_gateway(self, request: Request, model: Model, ledger: AccountLedger) -> None:
        """Refuses a call through an AI Gateway that does not exist, or with a form, which cannot pass one."""
        gateway = request.headers.get("cf-aig-gateway-id")
        if gateway is None:
            return
        if gateway not in ledger.gateways:
            raise refuse(GATEWAY_UNKNOWN)
        if wire_of(model).request == "multipart":
            raise refuse(GATEWAY_FORM)

    async def _read(self, request: Request, model: Model, ledger: AccountLedger) -> ImageCall:
        request = Request(request.scope, _limited(request.receive))
        if wire_of(model).request == "multipart" and _is_form(request):
            if self._mode is Mode.LIVE and request.headers.get("accept") == "application/json":
                raise refuse(FAILED)
            return await read_form(model, request, self._mode, self.counts.fields)
        body = b"" if _is_form(request) else await request.body()
        # Parsing a long array of numbers must not block the other calls.
        return await asyncio.to_thread(read_json, model, body, self._mode, self.counts.fields, img2img=ledger.img2img)

    async def _fail_early(self, fault: Fault, model: Model) -> None:
        if fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
        elif fault.kind == "flagged":
            raise refuse(FLAGGED)
        elif fault.kind in ROWS:
            raise refuse(ROWS[fault.kind], model=model.id)

    def _answer(self, call: ImageCall, picture: bytes, fault: Fault | None) -> Response:
        kind = fault.kind if fault is not None else ""
        wire = wire_of(call.model)
        headers = call_headers()
        if call.model.price.reported:
            headers["cf-ai-neurons"] = f"{call.neurons:.2f}"
        if kind == "empty":
            return JSONResponse({"result": {}, "success": True, "errors": [], "messages": []}, headers=headers)
        if kind == "truncate":
            picture = picture[: len(picture) // 2]
        if wire.response == "bytes":
            return Response(picture, media_type=wire.stated_type, headers=headers)
        image = base64.b64encode(picture)
        body = b'{"result":{"image":"' + image + b'"},"success":true,"errors":[],"messages":[]}'
        return Response(body, media_type="application/json", headers=headers)


def call_headers() -> dict[str, str]:
    """Returns the headers of every answer to a call."""
    return {"cf-ray": f"{secrets.token_hex(8)}-EMU", "cf-ai-req-id": str(uuid.uuid4())}


def _is_form(request: Request) -> bool:
    return request.headers.get("content-type", "").lower().startswith("multipart/form-data")


def _limited(receive: Receive) -> Receive:
    """Raises ``RefusalError`` once a body is too large; its Content-Length is not trusted."""
    size = 0

    async def limited() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > MAX_BODY:
            while message.get("more_body") and size < _DISCARDED:
                message = await receive()
                size += len(message.get("body", b""))
            raise refuse(TOO_LARGE)
        return message

    return limited
