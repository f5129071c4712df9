"""Where a server is to listen: whether it can, and who reaches it there."""

from __future__ import annotations

import asyncio
import os
import socket
from ipaddress import ip_address

from cloudflare_image_mcp.errors import SettingError


def check_address(host: str, port: int) -> None:
    """Binds for a moment, in the way that the server will; that one would tell its log alone, and end with a status of
    its own. Raises ``SettingError``.
    """
    try:
        asyncio.run(_bind(host, port))
    except (socket.gaierror, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no host's name"
    except OSError as error:
        # The system's own words; asyncio puts a sentence in front of them.
        reason = os.strerror(error.errno) if error.errno else str(error)
    else:
        return
    raise SettingError(f"cannot listen on {host} port {port}: {reason}; --host and --port say where")


async def _bind(host: str, port: int) -> None:
    server = await asyncio.get_running_loop().create_server(asyncio.Protocol, host, port, start_serving=False)
    server.close()


def is_open_to_others(host: str) -> bool:
    """Whether other machines reach a server there. A name counts as one that they know, but for ``localhost``."""
    try:
        return not ip_address(host).is_loopback
    except ValueError:
        return host != "localhost"
