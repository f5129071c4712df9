"""The emulated filter of prompts. The service's and the providers' own are not published; they refuse more."""

from __future__ import annotations

from typing import Final

REFUSED_WORDS: Final = ("nsfw", "naked", "nude", "gore")


def is_refused(prompt: str) -> bool:
    return any(word in prompt.lower() for word in REFUSED_WORDS)
