"""Sends requests through the AI binding of a Worker, on the account that the Worker belongs to."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import js
from pyodide.ffi import JsException

from cloudflare_image_mcp.backends.workers_ai.accounts import Account
from cloudflare_image_mcp.backends.workers_ai.ai_gateway import (
    CACHE_TTL,
    GATEWAY_ID,
    METADATA,
    REPLY_HEADERS,
    SKIP_CACHE,
)
from cloudflare_image_mcp.backends.workers_ai.errors import TIMED_OUT, UNREACHABLE, UpstreamError
from cloudflare_image_mcp.backends.workers_ai.reply import Reply
from cloudflare_image_mcp.js_values import JsPayload, js_bytes, js_object, optional

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cloudflare_image_mcp.backends.workers_ai.request import Part, WireRequest
    from cloudflare_image_mcp.backends.workers_ai.transport import Callee
    from cloudflare_image_mcp.js_values import Handle

BINDING_ACCOUNT: Final = Account("binding", "", name="this Worker's account")

HEADERS: Final = ("cf-ai-neurons", "retry-after", *REPLY_HEADERS)
"""The headers of a reply that are read."""


class BindingTransport:
    """Implements ``Transport``."""

    def __init__(self, ai: Handle) -> None:
        """``ai`` is the raw binding."""
        self._ai = ai

    async def send(self, account: Account, model: Callee, request: WireRequest) -> Reply:
        inputs = js.JSON.parse(request.body.decode()) if request.body is not None else _form(request.parts)
        # The raw response: the binding's own reading of it would lose its headers.
        options = js_object({"returnRawResponse": True, **_gateway(request.gateway)})
        options.signal = js.AbortSignal.timeout(round(request.timeout * 1000))
        try:
            return await _reply(await self._ai.run(model.id, inputs, options))
        except JsException as error:
            if error.name == "TimeoutError":
                raise UpstreamError(TIMED_OUT, f"{request.timeout:g} seconds") from error
            raise UpstreamError(UNREACHABLE, "the AI binding failed") from error

    async def aclose(self) -> None:
        """A binding has nothing to close."""


def _gateway(headers: Mapping[str, str]) -> dict[str, Any]:
    """Returns the binding's option ``gateway`` for the headers of an AI Gateway."""
    if GATEWAY_ID not in headers:
        return {}
    gateway: dict[str, Any] = {"id": headers[GATEWAY_ID]}
    if SKIP_CACHE in headers:
        gateway["skipCache"] = headers[SKIP_CACHE].strip().lower() == "true"
    if headers.get(CACHE_TTL, "").strip().isdigit():
        gateway["cacheTtl"] = int(headers[CACHE_TTL])
    with suppress(KeyError, JsException):
        gateway["metadata"] = js.JSON.parse(headers[METADATA])
    return {"gateway": gateway}


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


async def _reply(response: Handle) -> Reply:
    """Reads the whole reply. The image of a good one stays on the JavaScript side."""
    values = {name: optional(response.headers.get(name)) for name in HEADERS}
    headers = {name: str(value) for name, value in values.items() if value is not None}
    status = int(response.status)
    if status != 200:
        return Reply(status, headers, str(await response.text()).encode())
    kind = optional(response.headers.get("content-type")) or ""
    if not kind.startswith("application/json"):
        return Reply(status, headers, b"", await JsPayload.of_response(response))
    answer = await response.json()
    try:
        return Reply(status, headers, b"", JsPayload.of_base64_field(answer, "image"))
    except (JsException, KeyError):
        # No image: the text, which may be an error, is read as that of any other transport.
        return Reply(status, headers, str(js.JSON.stringify(answer)).encode())
