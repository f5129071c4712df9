"""A filter of prompts: words and patterns in a file of the operator's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cloudflare_image_mcp.errors import GatewayError, SettingError, shown

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


class WordFilter:
    """Implements ``PromptFilter``.

    A line of the file is a word or several (refused where they stand as whole words, in any case), or a regular
    expression between slashes. Lines that begin with ``#`` are comments.
    """

    def __init__(self, path: Path) -> None:
        """Raises ``SettingError`` when the file cannot be read, holds a mistake, or refuses nothing."""
        try:
            lines = path.read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
            raise SettingError(f"PROMPT_FILTER names {path}, which cannot be read: {reason}") from None
        try:
            self._patterns = list(_patterns(lines))
        except ValueError as error:
            raise SettingError(f"PROMPT_FILTER names {path}, which cannot be used: {error}") from None
        if not self._patterns:
            raise SettingError(f"PROMPT_FILTER names {path}, which holds no word and no pattern")

    async def check(self, prompt: str) -> None:
        """Raises ``GatewayError`` (``content_policy_violation``). It does not say which word it was."""
        if any(pattern.search(prompt) for pattern in self._patterns):
            raise GatewayError(
                "content_policy_violation", "this server's filter does not allow the prompt", param="prompt"
            )

    async def aclose(self) -> None:
        pass


def _patterns(lines: Iterable[str]) -> Iterable[re.Pattern[str]]:
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        is_pattern = len(text) > 2 and text[0] == text[-1] == "/"
        words = r"\s+".join(map(re.escape, text.split()))
        source = text[1:-1] if is_pattern else rf"(?<!\w){words}(?!\w)"
        try:
            yield re.compile(source, re.IGNORECASE)
        except re.error as error:
            raise ValueError(f"line {number}, {shown(text)}: {error}") from None
