"""From a caller's fields to an ``ImageRequest``: types, names of other dialects, and the ranges that hold for every
model. What depends on the model is the plan's.

JSON bodies, forms, tool arguments and command lines all come through here, so that one table says what a parameter
is called and what it may be. Text stands for numbers where the wire has text alone (forms).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar, cast

from cloudflare_image_mcp.catalog import Operation, Size
from cloudflare_image_mcp.core.image_sources import read_sources, source_names
from cloudflare_image_mcp.core.prompt_flags import take_flags
from cloudflare_image_mcp.core.request import ImageRequest
from cloudflare_image_mcp.errors import invalid, shown
from cloudflare_image_mcp.imagefile.header import ImageFormat
from cloudflare_image_mcp.limits import MAX_IMAGES, MAX_NAME_LENGTH, MAX_PARTIAL_IMAGES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Literal

    from cloudflare_image_mcp.core.request import ImageSource

_T = TypeVar("_T")

DIALECTS: Final[Mapping[str, tuple[str, ...]]] = {
    "steps": ("steps", "num_steps", "num_inference_steps"),
    "guidance": ("guidance", "guidance_scale", "cfg_scale", "cfg"),
    "negative_prompt": ("negative_prompt", "negativePrompt"),
    "strength": ("strength", "denoising_strength", "image_strength"),
    "aspect_ratio": ("aspect_ratio", "aspectRatio"),
}
"""Other names under which clients send a parameter; the first that is there and not null counts."""

QUALITIES: Final = ("auto", "low", "medium", "standard", "high", "hd", "xhigh", "max")
RESPONSE_FORMATS: Final = ("url", "b64_json")
OUTPUT_FORMATS: Final[Mapping[str, ImageFormat]] = {
    "png": ImageFormat.PNG,
    "jpeg": ImageFormat.JPEG,
    "jpg": ImageFormat.JPEG,
    "webp": ImageFormat.WEBP,
}
_LONGEST_NUMBER: Final = 400
"""Characters: ``float`` takes seconds over megabytes of digits."""
_TRUTHS: Final[Mapping[str, bool]] = {
    "true": True,
    "1": True,
    "on": True,
    "false": False,
    "0": False,
    "off": False,
}

_WITHOUT_MEANING: Final[Mapping[str, str]] = {
    "background": "transparent",
    "style": "vivid",
    "markup": "",
    "svg": "",
    "frame_count": "",
}
"""OpenAI's parameters that change its pictures and have no counterpart here, with the value that asks for something
(empty: any). They are dropped, and said; every other unknown key is ignored without a word.
"""


class _Fields:
    """The caller's fields by canonical name, remembering how each was written."""

    def __init__(self, fields: Mapping[str, object], *, text: bool) -> None:
        self._fields = fields
        self._text = text

    def find(self, name: str) -> tuple[str, object] | None:
        """The name as written and the value; null and, in a form, empty text are absent."""
        for written in DIALECTS.get(name, (name,)):
            value = self._fields.get(written)
            if value is not None and not (self._text and value == ""):
                return written, value
        return None

    def written(self) -> dict[str, str]:
        """The parameters that have another name here."""
        found = {name: self.find(name) for name in DIALECTS}
        names = {name: field[0] for name, field in found.items() if field and field[0] != name}
        return names | ({"size": "width"} if self.read("size", _written_size) is None and self.find("width") else {})

    def read(self, name: str, kind: Callable[[str, object, bool], _T]) -> _T | None:
        found = self.find(name)
        return None if found is None else kind(*found, self._text)


def parse_request(operation: Operation, fields: Mapping[str, object], *, text: bool = False) -> ImageRequest:
    """Reads one request. ``text``: values are form text, in which numbers and truths are spelt out.

    Raises ``GatewayError`` (400) naming the parameter as the caller wrote it, the value and what is allowed.
    """
    source = _Fields(fields, text=text)
    prompt, flags = take_flags(source.read("prompt", _string) or "")
    flagged = _Fields(flags, text=True)

    def read(name: str, kind: Callable[[str, object, bool], _T]) -> _T | None:
        value = source.read(name, kind)
        return flagged.read(name, kind) if value is None else value

    images, masks, left_out = _inputs(operation, fields)
    n = read("n", _integer)
    partial_images = source.read("partial_images", _integer)
    compression = source.read("output_compression", _integer)
    return ImageRequest(
        operation=operation,
        prompt=prompt,
        model=source.read("model", _name),
        n=1 if n is None else _between("n", n, 1, MAX_IMAGES),
        size=_size(source) or _size(flagged),
        aspect=read("aspect_ratio", _aspect),
        steps=read("steps", _integer),
        seed=_seed(read("seed", _integer)),
        guidance=read("guidance", _number),
        negative_prompt=read("negative_prompt", _string),
        strength=read("strength", _number),
        quality=source.read("quality", _quality),
        images=images,
        mask=masks[0] if masks else None,
        output_format=source.read("output_format", _output_format),
        output_compression=None if compression is None else _between("output_compression", compression, 0, 100),
        response_format=source.read("response_format", _response_format),
        partial_images=_between("partial_images", partial_images or 0, 0, MAX_PARTIAL_IMAGES),
        stream=source.read("stream", _truth) or False,
        safety_identifier=source.read("safety_identifier", _string),
        written=source.written(),
        warnings=(*_meaningless(source), *left_out),
    )


def _meaningless(source: _Fields) -> tuple[str, ...]:
    found = [(source.find(name), asks) for name, asks in _WITHOUT_MEANING.items()]
    return tuple(
        f"{field[0]} is not supported and was ignored" for field, asks in found if field and asks in ("", field[1])
    )


_Inputs: TypeAlias = "tuple[tuple[ImageSource, ...], tuple[ImageSource, ...], tuple[str, ...]]"


def _inputs(operation: Operation, fields: Mapping[str, object]) -> _Inputs:
    """The input images, the masks, and what is to be said of those that are not used."""
    if operation is Operation.GENERATE:
        unused = tuple(f"{name} was ignored: generating takes no image; an edit does" for name in source_names(fields))
        return (), (), unused
    images, masks = read_sources("image", fields), read_sources("mask", fields)
    several = f"only the first of {len(masks)} masks was used"
    return images, masks, (several,) if len(masks) > 1 else ()


def _size(source: _Fields) -> Size | None:
    size = source.read("size", _written_size)
    width, height = source.read("width", _integer), source.read("height", _integer)
    if size is not None or (width is None and height is None):
        return size
    if width is None or height is None:
        missing, given = ("width", "height") if width is None else ("height", "width")
        raise invalid(missing, f"{missing} is required when {given} is given")
    return Size(width, height)


def _seed(seed: int | None) -> int | None:
    """-1 asks for a random seed in several clients."""
    return None if seed == -1 else seed


def _between(name: str, value: int, low: int, high: int) -> int:
    if not low <= value <= high:
        raise invalid(name, f"{name} must be an integer from {low} to {high}, not {shown(value)}")
    return value


def _string(name: str, value: object, text: bool) -> str:
    if not isinstance(value, str):
        given = "a file" if isinstance(value, bytes) else shown(value)
        raise invalid(name, f"{name} must be a string, not {given}")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise invalid(name, f"{name} must be valid Unicode; it has half of a surrogate pair") from None
    return value


def _name(name: str, value: object, text: bool) -> str:
    written = _string(name, value, text)
    if len(written) > MAX_NAME_LENGTH:
        raise invalid(name, f"{name} must be at most {MAX_NAME_LENGTH} characters long, not {len(written)}")
    return written


def _integer(name: str, value: object, text: bool) -> int:
    if text and isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            raise invalid(name, f"{name} must be an integer, not {shown(value)}") from None
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise invalid(name, f"{name} must be an integer, not {shown(value)}")
    return value


def _number(name: str, value: object, text: bool) -> float:
    if text and isinstance(value, str):
        try:
            value = _float(value)
        except ValueError:
            raise invalid(name, f"{name} must be a number, not {shown(value)}") from None
    if not isinstance(value, int | float) or isinstance(value, bool) or not _is_finite(value):
        raise invalid(name, f"{name} must be a number, not {shown(value)}")
    return value


def _float(text: str) -> float:
    if len(text) > _LONGEST_NUMBER:
        raise ValueError(text[:_LONGEST_NUMBER])
    return float(text)


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer that no float reaches
        return False


def _truth(name: str, value: object, text: bool) -> bool:
    if isinstance(value, bool):
        return value
    if text and isinstance(value, str) and value.lower() in _TRUTHS:
        return _TRUTHS[value.lower()]
    raise invalid(name, f"{name} must be true or false, not {shown(value)}")


def _written_size(name: str, value: object, text: bool) -> Size | None:
    if value in ("auto", ""):
        return None
    try:
        return Size.parse(_string(name, value, text))
    except ValueError:
        raise invalid(name, f'{name} must be WIDTHxHEIGHT in pixels or "auto", not {shown(value)}') from None


def _aspect(name: str, value: object, text: bool) -> float | None:
    if value == "auto":
        return None
    written = _string(name, value, text)
    try:
        width, height = map(_float, written.replace("/", ":").split(":", 1))
        ratio = width / height
    except (ValueError, ZeroDivisionError):
        ratio = math.nan
    if not 1 / 8 <= ratio <= 8:
        raise invalid(name, f"{name} must be WIDTH:HEIGHT from 1:8 to 8:1, not {shown(value)}")
    return ratio


def _choice(name: str, value: object, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise invalid(name, f"{name} must be one of {', '.join(allowed)}, not {shown(value)}")
    return value


def _quality(name: str, value: object, text: bool) -> str | None:
    quality = _choice(name, value, QUALITIES)
    return None if quality == "auto" else quality


def _response_format(name: str, value: object, text: bool) -> Literal["url", "b64_json"]:
    return cast('Literal["url", "b64_json"]', _choice(name, value, RESPONSE_FORMATS))


def _output_format(name: str, value: object, text: bool) -> ImageFormat | None:
    if value == "auto":
        return None
    return OUTPUT_FORMATS[_choice(name, value, tuple(OUTPUT_FORMATS))]
