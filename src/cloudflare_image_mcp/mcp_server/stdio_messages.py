"""Reads JSON-RPC messages from stdin as the SDK does, and batches and malformed lines besides."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
from mcp.server.stdio import stdio_server
from mcp.shared.message import SessionMessage
from mcp_types import INVALID_REQUEST, PARSE_ERROR, ErrorData, JSONRPCError, jsonrpc_message_adapter
from pydantic import ValidationError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from anyio.abc import ObjectReceiveStream, ObjectSendStream
    from mcp.shared._stream_protocols import ReadStream, WriteStream


@asynccontextmanager
async def stdio_messages() -> AsyncIterator[
    tuple[ObjectReceiveStream[SessionMessage | Exception], WriteStream[SessionMessage]]
]:
    """The streams of ``stdio_server``. A batch, which clients of 2025-03-26 may send, arrives as its messages; a line
    that is no message is answered with an error.
    """
    async with stdio_server() as (read_stream, write_stream), anyio.create_task_group() as tasks:
        sender, receiver = anyio.create_memory_object_stream[SessionMessage | Exception](0)
        tasks.start_soon(_relay, read_stream, sender, write_stream)
        yield receiver, write_stream
        tasks.cancel_scope.cancel()


async def _relay(
    read_stream: ReadStream[SessionMessage | Exception],
    sender: ObjectSendStream[SessionMessage | Exception],
    write_stream: WriteStream[SessionMessage],
) -> None:
    async with sender:
        async for item in read_stream:
            for message in _messages(item) if isinstance(item, Exception) else (item,):
                if isinstance(message, JSONRPCError):
                    await write_stream.send(SessionMessage(message))
                else:
                    await sender.send(message)


def _messages(error: Exception) -> Iterator[SessionMessage | JSONRPCError]:
    """Returns the messages of a batch, and the answer to each thing that is no message."""
    first: Any = error.errors()[0] if isinstance(error, ValidationError) else {}
    read = first.get("input")
    if first.get("type") == "json_invalid":
        if str(read).strip():
            yield _error(PARSE_ERROR, "the line is not valid JSON")
        return
    items = read if isinstance(read, list) else []
    if not items:
        yield _error(INVALID_REQUEST, "the line is not a JSON-RPC 2.0 message")
    for item in items:
        try:
            yield SessionMessage(jsonrpc_message_adapter.validate_python(item, by_name=False))
        except ValidationError:
            yield _error(INVALID_REQUEST, "the batch holds something that is not a JSON-RPC 2.0 message")


def _error(code: int, message: str) -> JSONRPCError:
    return JSONRPCError(jsonrpc="2.0", id=None, error=ErrorData(code=code, message=message))
