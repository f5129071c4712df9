"""Turns errors into answers in OpenAI's envelope, without internal details."""

from __future__ import annotations

import logging
import math
from difflib import get_close_matches
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from cloudflare_image_mcp.core.tracing import error_type
from cloudflare_image_mcp.errors import GatewayError, shown
from cloudflare_image_mcp.logs import log_failure
from cloudflare_image_mcp.request_context import request_record
from cloudflare_image_mcp.rest.paths import OPENAI_ROUTES, PREFIX

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import FastAPI
    from starlette.requests import Request

_log = logging.getLogger(__name__)

_BY_STATUS: Final[Mapping[int, str]] = {
    404: "not_found",
    405: "method_not_allowed",
    416: "range_not_satisfiable",
}
"""The framework's own refusals, as rows of the error table."""
_BY_ROUTE: Final = frozenset({404, 405})
"""No route has the path, or one of another method: ``/v1/images/{id}`` has every path of two parts."""
_MAX_PATH: Final = 100
"""Characters of a path for which the nearest route is looked for."""


def install_error_handlers(app: FastAPI) -> None:
    app.add_exception_handler(GatewayError, _gateway_error)
    app.add_exception_handler(HTTPException, _http_exception)
    app.add_exception_handler(Exception, _unexpected)


def error_answer(error: GatewayError, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The envelope with the row's status; ``retry-after`` in whole seconds where waiting helps.

    A used-up quota also says ``x-should-retry: false``: the SDKs would otherwise repeat every 429.
    """
    if (record := request_record.get()) is not None:
        record.error = error_type(error)
    extra = dict(headers or {})
    if error.retry_after is not None:
        extra["retry-after"] = str(math.ceil(error.retry_after))
    if error.row.status >= 429 and not error.row.retry:
        extra["x-should-retry"] = "false"
    return JSONResponse(error.envelope(), status_code=error.row.status, headers=extra)


def internal_error(error: Exception, request_id: str) -> GatewayError:
    """The caller's message for a defect. The log has the details, under the ``x-request-id`` of the answer."""
    _log.error("unexpected %s in %s", type(error).__name__, request_id, exc_info=error)
    return GatewayError("internal_error", "something went wrong inside the gateway; the server's log has the details")


async def _gateway_error(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, GatewayError):
        raise error
    log_failure(error, f"{request.method} {request.url.path}")
    return error_answer(error)


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    """Leaves a defect to ``RequestMiddleware``; the framework would answer it in plain text."""
    raise error


async def _http_exception(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    what = f"{request.method} {shown(request.url.path, 200)}"
    if error.status_code in _BY_ROUTE and (near := _nearest_route(request)):
        return error_answer(GatewayError("not_found", f"there is no {what}; did you mean {near}?"))
    messages = {404: f"there is no {what}", 405: f"{what} is not allowed; use {_allowed(error)}"}
    message = messages.get(error.status_code, error.detail or HTTPStatus(error.status_code).phrase)
    kind = _BY_STATUS.get(error.status_code, "invalid_request")
    return error_answer(GatewayError(kind, message), error.headers)


def _nearest_route(request: Request) -> str | None:
    """OpenAI's route that a misspelt path of a POST means: ``/v1/images/generate``."""
    path = request.url.path
    if request.method != "POST" or len(path) > _MAX_PATH:
        return None
    near = get_close_matches(path, [f"{PREFIX}/{route}" for route in OPENAI_ROUTES], n=1, cutoff=0.8)
    return near[0] if near else None


def _allowed(error: HTTPException) -> str:
    return (error.headers or {}).get("Allow", "another method")
