"""A tool's arguments as models really write them, brought to what the schema asks for: numbers in quotes, "null" for
nothing, one image where a list is wanted, the names that other image tools have for the same thing.

What can mean one thing only is taken as that; what cannot is left for the core to refuse in its own words.
"""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any, Final

from cloudflare_image_mcp.errors import invalid, shown
from cloudflare_image_mcp.mcp_server import schemas

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_NAMES: Final[Mapping[str, str]] = {
    "image": "images",
    "image_url": "images",
    "image_urls": "images",
    "input_image": "images",
    "input_images": "images",
    "reference_images": "images",
    "mask_image": "mask",
    "mask_url": "mask",
    "num_images": "n",
    "num_outputs": "n",
    "model_id": "model",
}
"""Names of other image tools, and what they are called here."""

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
"""The field's other words for an operation."""

_NOTHING: Final = frozenset({"", "null", "none", "undefined", "n/a"})
_DEFAULT: Final = frozenset({"auto", "default", "random"})
"""What a model writes to say that it says nothing."""
_TEXTS: Final = frozenset({"prompt"})
"""Arguments in which every word counts."""
_FREE: Final = _TEXTS | {"negative_prompt", "images", "mask", "job_id"}
"""Arguments in which "default" is not a word for the default."""

_KEYS: Final = ("id", "uri", "path", "url", "image_url", "data")
"""Where the image stands in an object: a row of an earlier result, a block of a message."""

_SIDE: Final = re.compile(r"\s*(\d{1,6})\s*(?:px)?\s*")
_SHAPE: Final = re.compile(r"\s*\d{1,2}\s*:\s*\d{1,2}\s*")
_RATIO: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*[xX×]\s*(\d+(?:\.\d+)?)\s*")  # noqa: RUF001 - people do type the sign


def tidy(written: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments by the names of the schema; what says nothing is left out. Values that nobody can make sense of
    stay as they are.
    """
    said = {name: value for name, value in written.items() if not _says_nothing(_NAMES.get(name, name), value)}
    arguments = {name if (known := _NAMES.get(name, name)) in said else known: value for name, value in said.items()}
    for name, read in _READ.items():
        if name in arguments:
            arguments[name] = read(arguments[name])
    if isinstance(size := arguments.get("size"), str) and _SHAPE.fullmatch(size) and "aspect_ratio" not in arguments:
        arguments["aspect_ratio"] = arguments.pop("size")
    return arguments


def read_output(arguments: Mapping[str, Any]) -> str:
    """``output``. Raises ``GatewayError`` (400)."""
    output = arguments.get("output", "auto")
    if output not in schemas.OUTPUTS:
        raise invalid("output", f"output must be one of {', '.join(schemas.OUTPUTS)}, not {shown(output)}")
    return str(output)


def read_wait(arguments: Mapping[str, Any], default: float) -> float:
    """``wait_seconds``. Raises ``GatewayError`` (400)."""
    return _number("wait_seconds", "a number", arguments.get("wait_seconds", default), 0, schemas.MAX_WAIT)


def read_limit(arguments: Mapping[str, Any], default: int) -> int:
    """``limit``. Raises ``GatewayError`` (400)."""
    return int(_number("limit", "an integer", arguments.get("limit", default), 1, schemas.MAX_LISTED))


def _number(name: str, kind: str, written: object, low: float, high: float) -> float:
    try:
        value = math.nan if isinstance(written, bool) else float(written)  # type: ignore[arg-type]  # what is no number raises
    except (TypeError, ValueError):
        value = math.nan
    if not low <= value <= high or (kind == "an integer" and not value.is_integer()):
        raise invalid(name, f"{name} must be {kind} from {low:g} to {high:g}, not {shown(written)}")
    return value


def _says_nothing(name: str, value: object) -> bool:
    if value is None or (name == "images" and _images(value) == []):
        return True
    if not isinstance(value, str) or name in _TEXTS:
        return False
    return _is_nothing(value) or (name not in _FREE and _word(value) in _DEFAULT)


def _is_nothing(value: object) -> bool:
    return value is None or (isinstance(value, str) and _word(value) in _NOTHING)


def _word(text: str) -> str | None:
    """None where the text is more than a word, as an image in a ``data:`` URL is by megabytes."""
    return text.strip().casefold() if len(text) < 32 else None


def _choice(value: object) -> object:
    return value.strip().casefold() if isinstance(value, str) else value


def _operation(value: object) -> object:
    word = _choice(value)
    return _OPERATIONS.get(word.replace("_", "-"), word) if isinstance(word, str) else word


def _format(value: object) -> object:
    """``PNG``, ``.png`` and ``image/png`` too."""
    word = _choice(value)
    return word.removeprefix("image/").lstrip(".") if isinstance(word, str) else word


def _size(value: object) -> object:
    """One side is a square's; a list or an object has both."""
    if isinstance(value, dict) and {"width", "height"} <= value.keys():
        value = [value["width"], value["height"]]
    if isinstance(value, list) and len(value) == 2:
        return f"{value[0]}x{value[1]}"
    if isinstance(value, int | str) and (side := _SIDE.fullmatch(str(value))):
        return f"{side[1]}x{side[1]}"
    return value


def _aspect(value: object) -> object:
    """``16x9`` and 1.78 are ``16:9`` and ``1.78:1``."""
    if isinstance(value, str) and (sides := _RATIO.fullmatch(value)):
        return f"{sides[1]}:{sides[2]}"
    try:
        return value if isinstance(value, bool) else f"{float(value)}:1"  # type: ignore[arg-type]  # what is no number raises
    except (TypeError, ValueError):
        return value


def _images(value: object) -> object:
    """A list, however it was written: alone, as an object, as JSON in a string."""
    value = _unquoted(value)
    rows = value if isinstance(value, list) else [value]
    return [image for row in rows if not _is_nothing(image := _image(row))]


def _mask(value: object) -> object:
    """One image; a list of one is one."""
    value = _unquoted(value)
    return _image(value[0] if isinstance(value, list) and len(value) == 1 else value)


def _unquoted(value: object) -> object:
    """JSON in a string: several hosts pass lists and objects on like that."""
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
    "output_format": _format,
    "size": _size,
    "aspect_ratio": _aspect,
    "images": _images,
    "mask": _mask,
}
