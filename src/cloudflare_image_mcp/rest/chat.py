"""``POST /v1/chat/completions`` for image models: chat clients choose an image model as if it were a language model.

The last user message is the prompt; its pictures, or those of the answer before it, make it an edit. The answer holds
the image as OpenRouter's API does, in ``choices[0].message.images``, and as Markdown in ``content`` for clients that
show text alone.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cloudflare_image_mcp.catalog import Operation
from cloudflare_image_mcp.core.image_sources import sources_in
from cloudflare_image_mcp.core.parsing import parse_request
from cloudflare_image_mcp.core.request import ImageSource
from cloudflare_image_mcp.errors import GatewayError, invalid, shown
from cloudflare_image_mcp.limits import MAX_INPUT_IMAGES
from cloudflare_image_mcp.rest.answer import (
    compact_json,
    cost,
    image_url,
    json_answer,
    result_fields,
    result_headers,
    written,
)
from cloudflare_image_mcp.rest.errors import internal_error
from cloudflare_image_mcp.rest.sse import KEEP_ALIVE, ImageStream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

    from starlette.responses import Response

    from cloudflare_image_mcp.core.gateway import Gateway
    from cloudflare_image_mcp.core.prepared import Prepared
    from cloudflare_image_mcp.core.request import ImageRequest
    from cloudflare_image_mcp.core.result import ImageResult
    from cloudflare_image_mcp.imagefile.payload import Payload

_CHAT_ONLY: Final = frozenset(
    {
        "messages",
        "audio",
        "frequency_penalty",
        "include_reasoning",
        "logit_bias",
        "logprobs",
        "max_completion_tokens",
        "max_tokens",
        "metadata",
        "modalities",
        "parallel_tool_calls",
        "plugins",
        "prediction",
        "presence_penalty",
        "prompt_cache_key",
        "provider",
        "reasoning",
        "reasoning_effort",
        "response_format",
        "service_tier",
        "stop",
        "store",
        "stream_options",
        "temperature",
        "tool_choice",
        "tools",
        "top_k",
        "top_logprobs",
        "top_p",
        "transforms",
        "usage",
        "user",
        "verbosity",
        "web_search_options",
        "image_config",
    }
)
"""Fields that concern language models, or are read here: ignored without a warning."""

_TEXT_PARTS: Final = frozenset({"text", "input_text"})
_IMAGE_PARTS: Final = frozenset({"image_url", "input_image"})
_MARKDOWN_IMAGE: Final = re.compile(r"!\[[^\[\]]*\]\(([^()\s]+)\)")
"""No bracket inside the brackets: with one, a long text of ``![`` would take time that grows with its square."""
_MAX_ALT_TEXT: Final = 100
_NO_TOKENS: Final = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
"""Nothing here is counted in tokens; neurons are in the headers."""


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A chat request as a request for images."""

    request: ImageRequest
    stream: bool
    include_usage: bool
    earlier: bool
    """Whether the images are those of an earlier answer."""


@dataclass(frozen=True, slots=True)
class ChatForm:
    """How an answer is written."""

    base_url: str
    """Origin of the image URLs."""
    data_urls: bool
    """Whether the Markdown holds the image itself instead of its URL."""


def read_chat(fields: Mapping[str, Any], gateway: Gateway) -> ChatRequest:
    """Reads the body. Raises ``GatewayError`` (400; 404 where there is no such image model)."""
    messages = fields.get("messages")
    if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
        raise invalid("messages", "messages must be a list of objects with role and content")
    last = max((index for index, row in enumerate(messages) if row.get("role") == "user"), default=None)
    if last is None:
        raise invalid("messages", "messages must have a message with the role user: its text is the prompt")
    warnings: list[str] = []
    texts, images = _parts(messages[last].get("content"), f"messages[{last}].content", warnings)
    prompt = "\n".join(texts)
    if not prompt.strip():
        raise invalid(
            f"messages[{last}].content", f"messages[{last}].content must have text: the last user message is the prompt"
        )
    operation = Operation.EDIT if images else Operation.GENERATE
    earlier = not images
    if earlier:
        images, operation = _earlier(messages[:last], fields.get("model"), gateway, warnings)
    if len(images) > MAX_INPUT_IMAGES:
        raise invalid(images[0].param, f"at most {MAX_INPUT_IMAGES} input images are allowed, not {len(images)}")
    config = fields.get("image_config")
    parameters = {name: value for name, value in fields.items() if name not in _CHAT_ONLY}
    parameters |= config if isinstance(config, dict) else {}
    for_jobs = [name for name in ("async", "webhook_url") if parameters.pop(name, None)]
    warnings += [f"{name} was ignored: a conversation is answered when its images are made" for name in for_jobs]
    request = parse_request(operation, parameters | {"prompt": prompt})
    options = fields.get("stream_options")
    return ChatRequest(
        # The Markdown needs a URL, so the image is stored.
        request.replace(
            images=images,
            response_format="url",
            stream=False,
            inline=True,
            warnings=(*request.warnings, *warnings),
        ),
        stream=request.stream,
        include_usage=isinstance(options, dict) and options.get("include_usage") is True,
        earlier=earlier and operation is Operation.EDIT,
    )


async def prepare_chat(wanted: ChatRequest, gateway: Gateway) -> Prepared:
    """Prepares the images. An image of an earlier answer that is not there any more is left out with a warning: else
    every later message of the conversation would be refused. Raises ``GatewayError``.
    """
    try:
        return await gateway.prepare(wanted.request)
    except GatewayError as error:
        if not wanted.earlier or not (error.param or "").startswith("messages["):
            raise
        warning = f"the earlier image was not used: {error.message}"
    warnings = (*wanted.request.warnings, warning)
    return await gateway.prepare(wanted.request.replace(operation=Operation.GENERATE, images=(), warnings=warnings))


def _parts(content: object, param: str, warnings: list[str]) -> tuple[list[str], tuple[ImageSource, ...]]:
    """The texts and the images of a message."""
    if isinstance(content, str):
        return [content], ()
    if content is None:
        return [], ()
    if not isinstance(content, list):
        raise invalid(param, f"{param} must be a string or a list of parts, not {shown(content)}")
    texts: list[str] = []
    images: list[ImageSource] = []
    for index, part in enumerate(content):
        kind = part.get("type") if isinstance(part, dict) else None
        if kind in _TEXT_PARTS and isinstance(part.get("text"), str):
            texts.append(part["text"])
        elif kind in _IMAGE_PARTS:
            images.append(_image(part.get("image_url"), f"{param}[{index}].image_url"))
        elif kind == "image":
            images += sources_in(f"{param}[{index}]", part)
        elif (data := _image_file(part)) is not None:
            images.append(ImageSource(f"{param}[{index}].file.file_data", data))
        else:
            warnings.append(f"{param}[{index}] was ignored: it is neither text nor an image")
    return texts, tuple(images)


def _image_file(part: object) -> str | None:
    """The ``data:`` URL of a part ``{"type": "file"}`` that holds an image."""
    file = part.get("file") if isinstance(part, dict) else None
    data = file.get("file_data") if isinstance(file, dict) else None
    return data if isinstance(data, str) and data[:11].lower() == "data:image/" else None


def _image(value: object, param: str) -> ImageSource:
    """An image as a URL, or as an object with one."""
    if isinstance(value, dict):
        value, param = value.get("url"), f"{param}.url"
    if not isinstance(value, str) or not value:
        raise invalid(param, f"{param} must be an https or data: URL, not {shown(value)}")
    return ImageSource(param, value)


def _earlier(
    messages: list[Any], model: object, gateway: Gateway, warnings: list[str]
) -> tuple[tuple[ImageSource, ...], Operation]:
    """The images of the answer before the last user message, where the model can edit them."""
    index = max((index for index, row in enumerate(messages) if row.get("role") == "assistant"), default=None)
    if index is None:
        return (), Operation.GENERATE
    images = _answered(messages[index], f"messages[{index}]")
    if not images:
        return (), Operation.GENERATE
    editor = gateway.options.names.resolve(model if isinstance(model, str) else None, Operation.EDIT)
    if Operation.EDIT not in editor.promise.tasks:
        warnings.append(f"{editor.short_name} does not edit images: the earlier image was not used")
        return (), Operation.GENERATE
    return images, Operation.EDIT


def _answered(message: Mapping[str, Any], param: str) -> tuple[ImageSource, ...]:
    """The images of an earlier answer: in ``images``, else those in its parts or its Markdown."""
    rows = message.get("images")
    if isinstance(rows, list) and rows:
        return tuple(
            _image(row.get("image_url") if isinstance(row, dict) else row, f"{param}.images[{index}].image_url")
            for index, row in enumerate(rows)
        )
    texts, images = _parts(message.get("content"), f"{param}.content", [])
    urls = (match for text in texts for match in _MARKDOWN_IMAGE.findall(text))
    return images or tuple(ImageSource(f"{param}.content", url) for url in urls)


def chat_answer(result: ImageResult, form: ChatForm, name: str) -> Response:
    """The 200 answer. ``name`` is the id of the completion."""
    pieces: list[bytes | Payload] = [
        _head(result, name, "chat.completion")[:-1] + b',"choices":[{"index":0,"message":',
        *_message(result, form, {"role": "assistant", "refusal": None}),
        b',"logprobs":null,"finish_reason":"stop"}],"usage":' + compact_json(_NO_TOKENS | cost(result)) + b"}",
    ]
    return json_answer(pieces, result_headers(result))


def chat_stream(gateway: Gateway, prepared: Prepared, form: ChatForm, name: str, *, include_usage: bool) -> ImageStream:
    """The 200 answer to ``stream: true``: comments while the image is made, then the image in one chunk."""
    events = _events(gateway, prepared, form, name, include_usage=include_usage)
    return ImageStream(gateway, prepared, events)


async def _events(
    gateway: Gateway, prepared: Prepared, form: ChatForm, name: str, *, include_usage: bool
) -> AsyncIterator[bytes | memoryview]:
    """The body. An error after the headers are sent is an event with an ``error``, which SDKs raise."""
    work = asyncio.ensure_future(gateway.make(prepared))
    try:
        while not (await asyncio.wait({work}, timeout=KEEP_ALIVE))[0]:
            yield b": still working\n\n"
        result = await work
        head = b"data: " + _head(result, name, "chat.completion.chunk")[:-1]
        yield head + b',"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}\n\n'
        yield head + b',"choices":[{"index":0,"delta":'
        async for chunk in written([*_message(result, form, {})]):
            yield chunk
        yield b',"finish_reason":null}]}\n\n'
        yield head + b',"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
        if include_usage:
            yield head + b',"choices":[],"usage":' + compact_json(_NO_TOKENS | cost(result)) + b"}\n\n"
        yield b"data: [DONE]\n\n"
    except GatewayError as error:
        yield b"data: " + compact_json(error.envelope()) + b"\n\n"
    except Exception as error:
        yield b"data: " + compact_json(internal_error(error, name).envelope()) + b"\n\n"
    finally:
        work.cancel()


def _head(result: ImageResult, name: str, kind: str) -> bytes:
    return compact_json(
        {"id": f"chatcmpl-{name}", "object": kind, "created": int(result.created.timestamp())} | result_fields(result)
    )


def _message(result: ImageResult, form: ChatForm, fields: Mapping[str, Any]) -> Iterator[bytes | Payload]:
    """The message as JSON, with the images as ``data:`` URLs in ``images`` and as Markdown in ``content``."""
    yield (compact_json(fields)[:-1] + b"," if fields else b"{") + b'"content":"'
    alt = compact_json(re.sub(r"[\[\]\s]+", " ", result.prompt[:_MAX_ALT_TEXT]).strip())[1:-1]
    for index, image in enumerate(result.images):
        yield (b"\\n\\n![" if index else b"![") + alt + b"]("
        if image.stored is None or form.data_urls:
            yield f"data:{image.image.format.media_type};base64,".encode()
            yield image.image.payload
        else:
            yield compact_json(image_url(form.base_url, image.stored.key))[1:-1]
        yield b")"
    yield b'","images":['
    for index, image in enumerate(result.images):
        yield (b"," if index else b"") + b'{"type":"image_url","image_url":{"url":"'
        yield f"data:{image.image.format.media_type};base64,".encode()
        yield image.image.payload
        yield b'"}}'
    yield b"]}"
