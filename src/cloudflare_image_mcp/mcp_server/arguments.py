"""Normalizes a tool's arguments as language models write them: "null" for nothing, one image in place of a list, other
tools' words for an operation. The core parses the request's parameters, for all interfaces alike.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, Final

from cloudflare_image_mcp.core.image_sources import IMAGE_KEYS, source_kind
from cloudflare_image_mcp.core.parsing import parameter_of
from cloudflare_image_mcp.core.written_values import is_absent
from cloudflare_image_mcp.errors import invalid, shown
from cloudflare_image_mcp.mcp_server import schemas

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_OPERATIONS: Final[Mapping[str, str]] = {
    "generation": "generate",
    "create": "generate",
    "text-to-image": "generate",
    "txt2img": "generate",
    "image-to-image": "edit",
    "img2img": "edit",
    "inpaint": "edit",
    "inpainting": "edit",
    "variation": "vary",
    "variations": "vary",
}
"""Synonyms of the operations."""

_FREE_TEXT: Final = frozenset({"prompt", "negative_prompt", "images", "mask", "job_id"})
"""Arguments in which the text "default" does not stand for the default."""

_KEYS: Final = ("id", "uri", "path", *IMAGE_KEYS)
"""Keys under which an object holds the image: a row of an earlier result, a block of a message."""


def tidy(written: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the arguments under the names of the schema, without empty ones. A value that cannot be parsed is left
    as it is.
    """
    given = {name: value for name, value in written.items() if not _is_absent(_name(name), value)}
    arguments = {name if (known := _name(name)) in given else known: value for name, value in given.items()}
    for name, read in _READ.items():
        if name in arguments:
            arguments[name] = read(arguments[name])
    return arguments


def _name(written: str) -> str:
    """Returns the schema's name for a synonym. The core knows the other names of parameters."""
    kind = source_kind(written)
    if kind is not None:
        return "images" if kind == "image" else "mask"
    return "model" if parameter_of(written) == "model" else written


def read_output(arguments: Mapping[str, Any]) -> str:
    """Returns ``output``. Raises ``GatewayError`` (400)."""
    output = arguments.get("output", "auto")
    if output not in schemas.OUTPUTS:
        raise invalid("output", f"output must be one of {', '.join(schemas.OUTPUTS)}, not {shown(output)}")
    return str(output)


def read_wait(arguments: Mapping[str, Any], default: float) -> float:
    """Returns ``wait_seconds``. Raises ``GatewayError`` (400)."""
    return _number("wait_seconds", "a number", arguments.get("wait_seconds", default), 0, schemas.MAX_WAIT)


def read_limit(arguments: Mapping[str, Any], default: int) -> int:
    """Returns ``limit``. Raises ``GatewayError`` (400)."""
    return int(_number("limit", "an integer", arguments.get("limit", default), 1, schemas.MAX_LISTED))


def _number(name: str, kind: str, written: object, low: float, high: float) -> float:
    try:
        value = math.nan if isinstance(written, bool) else float(written)  # type: ignore[arg-type]  # what is no number raises
    except (TypeError, ValueError, OverflowError):
        value = math.nan
    if not low <= value <= high or (kind == "an integer" and not value.is_integer()):
        raise invalid(name, f"{name} must be {kind} from {low:g} to {high:g}, not {shown(written)}")
    return value


def _is_absent(name: str, value: object) -> bool:
    if name == "images" and _images(value) == []:
        return True
    if name == "prompt":
        return value is None
    return is_absent(value, free_text=name in _FREE_TEXT)


def _choice(value: object) -> object:
    return value.strip().casefold() if isinstance(value, str) else value


def _operation(value: object) -> object:
    word = _choice(value)
    return _OPERATIONS.get(word.replace("_", "-"), word) if isinstance(word, str) else word


def _images(value: object) -> object:
    """Returns a list of images from a list, a single image, an object, or JSON in a string."""
    value = _unquoted(value)
    rows = value if isinstance(value, list) else [value]
    return [image for row in rows if not is_absent(image := _image(row), free_text=True)]


def _mask(value: object) -> object:
    """Returns one image; of a list with one entry, that entry."""
    value = _unquoted(value)
    return _image(value[0] if isinstance(value, list) and len(value) == 1 else value)


def _unquoted(value: object) -> object:
    """Parses JSON in a string: several hosts send lists and objects like that."""
    if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def _image(value: object) -> object:
    while isinstance(value, dict):
        found = next(_named(value), None)
        if found is None:
            return value
        value = found
    return value


def _named(row: Mapping[str, Any]) -> Iterator[object]:
    for key in _KEYS:
        if row.get(key):
            yield row[key]


_READ: Final = {
    "operation": _operation,
    "output": _choice,
    "images": _images,
    "mask": _mask,
}
