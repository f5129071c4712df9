"""Reads the values of parameters as callers write them: numbers in quotes, sizes, ratios, words in capitals.

Every function takes what the caller sent and returns the value, or raises ``NotAllowed`` with what is allowed, in
words that follow "must be".
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, Final

from pydantic_core import PydanticCustomError

from cloudflare_image_mcp.catalog import Size
from cloudflare_image_mcp.imagefile.header import ImageFormat

if TYPE_CHECKING:
    from collections.abc import Mapping

OUTPUT_FORMATS: Final[Mapping[str, ImageFormat]] = {
    "png": ImageFormat.PNG,
    "jpeg": ImageFormat.JPEG,
    "jpg": ImageFormat.JPEG,
    "webp": ImageFormat.WEBP,
}

_NOTHING: Final = frozenset({"", "null", "none", "undefined", "n/a"})
_DEFAULT: Final = frozenset({"auto", "default", "random"})
"""Words that ask for the default, in every parameter but free text."""
_BOOLEANS: Final[Mapping[str, bool]] = {"true": True, "1": True, "on": True, "false": False, "0": False, "off": False}
_MAX_NUMBER_LENGTH: Final = 400
"""Characters: ``float`` takes seconds over megabytes of digits."""
_MAX_WORD_LENGTH: Final = 40
"""Characters: patterns take seconds over megabytes of spaces."""

_SIDE: Final = re.compile(r"\s*(\d{1,6})(?:\.0+)?\s*(?:px)?\s*")
_RATIO: Final = re.compile(r"\s*(\d{1,6}(?:\.\d+)?)\s*(?:[:/xX×*]|by)\s*(\d{1,6}(?:\.\d+)?)\s*")  # noqa: RUF001 - people do type the sign
_NAMED_RATIO: Final = re.compile(r"(landscape|portrait)_(\d{1,2})_(\d{1,2})")
"""fal's ``image_size``: ``landscape_16_9`` is 16:9, and ``portrait_16_9`` is 9:16."""
_SQUARES: Final = frozenset({"square", "square_hd"})

MIN_RATIO: Final = 1 / 8
MAX_RATIO: Final = 8.0


_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def snake_case(name: str) -> str:
    """``numSteps`` and ``num-steps`` as ``num_steps``."""
    return _CAMEL.sub("_", name).replace("-", "_").lower()


class NotAllowed(PydanticCustomError):
    """The value cannot be read. ``allowed`` says in words what can be."""

    def __new__(cls, allowed: str) -> NotAllowed:
        return super().__new__(cls, "not_allowed", "{allowed}", {"allowed": allowed})


def is_absent(value: object, *, words: bool = True, free_text: bool = False) -> bool:
    """Whether the caller wrote a value that stands for no value: null, an empty text, "null", "auto".

    ``words`` False: every word counts (a prompt). ``free_text``: words for the default are a value.
    """
    if not isinstance(value, str):
        return value is None
    if not words or len(value) > _MAX_WORD_LENGTH:
        return value == ""
    word = value.strip().casefold()
    return word in _NOTHING or (not free_text and word in _DEFAULT)


def read_text(value: object) -> str:
    if not isinstance(value, str):
        raise NotAllowed("a string")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise NotAllowed("valid Unicode; it has half of a surrogate pair") from None
    return value


def read_integer(value: object) -> int:
    """An integer, a float without a fraction, or either as text."""
    number = value
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            number = _float(value)
    if isinstance(number, float) and number.is_integer():
        return int(number)
    if isinstance(number, bool) or not isinstance(number, int):
        raise NotAllowed("an integer")
    return number


def read_number(value: object) -> float:
    """A finite number, or one as text. An integer stays one."""
    number = _float(value) if isinstance(value, str) else value
    if isinstance(number, bool) or not isinstance(number, int | float) or not _is_finite(number):
        raise NotAllowed("a number")
    return number


def read_boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    read = _BOOLEANS.get(_word(value))
    if read is None:
        raise NotAllowed("true or false")
    return read


def read_word(value: object) -> object:
    """A word of a fixed list in any case; what is no word is left for the list to refuse."""
    return _word(value) or value


def read_output_format(value: object) -> ImageFormat:
    """``PNG``, ``.png`` and ``image/png`` too."""
    word = value.value if isinstance(value, ImageFormat) else _word(value).removeprefix("image/").lstrip(".")
    if word not in OUTPUT_FORMATS:
        raise NotAllowed(f"one of {', '.join(OUTPUT_FORMATS)}")
    return OUTPUT_FORMATS[word]


def read_size(value: object) -> Size:
    """``1024x768``, with ``*``, a multiplication sign or "by", and ``px``; one side of a square; a list or an object of
    both.
    """
    if isinstance(value, Size):
        return value
    sides = value
    if isinstance(value, dict) and value.keys() == {"width", "height"}:
        sides = [value["width"], value["height"]]
    try:
        if isinstance(sides, list) and len(sides) == 2 and all(isinstance(side, int | str) for side in sides):
            return Size.parse(f"{sides[0]}x{sides[1]}")
        if isinstance(sides, str):
            side = _SIDE.fullmatch(sides) if len(sides) <= _MAX_WORD_LENGTH else None
            return Size(int(side[1]), int(side[1])) if side else Size.parse(sides)
        if isinstance(sides, int | float) and not isinstance(sides, bool) and 0 <= sides < 1_000_000 and sides % 1 == 0:
            return Size(int(sides), int(sides))
    except ValueError:
        pass
    raise NotAllowed('WIDTHxHEIGHT in pixels or "auto"')


def read_ratio(value: object) -> float:
    """Width divided by height: ``16:9``, ``16/9``, ``16x9``, ``1.78``."""
    ratio = value if isinstance(value, int | float) and not isinstance(value, bool) else _ratio(value)
    if not MIN_RATIO <= ratio <= MAX_RATIO:
        raise NotAllowed("WIDTH:HEIGHT from 1:8 to 8:1")
    return float(ratio)


def is_ratio(value: object) -> bool:
    """Whether a size was written as a ratio, such as ``1:1``."""
    word = _word(value)
    return ":" in word or word in _SQUARES or _NAMED_RATIO.fullmatch(word) is not None


def _ratio(value: object) -> float:
    word = _word(value)
    if word in _SQUARES:
        return 1.0
    if named := _NAMED_RATIO.fullmatch(word):
        wide = int(named[2]) / (int(named[3]) or math.nan)
        return wide if named[1] == "landscape" else 1 / (wide or math.nan)
    if sides := _RATIO.fullmatch(word):
        return float(sides[1]) / (float(sides[2]) or math.nan)
    number = _float(word)
    return math.nan if number is None else number


def _word(value: object) -> str:
    """Empty where the value is no short text."""
    return value.strip().casefold() if isinstance(value, str) and len(value) <= _MAX_WORD_LENGTH else ""


def _float(text: str) -> float | None:
    try:
        return float(text) if len(text) <= _MAX_NUMBER_LENGTH else None
    except ValueError:
        return None


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer that no float reaches
        return False


def as_written(value: Any) -> str:
    """A value in a warning: text without quotes, cut when it is long."""
    text = str(value)
    return text if len(text) <= _MAX_WORD_LENGTH else f"{text[:_MAX_WORD_LENGTH]}…"
