"""The command line: one of the interfaces over the core. Heavy parts are imported by the command that
needs them, so that ``--help`` stays quick.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NoReturn

from cloudflare_image_mcp.cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Runs the program. Ctrl-C while it is still being imported ends it as it does later."""
    try:
        from cloudflare_image_mcp.cli import program
    except KeyboardInterrupt:
        sys.stderr.write("\nError: interrupted\n")
        sys.exit(ExitCode.INTERRUPTED)
    program.main(arguments)


__all__ = ["main"]
