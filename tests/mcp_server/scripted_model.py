"""A model server that speaks OpenAI's chat API and follows a script: it calls ``run_model`` once, then says whether it
was shown a picture. It stands for a provider of language models, and keeps every request.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from tests.live import serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request

ASK: Final = {"prompt": "a red house on a green hill", "size": "512x512", "seed": 7}


def pictures(request: dict[str, Any]) -> list[str]:
    """The ``image_url`` parts of all messages."""
    contents = [row["content"] for row in request["messages"] if isinstance(row.get("content"), list)]
    parts = [part for content in contents for part in content]
    return [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]


@contextmanager
def scripted_model() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yields the base URL and the requests so far."""
    requests: list[dict[str, Any]] = []

    async def chat(request: Request) -> JSONResponse:
        body = await request.json()
        requests.append(body)
        return JSONResponse(
            {
                "id": "chatcmpl-1",
                "object": "chat.completion",
                "created": 0,
                "model": body["model"],
                "choices": [_choice(body)],
                "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
            }
        )

    with serving(Starlette(routes=[Route("/v1/chat/completions", chat, methods=["POST"])])) as origin:
        yield f"{origin}/v1", requests


def _choice(request: dict[str, Any]) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": None}
    if request.get("tools") and not any(row["role"] == "tool" for row in request["messages"]):
        function = {"name": "run_model", "arguments": json.dumps(ASK)}
        message["tool_calls"] = [{"id": "call_1", "type": "function", "function": function}]
        return {"index": 0, "message": message, "finish_reason": "tool_calls", "logprobs": None}
    message["content"] = f"I see {len(pictures(request))} picture"
    return {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
