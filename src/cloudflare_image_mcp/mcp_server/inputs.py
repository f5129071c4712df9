"""A tool's arguments as the core's fields. Images may be written in the ways that a model finds easy: the id of an
earlier result, a URL, a path; never does it have to write base64.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from cloudflare_image_mcp.catalog import Operation
from cloudflare_image_mcp.errors import invalid, shown
from cloudflare_image_mcp.gateway.limits import MAX_INPUT_IMAGES
from cloudflare_image_mcp.gateway.parameters import parse_request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudflare_image_mcp.gateway.request import ImageRequest
    from cloudflare_image_mcp.mcp_server.door import Door

_ID: Final = re.compile(r"[0-9A-Za-z_-]{22}(?:\.(?:png|jpe?g|webp|gif))?")
_PATH: Final = re.compile(r"file:|[/~.\\]|[A-Za-z]:[\\/]", re.IGNORECASE)
_FILE_NAME: Final = re.compile(r"[^\n]{1,1024}\.(?:png|jpe?g|webp|gif)", re.IGNORECASE)
_JPEG_IN_BASE64: Final = "/9j/"
"""What every JPEG's base64 begins with, as a path might."""

PASSED_ON: Final = (
    "prompt",
    "n",
    "size",
    "aspect_ratio",
    "seed",
    "steps",
    "guidance",
    "negative_prompt",
    "strength",
    "output_format",
)
"""Arguments of ``run_model`` that are the core's own parameters."""
HANDLED: Final = ("model", "operation", "images", "mask", "output", "wait_seconds")


async def read_request(door: Door, arguments: Mapping[str, Any]) -> ImageRequest:
    """The request that the arguments of ``run_model`` stand for. Raises ``GatewayError`` (400)."""
    images, mask = arguments.get("images"), arguments.get("mask")
    if isinstance(images, str):
        images = [images]
    if images is not None and not isinstance(images, list):
        raise invalid("images", f"images must be a list of image ids, URLs or paths, not {shown(images)}")
    if len(images or ()) > MAX_INPUT_IMAGES:
        raise invalid("images", f"images has {len(images or ())} entries; at most {MAX_INPUT_IMAGES} are allowed")
    operation = _operation(arguments, bool(images))
    fields: dict[str, object] = {name: arguments[name] for name in PASSED_ON if arguments.get(name) is not None}
    fields["model"] = door.model.id if door.model else arguments.get("model")
    if operation is not Operation.GENERATE:
        if not images:
            raise invalid(
                "images", f"images is required to {operation}: give the id of an earlier image, a URL or a path"
            )
        fields["images"] = [await _source(door, f"images[{index}]", image) for index, image in enumerate(images)]
        if mask:
            fields["mask"] = await _source(door, "mask", mask)
    request = parse_request(operation, fields)
    return _with_warnings(request, arguments, operation, door)


def _operation(arguments: Mapping[str, Any], has_images: bool) -> Operation:
    """As said; else what the images and the prompt amount to."""
    written = arguments.get("operation")
    if written is None:
        if not has_images:
            return Operation.GENERATE
        return Operation.EDIT if arguments.get("prompt") else Operation.VARY
    try:
        return Operation(written)
    except ValueError:
        allowed = ", ".join(Operation)
        raise invalid("operation", f"operation must be one of {allowed}, not {shown(written)}") from None


def _with_warnings(
    request: ImageRequest, arguments: Mapping[str, Any], operation: Operation, door: Door
) -> ImageRequest:
    known = {*PASSED_ON, *HANDLED} - ({"model"} if door.model else set())
    said = [
        f"{shown(name, 40)} is no parameter of run_model and was ignored" for name in arguments if name not in known
    ]
    if operation is Operation.GENERATE:
        said += [
            f"{name} has no meaning for generate and was ignored" for name in ("images", "mask") if arguments.get(name)
        ]
    elif operation is Operation.VARY and arguments.get("mask"):
        said.append("mask has no meaning for vary and was ignored")
    return replace(request, warnings=(*request.warnings, *said[:20]))


async def _source(door: Door, param: str, written: object) -> object:
    """An image as the core reads it: local files become their bytes here, where it is known who is calling."""
    if not isinstance(written, str):
        raise invalid(param, f"{param} must be an image id, a URL or a path, not {shown(written)}")
    text = written.strip()
    if _ID.fullmatch(text):
        return f"image://{text}"
    if not _is_path(text):
        return text
    if door.files is None:
        raise invalid(
            param,
            f"{param} is {shown(text, 200)}, a path; over HTTP give an https URL, a data: URL or the id of an earlier "
            "image",
        )
    return await asyncio.to_thread(door.files.read, param, text)


def _is_path(text: str) -> bool:
    if text.startswith(_JPEG_IN_BASE64) and len(text) > 256:
        return False
    if "://" in text and not text.lower().startswith("file:"):
        return False
    if text[:5].lower() == "data:":
        return False
    return bool(_PATH.match(text) or _FILE_NAME.fullmatch(text))
