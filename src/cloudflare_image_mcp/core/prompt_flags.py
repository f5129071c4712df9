"""Flags in a prompt, for chat clients that can send nothing but a prompt:
``a fox --steps=6 --seed 1 --size=512x512 --negative "blurry, low quality"``.
"""

from __future__ import annotations

import re
from typing import Final

FLAGS: Final = {
    "steps": ("steps", r"\d+"),
    "seed": ("seed", r"-?\d+"),
    "size": ("size", r"\d+[xX]\d+"),
    "guidance": ("guidance", r"\d+(?:\.\d+)?"),
    "cfg": ("guidance", r"\d+(?:\.\d+)?"),
    "strength": ("strength", r"\d+(?:\.\d+)?"),
    "n": ("n", r"\d+"),
    "ar": ("aspect_ratio", r"\d+:\d+"),
    "aspect": ("aspect_ratio", r"\d+:\d+"),
    "negative": ("negative_prompt", r"\"[^\"]*\"|'[^']*'|[^\s\"']+"),
    "no": ("negative_prompt", r"\"[^\"]*\"|'[^']*'|[^\s\"']+"),
}
"""Flag -> the parameter that it sets and the form of its value. A known flag with a value of another form, like any
other text with dashes, stays in the prompt.
"""

_FLAG: Final = re.compile(
    r"(?<!\S)--(?:"
    + "|".join(f"(?P<{name}>{name}(?:\\s*=\\s*|\\s+)(?:{form}))" for name, (_, form) in FLAGS.items())
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
        flags[FLAGS[name][0]] = value.strip("\"'")
        # Stripped here: a pattern that begins with spaces is quadratic in a long run of them.
        kept.append(prompt[end : match.start()].rstrip())
        end = match.end()
    return ("".join([*kept, prompt[end:]]).strip(), flags) if flags else (prompt, flags)
