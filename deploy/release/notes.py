"""Prints what CHANGELOG.md says of a version: the notes of its release.

    python deploy/release/notes.py 0.1.0

Fails when the version is not the package's own, or has no part there.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]


def notes(version: str) -> str:
    """Raises ``ValueError``."""
    source = (ROOT / "src" / "cloudflare_image_mcp" / "__init__.py").read_text("utf-8")
    own = re.search(r'^__version__ = "(.+)"$', source, re.MULTILINE)
    if own is None or own[1] != version:
        raise ValueError(f"the package's version is {own and own[1]}, not {version}")
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    part = re.search(rf"^## {re.escape(version)}\b.*\n\n(.+?)(?=^## |\Z)", changelog, re.MULTILINE | re.DOTALL)
    if part is None:
        raise ValueError(f"CHANGELOG.md has no part about {version}")
    return part[1].strip()


if __name__ == "__main__":
    try:
        sys.stdout.write(f"{notes(sys.argv[1])}\n")
    except (IndexError, ValueError) as problem:
        sys.exit(str(problem) or "which version?")
