"""Flags in a prompt, for chat clients that can send nothing but a prompt:
``a fox --steps=6 --seed 1 --size=512x512 --negative "blurry, low quality"``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice
from typing import TYPE_CHECKING, Final

from cloudflare_image_mcp.core.request import FLAGS, NAMES, other_names
from cloudflare_image_mcp.core.written_values import snake_case
from cloudflare_image_mcp.errors import shown

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class _Form:
    """How a flag's value is written: a pattern, and the same in words that follow "takes"."""

    pattern: str
    words: str


_INTEGER: Final = _Form(r"\d+(?:\.0+)?", "an integer")
_NUMBER: Final = _Form(r"\d*\.?\d+", "a number")
_RATIO: Final = r"\d+(?:\.\d+)?[:/]\d+(?:\.\d+)?"
_FORMS: Final = {
    "steps": _INTEGER,
    "seed": _Form(rf"-?{_INTEGER.pattern}", "an integer"),
    "size": _Form(rf"\d+[xX×*]\d+|{_RATIO}|\d+(?:px)?", "WIDTHxHEIGHT"),  # noqa: RUF001 - people do type the sign
    "n": _INTEGER,
    "aspect_ratio": _Form(rf"{_RATIO}|\d+[xX]\d+|\d+\.\d+", "WIDTH:HEIGHT"),
    "negative_prompt": _Form(r"\"[^\"]*\"|'[^']*'|[^\s\"']+", "a text, in quotes where it has spaces"),
}
"""By parameter; others are numbers. A known flag with a value of another form stays in the prompt, with a warning."""

_DASHES: Final = r"(?<!\S)(?:--|\u2014|\u2013)"
"""Phones and word processors turn two hyphens into one dash."""


def _flag_names() -> dict[str, str]:
    """The parameter of each flag: its short names, and every name that the parameter has as a field."""
    return {
        name: parameter
        for parameter, flags in FLAGS.items()
        for name in dict.fromkeys((*flags.names, *other_names(parameter)))
    }


_PARAMETERS: Final = _flag_names()
_FLAG: Final = re.compile(
    rf"{_DASHES}(?:"
    + "|".join(
        f"(?P<{name}>{name.replace('_', '[_-]')}(?:\\s*=\\s*|\\s+)(?:{_FORMS.get(parameter, _NUMBER).pattern}))"
        for name, parameter in _PARAMETERS.items()
    )
    + r")[,;.]?(?=\s|$)",
    re.IGNORECASE,
)
_LIKE_A_FLAG: Final = re.compile(rf"{_DASHES}(?P<name>[A-Za-z][\w-]{{0,40}})(?P<value>\s*=\s*\S*|\s+-?[\d.]\S*)?")

_LONGEST: Final = 100_000
"""Characters. A longer prompt is refused anyway, and searching 60 MB for flags takes ten seconds."""
_MAX_WARNINGS: Final = 5


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag: its parameter, as it was written (``--ar``), and the value as text."""

    parameter: str
    written: str
    value: str


@dataclass(frozen=True, slots=True)
class PromptFlags:
    """A prompt without its flags. ``warnings`` name what looks like a flag and stayed in the prompt."""

    prompt: str
    flags: tuple[Flag, ...] = ()
    warnings: tuple[str, ...] = ()


def take_flags(prompt: str) -> PromptFlags:
    """Takes the flags out of a prompt."""
    if len(prompt) > _LONGEST:
        return PromptFlags(prompt)
    flags: list[Flag] = []
    kept, end = [], 0
    for match in _FLAG.finditer(prompt):
        name = match.lastgroup or ""
        written = match[name][: len(name)]
        value = match[name][len(name) :].lstrip().removeprefix("=").lstrip()
        flags.append(Flag(_PARAMETERS[name], f"--{written}", value.strip("\"'")))
        # Stripped here: a pattern that begins with spaces is quadratic in a long run of them.
        kept.append(prompt[end : match.start()].rstrip())
        end = match.end()
    rest = "".join([*kept, prompt[end:]]).strip() if flags else prompt
    return PromptFlags(rest, tuple(flags), tuple(islice(_left(rest), _MAX_WARNINGS)))


def _left(prompt: str) -> Iterator[str]:
    """A warning for each text that looks like a flag: a known name, a name close to one, or any name with a value."""
    for match in _LIKE_A_FLAG.finditer(prompt):
        if not match[0].startswith("--") and "=" not in match[0]:
            continue  # a dash in a sentence
        name = snake_case(match["name"])
        parameter = _PARAMETERS.get(name)
        near = get_close_matches(name, _PARAMETERS, n=1, cutoff=0.75)
        if parameter is not None:
            reason = f"--{match['name']} takes {_FORMS.get(parameter, _NUMBER).words}"
        elif name in NAMES:
            reason = f"{NAMES[name]} cannot be set there"
        elif near or match["value"] is not None:
            reason = "it is not a known flag" + (f"; did you mean --{near[0].replace('_', '-')}?" if near else "")
        else:
            continue
        yield f"{shown(match[0].strip(), 40)} was left in the prompt: {reason}"
