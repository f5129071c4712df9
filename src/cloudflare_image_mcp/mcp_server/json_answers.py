"""Answers MCP messages over HTTP with JSON where the SDK would send an event stream or refuse.

The SDK decides once for all clients whether a POST is answered by an event stream, which is the only way to report
progress. Some requests need JSON all the same: from a client that does not accept event streams, a resource larger than
the 1 MiB that SDKs allow one event, and a JSON-RPC batch of the revision 2025-03-26.
"""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

INVALID_REQUEST: Final = -32600
PARSE_ERROR: Final = -32700
"""Codes of JSON-RPC. Not imported: the SDK is not loaded before the first message."""
MAX_BATCH: Final = 32
"""Messages in one JSON-RPC batch."""
BATCH_REVISIONS: Final = (None, "2024-11-05", "2025-03-26")
"""Values of ``MCP-Protocol-Version`` with which a batch is answered; clients of these revisions do not send one."""

_JSON: Final = "application/json"
_EVENTS: Final = "text/event-stream"
_READ_RESOURCE: Final = "resources/read"
_EVENT_END: Final = re.compile(rb"\r\n\r\n|\n\n|\r\r")


class JsonAnswers:
    """ASGI middleware around an MCP server. Messages that need no JSON are passed on, and so are their answers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        body = await _read(receive)
        if body.lstrip()[:1] == b"[":
            await (await self._batch(scope, headers, receive, body))(scope, receive, send)
        elif not _accepts(headers, _EVENTS) or _reads_resource(body):
            await (await self._json_answer(scope, receive, body))(scope, receive, send)
        else:
            await self._app(scope, _Replayed(body, receive), _PlainErrors(send))

    async def _json_answer(self, scope: Scope, receive: Receive, body: bytes) -> Response:
        headers = Headers(scope=scope)
        if not _accepts(headers, _JSON):
            return _error(406, INVALID_REQUEST, f"Accept must name {_JSON}, {_EVENTS} or both")
        inner = {**scope, "headers": [pair for pair in scope["headers"] if pair[0] != b"accept"]}
        inner["headers"].append((b"accept", f"{_JSON}, {_EVENTS}".encode()))
        answer = _Collected()
        await self._app(inner, _Replayed(body, receive), answer)
        return answer.response()

    async def _batch(self, scope: Scope, headers: Headers, receive: Receive, body: bytes) -> Response:
        try:
            messages = json.loads(body)
        except (ValueError, RecursionError):
            return _error(400, PARSE_ERROR, "the body is not valid JSON")
        if headers.get("mcp-protocol-version") not in BATCH_REVISIONS:
            text = "JSON-RPC batches ended with the revision 2025-03-26: send one message in each request"
            return _error(400, INVALID_REQUEST, text)
        if not 0 < len(messages) <= MAX_BATCH:
            return _error(400, INVALID_REQUEST, f"a batch must have 1 to {MAX_BATCH} messages, not {len(messages)}")
        if any(isinstance(message, dict) and message.get("method") == "initialize" for message in messages):
            return _error(400, INVALID_REQUEST, "initialize must not be part of a batch")
        gone = asyncio.ensure_future(_disconnected(receive))
        try:
            answers = await asyncio.gather(
                *(self._json_answer(scope, _Shared(gone), json.dumps(message).encode()) for message in messages)
            )
        finally:
            gone.cancel()
        found = [bytes(answer.body) for answer in answers if answer.body]
        failed = [answer for answer in answers if answer.status_code >= 400]
        if len(failed) == len(answers):
            return failed[0]
        if not found:
            return Response(status_code=202)
        return Response(b"[" + b",".join(found) + b"]", media_type=_JSON)


async def _read(receive: Receive) -> bytes:
    """Returns the whole body, without a copy if it comes in one piece. Raises ``ClientDisconnect``."""
    pieces: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        pieces.append(message.get("body", b""))
        if not message.get("more_body"):
            return pieces[0] if len(pieces) == 1 else b"".join(pieces)


@dataclass
class _Replayed:
    """``receive`` that gives a body that was read, then what follows it."""

    body: bytes
    receive: Receive
    given: bool = False

    async def __call__(self) -> Message:
        if self.given:
            return await self.receive()
        self.given = True
        return {"type": "http.request", "body": self.body, "more_body": False}


@dataclass
class _Shared:
    """``receive`` of one message of a batch: ends when the client of the whole batch disconnects."""

    gone: asyncio.Future[Message]

    async def __call__(self) -> Message:
        return await asyncio.shield(self.gone)


async def _disconnected(receive: Receive) -> Message:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return message


@dataclass
class _Collected:
    """``send`` that keeps the answer, and the last message of an event stream instead of the stream."""

    status: int = 500
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytearray = field(default_factory=bytearray)

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message.get("headers", ()))
        else:
            self.body += message.get("body", b"")

    def response(self) -> Response:
        headers = MutableHeaders(raw=self.headers)
        data = bytes(self.body)
        if headers.get("content-type", "").startswith(_EVENTS):
            headers["content-type"] = _JSON
            data = _answer_in(data)
        data = _plain_error(self.status, data)
        headers["content-length"] = str(len(data))
        response = Response(data, self.status)
        response.raw_headers = headers.raw
        return response


class _PlainErrors:
    """``send`` that passes an answer on; in a status 400 it replaces an error text of the JSON validator."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._collected: _Collected | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == 400:
            self._collected = _Collected()
        if self._collected is None:
            await self._send(message)
            return
        await self._collected(message)
        if message["type"] == "http.response.body" and not message.get("more_body"):
            response = self._collected.response()
            start = {"type": "http.response.start", "status": response.status_code, "headers": response.raw_headers}
            await self._send(start)
            await self._send({"type": "http.response.body", "body": response.body})


def _plain_error(status: int, data: bytes) -> bytes:
    if status != 400 or b'"Validation error: ' not in data:
        return data
    return bytes(_error(400, INVALID_REQUEST, "the body is not a JSON-RPC 2.0 message").body)


def _answer_in(stream: bytes) -> bytes:
    """Returns the last message of an event stream that is an answer; empty where there is none."""
    for event in reversed([*_events(stream)]):
        if b'"result"' in event or b'"error"' in event:
            return event
    return b""


def _events(stream: bytes) -> Iterator[bytes]:
    for event in _EVENT_END.split(stream):
        lines = [line[5:].removeprefix(b" ") for line in event.splitlines() if line.startswith(b"data:")]
        if lines:
            yield b"\n".join(lines)


def _reads_resource(body: bytes) -> bool:
    """Whether the message is ``resources/read``; the rest of the text is parsed only if it may be."""
    if _READ_RESOURCE.encode() not in body:
        return False
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        return False
    return isinstance(message, dict) and message.get("method") == _READ_RESOURCE


def _accepts(headers: Headers, media_type: str) -> bool:
    """Whether ``Accept`` allows the type; a missing header allows every type."""
    allowed = headers.get("accept", "")
    kinds = {part.split(";")[0].strip().lower() for part in allowed.split(",")} - {""}
    if not kinds:
        return media_type == _JSON
    return bool(kinds & {media_type, media_type.split("/", maxsplit=1)[0] + "/*", "*/*"})


def _error(status: int, code: int, message: str) -> Response:
    body: dict[str, Any] = {"jsonrpc": "2.0", "id": None, "error": {"code": code, "message": message}}
    return Response(json.dumps(body), status, media_type=_JSON)
