"""Flags in a prompt, for chat clients that can send nothing but a prompt:
``a fox --steps=6 --seed 1 --size=512x512 --negative "blurry, low quality"``.
"""

from __future__ import annotations

import re
from typing import Final

from cloudflare_image_mcp.core.request import FLAGS

_QUOTED: Final = r"\"[^\"]*\"|'[^']*'|[^\s\"']+"
_FORMS: Final = {
    "steps": r"\d+",
    "seed": r"-?\d+",
    "size": r"\d+[xX]\d+",
    "n": r"\d+",
    "aspect_ratio": r"\d+:\d+",
    "negative_prompt": _QUOTED,
}
"""The form of a flag's value; else a number. A known flag with a value of another form, like any other text with
dashes, stays in the prompt.
"""
_NUMBER: Final = r"\d+(?:\.\d+)?"

_PARAMETERS: Final = {flag: parameter for parameter, flags in FLAGS.items() for flag in flags.names}
_FLAG: Final = re.compile(
    r"(?<!\S)--(?:"
    + "|".join(
        f"(?P<{flag}>{flag}(?:\\s*=\\s*|\\s+)(?:{_FORMS.get(parameter, _NUMBER)}))"
        for flag, parameter in _PARAMETERS.items()
    )
    + r")(?=\s|$)"
)


_LONGEST: Final = 100_000
"""Characters. A longer prompt is refused anyway, and searching 60 MB for flags takes ten seconds."""


def take_flags(prompt: str) -> tuple[str, dict[str, str]]:
    """Returns the prompt without its flags, and the parameters that they set, as text. The last of a flag wins."""
    if len(prompt) > _LONGEST:
        return prompt, {}
    flags: dict[str, str] = {}
    kept, end = [], 0
    for match in _FLAG.finditer(prompt):
        name = match.lastgroup or ""
        value = match[name][len(name) :].lstrip(" \t=")
        flags[_PARAMETERS[name]] = value.strip("\"'")
        # Stripped here: a pattern that begins with spaces is quadratic in a long run of them.
        kept.append(prompt[end : match.start()].rstrip())
        end = match.end()
    return ("".join([*kept, prompt[end:]]).strip(), flags) if flags else (prompt, flags)
