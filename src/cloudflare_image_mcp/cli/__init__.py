"""The command line: one of the interfaces over the core. Heavy parts are imported by the command that
needs them, so that ``--help`` stays quick.
"""

from cloudflare_image_mcp.cli.program import main

__all__ = ["main"]
