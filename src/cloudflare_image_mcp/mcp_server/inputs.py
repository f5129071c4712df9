"""Turns the arguments of ``run_model`` into a request of the core. An image is written as the id of an earlier
result, a URL or a path.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cloudflare_image_mcp.catalog import Operation
from cloudflare_image_mcp.core.image_sources import is_source_name, source_kind
from cloudflare_image_mcp.core.parsing import parameter_of, parse_request
from cloudflare_image_mcp.errors import invalid, shown
from cloudflare_image_mcp.limits import MAX_INPUT_IMAGES
from cloudflare_image_mcp.mcp_server.arguments import read_output, read_wait
from cloudflare_image_mcp.mcp_server.schemas import DEFAULT_WAIT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from starlette.requests import Request

    from cloudflare_image_mcp.core.request import ImageRequest
    from cloudflare_image_mcp.mcp_server.endpoint import McpEndpoint

_ID: Final = re.compile(r"(?:image://)?(?P<name>[0-9A-Za-z_-]{22}(?:\.(?:png|jpe?g|webp|gif))?)", re.IGNORECASE)
_URL: Final = re.compile(r"data:|[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_PATH: Final = re.compile(r"file:|[/~.\\]|[A-Za-z]:[\\/]", re.IGNORECASE)
_FILE_NAME: Final = re.compile(r"[^\n]{1,1024}\.(?:png|jpe?g|webp|gif)", re.IGNORECASE)
_JPEG_IN_BASE64: Final = "/9j/"
"""What every JPEG's base64 begins with, as a path might."""
_BASE64: Final = re.compile(r"[0-9A-Za-z+/_=\r\n-]{48,}")
"""No image file of any format is shorter; a name in words is, or has spaces."""

_READ_HERE: Final = frozenset({"model", "operation", "images", "mask", "output", "wait_seconds", "job_id"})
"""Arguments that are read here."""
_UNUSED: Final = frozenset({"response_format", "stream", "partial_images", "asynchronous", "webhook_url"})
"""Parameters of a request that the form of a tool's result decides."""


@dataclass(frozen=True, slots=True)
class RunCall:
    """One call of ``run_model``: the request, and the arguments that only MCP has."""

    request: ImageRequest
    output: str
    wait: float


async def read_call(endpoint: McpEndpoint, http: Request | None, arguments: Mapping[str, Any]) -> RunCall:
    """The arguments of ``run_model``, tidied; ``http`` is the request that carried them. Raises ``GatewayError``
    (400).
    """
    output, wait = read_output(arguments), read_wait(arguments, DEFAULT_WAIT)
    images = arguments.get("images", [])
    if len(images) > MAX_INPUT_IMAGES:
        raise invalid("images", f"images has {len(images)} entries; at most {MAX_INPUT_IMAGES} are allowed")
    operation = _operation(arguments)
    fields: dict[str, object] = {
        name: value
        for name, value in arguments.items()
        if name not in _READ_HERE and not is_source_name(name) and parameter_of(name) not in _UNUSED
    }
    fields["model"] = endpoint.model.id if endpoint.model else arguments.get("model")
    if operation is not Operation.GENERATE:
        fields["images"] = [
            await _source(endpoint, http, f"images[{index}]", image) for index, image in enumerate(images)
        ]
        if "mask" in arguments:
            fields["mask"] = await _source(endpoint, http, "mask", arguments["mask"])
    request = parse_request(operation, fields)
    warnings = (*request.warnings, *_ignored(arguments, operation, endpoint))
    return RunCall(request.replace(warnings=warnings), output, wait)


def _operation(arguments: Mapping[str, Any]) -> Operation:
    """Returns the named operation, else the one that images and prompt imply. Raises ``GatewayError`` (400) without
    images that it needs.
    """
    has_images, written = "images" in arguments, arguments.get("operation")
    try:
        operation = None if written is None else Operation(written)
    except ValueError:
        allowed = ", ".join(Operation)
        raise invalid("operation", f"operation must be one of {allowed}, not {shown(written)}") from None
    if has_images:
        if operation in (None, Operation.GENERATE):
            return Operation.EDIT if arguments.get("prompt") else Operation.VARY
        return operation
    if operation in (Operation.EDIT, Operation.VARY):
        raise invalid("images", f"images is required to {operation}: give the id of an earlier image, a URL or a path")
    if "mask" in arguments:
        raise invalid("images", "images is required with a mask: the image to edit, by id, URL or path")
    return Operation.GENERATE


def _ignored(arguments: Mapping[str, Any], operation: Operation, endpoint: McpEndpoint) -> Iterator[str]:
    """Returns warnings for arguments that were ignored or changed."""
    if endpoint.model and "model" in arguments:
        yield '"model" is no parameter of run_model and was ignored'
    for name in arguments:
        if parameter_of(name) in _UNUSED:
            yield f"{name} has no meaning over MCP and was ignored"
        elif name not in _READ_HERE and is_source_name(name):
            yield f"{name} was ignored: {'mask' if source_kind(name) == 'mask' else 'images'} was used"
    if operation is not Operation.GENERATE and arguments.get("operation") == Operation.GENERATE:
        yield f"generate takes no images, so this was taken as {operation}"
    if operation is Operation.VARY and "mask" in arguments:
        yield "mask has no meaning for vary and was ignored"


async def _source(endpoint: McpEndpoint, http: Request | None, param: str, written: object) -> object:
    """Returns an image as the core reads it: a local file's bytes, ``image://`` for an id and for a URL of this gateway
    (so that a deleted image is reported as deleted), any other URL as it is. Raises ``GatewayError`` (400).
    """
    if not isinstance(written, str):
        raise invalid(param, f"{param} must be an image id, a URL or a path, not {shown(written)}")
    text = _unquoted(written.strip())
    if earlier := _ID.fullmatch(text):
        return _uri(earlier["name"])
    origin = endpoint.base_url(http)
    if origin and text.startswith(own := f"{origin}/images/"):
        return _uri(re.split(r"[?#]", text.removeprefix(own))[0])
    if not _is_path(text):
        if _URL.match(text) or _BASE64.fullmatch(text):
            return text
        raise invalid(param, f"{param} is {shown(text)}, which is no image id, URL or path; list_images shows the ids")
    if endpoint.files is None:
        raise invalid(
            param,
            f"{param} is {shown(text, 200)}, a path; over HTTP give an https URL, a data: URL or the id of an earlier "
            "image",
        )
    return await asyncio.to_thread(endpoint.files.read, param, text)


def _unquoted(text: str) -> str:
    """Removes the quotes that terminals put around a dragged file."""
    return text[1:-1] if len(text) > 2 and text[0] == text[-1] and text[0] in "'\"" else text


def _uri(name: str) -> str:
    """The extension, if there is one, in lower case."""
    stem, dot, extension = name.partition(".")
    return f"image://{stem}{dot}{extension.lower()}"


def _is_path(text: str) -> bool:
    if text.startswith(_JPEG_IN_BASE64) and len(text) > 256:
        return False
    if "://" in text and not text.lower().startswith("file:"):
        return False
    if text[:5].lower() == "data:":
        return False
    return bool(_PATH.match(text) or _FILE_NAME.fullmatch(text))
