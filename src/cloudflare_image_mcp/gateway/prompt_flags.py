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
    r"(?:^|\s+)--(?:"
    + "|".join(f"(?P<{name}>{name}(?:\\s*=\\s*|\\s+)(?:{form}))" for name, (_, form) in FLAGS.items())
    + r")(?=\s|$)"
)


def take_flags(prompt: str) -> tuple[str, dict[str, str]]:
    """The prompt without its flags, and what they set, as text. The last of a repeated flag counts."""
    flags: dict[str, str] = {}

    def take(match: re.Match[str]) -> str:
        name = match.lastgroup or ""
        value = match[name][len(name) :].lstrip(" \t=")
        flags[FLAGS[name][0]] = value.strip("\"'")
        return ""

    rest = _FLAG.sub(take, prompt)
    return (rest.strip(), flags) if flags else (prompt, flags)
