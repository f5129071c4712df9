"""Workers AI's image models on this machine, speaking the real wire: for development, tests and work offline.

``make_server`` makes a server that the command line runs, and that a test can start and stop.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cloudflare_image_mcp.emulator.emulator import EmulatorOptions
    from cloudflare_image_mcp.emulator.image_call import Mode
    from cloudflare_image_mcp.emulator.server import make_server

__all__ = ["EmulatorOptions", "Mode", "make_server"]

_HOMES = {"EmulatorOptions": "emulator", "Mode": "image_call", "make_server": "server"}


def __getattr__(name: str) -> object:
    """Loads the web framework when it is used, not when ``--help`` is."""
    from importlib import import_module

    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
