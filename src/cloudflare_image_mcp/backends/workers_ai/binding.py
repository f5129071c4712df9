"""Workers AI through the AI binding: the same calls as over the REST wire, on the account that the Worker is of."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Final

import js
from pyodide.ffi import JsException

from cloudflare_image_mcp.backends.workers_ai.errors import (
    NO_IMAGE,
    TIMED_OUT,
    UNREACHABLE,
    Action,
    UpstreamError,
    meaning_of,
    plain,
)
from cloudflare_image_mcp.backends.workers_ai.neurons import next_reset
from cloudflare_image_mcp.backends.workers_ai.request import encode
from cloudflare_image_mcp.backends.workers_ai.retry import Attempts, RetryPolicy, told, with_another_seed
from cloudflare_image_mcp.core.abilities import Abilities
from cloudflare_image_mcp.core.ports import Rendered
from cloudflare_image_mcp.errors import UnreadableImage
from cloudflare_image_mcp.imagefile.image import Image
from cloudflare_image_mcp.js_values import JsPayload, js_bytes, js_object, optional

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cloudflare_image_mcp.backends.workers_ai.request import Part, WireRequest
    from cloudflare_image_mcp.catalog import Model
    from cloudflare_image_mcp.core.ports import Call, Clock, OnPartial, Pixels
    from cloudflare_image_mcp.js_values import Handle

_LONGEST_ERROR: Final = 300
_HOPELESS: Final = frozenset({Action.FAIL, Action.OTHER_ACCOUNT, Action.REST_UNTIL_RESET, Action.REST_UNTIL_RESTART})
"""The binding has one account: what that one cannot do is not tried again."""


class BindingBackend:
    """Implements ``Backend``."""

    name = "workers-ai"
    trained = True
    engine = None

    def __init__(self, ai: Handle, pixels: Pixels, clock: Clock, retry: RetryPolicy | None = None) -> None:
        """``ai`` is the raw binding."""
        self._ai = ai
        self._pixels = pixels
        self._clock = clock
        self._retry = retry or RetryPolicy()

    def abilities(self, model: Model) -> Abilities:
        return Abilities.of_wire(model)

    async def run(self, call: Call, on_partial: OnPartial | None = None) -> Rendered:
        """Raises ``GatewayError``; ``EditRefused`` where the service does not do this edit with this model."""
        asked = call.seed
        request = await encode(call, self._pixels)
        attempts = Attempts(self._retry, self._clock, call.model.wire.timeout)
        while True:
            try:
                return told(await self._ask(call, request), asked, call.seed)
            except UpstreamError as failure:
                hopeless = failure.meaning.action in _HOPELESS
                pause = None if hopeless else attempts.pause(failure, elsewhere=False)
                if pause is None:
                    raise failure.gateway_error(
                        has_image=bool(call.images), retry_after=self._rest(failure)
                    ) from failure
                if failure.meaning.action is Action.RETRY_ONCE:
                    call = with_another_seed(call)
                    request = await encode(call, self._pixels)
            await asyncio.sleep(pause)

    def _rest(self, failure: UpstreamError) -> float | None:
        """Seconds until the account can be asked again, where that is known."""
        if failure.meaning.action is Action.REST_UNTIL_RESET:
            return (next_reset(self._clock) - self._clock.now()).total_seconds()
        return failure.retry_after

    async def aclose(self) -> None:
        """A binding has nothing to close."""

    async def _ask(self, call: Call, request: WireRequest) -> Rendered:
        """One call. Raises ``UpstreamError``."""
        response = await self._send(call.model, request)
        neurons = _number(response, "cf-ai-neurons")
        if response.status != 200:
            raise _failure(response.status, await response.text(), _number(response, "retry-after"))
        try:
            image = await Image.sniff(await _payload(response))
        except UnreadableImage as error:
            raise UpstreamError(NO_IMAGE, str(error), neurons=neurons) from error
        except (JsException, KeyError) as error:
            raise UpstreamError(NO_IMAGE, "it holds none", neurons=neurons) from error
        if neurons is None:
            neurons = call.model.price.neurons(call.size, call.steps, request.inputs)
        return Rendered(image=image, neurons=neurons or None)

    async def _send(self, model: Model, request: WireRequest) -> Handle:
        """The ``Response`` as it came: the binding's own reading of it would lose its headers."""
        inputs = js.JSON.parse(request.body.decode()) if request.body is not None else _form(request.parts)
        options = js_object({"returnRawResponse": True})
        options.signal = js.AbortSignal.timeout(round(model.wire.timeout * 1000))
        try:
            return await self._ai.run(model.id, inputs, options)
        except JsException as error:
            if error.name == "TimeoutError":
                raise UpstreamError(TIMED_OUT, f"{model.wire.timeout:g} seconds") from error
            raise UpstreamError(UNREACHABLE, "the AI binding failed") from error


def _form(parts: Iterable[Part]) -> Handle:
    """FLUX.2's form in the shape that the binding takes. Its boundary is known once a ``Response`` was made of it."""
    form = js.FormData.new()
    for part in parts:
        if isinstance(part.value, str):
            form.append(part.name, part.value)
        else:
            blob = js.Blob.new(js.Array.of(js_bytes(part.value)), js_object({"type": part.media_type}))
            form.append(part.name, blob, part.filename)
    encoded = js.Response.new(form)
    multipart = js.Object.new()
    multipart.body = encoded.body
    multipart.contentType = encoded.headers.get("content-type")
    inputs = js.Object.new()
    inputs.multipart = multipart
    return inputs


async def _payload(response: Handle) -> JsPayload:
    """The image of a good answer, which stays on the JavaScript side."""
    kind = optional(response.headers.get("content-type")) or ""
    if kind.startswith("application/json"):
        return JsPayload.of_base64_field(await response.json(), "image")
    return await JsPayload.of_response(response)


def _failure(status: int, body: str, retry_after: float | None) -> UpstreamError:
    """The binding's own form of an error, ``{"internalCode", "description"}``, or one of the REST envelopes."""
    code, text = None, f"HTTP status {status}"
    try:
        answer: Any = json.loads(body)
        if "internalCode" in answer:
            code, text = int(answer["internalCode"]), str(answer["description"])
        else:
            code, text = int(answer["errors"][0]["code"]), str(answer["errors"][0]["message"])
    except (ValueError, KeyError, IndexError, TypeError):
        pass
    text = plain(text)[:_LONGEST_ERROR]
    return UpstreamError(meaning_of(status, code, text), text, code=code, retry_after=retry_after)


def _number(response: Handle, header: str) -> float | None:
    try:
        return float(optional(response.headers.get(header)) or "")
    except ValueError:
        return None
