"""Binding the sockets of a server before it starts, and who can reach them."""

from __future__ import annotations

import asyncio
import os
import socket
from ipaddress import ip_address

from cloudflare_image_mcp.errors import SettingError


def bind(host: str, port: int) -> list[socket.socket]:
    """Sockets bound to every address of ``host``, for uvicorn, which accepts connections on them and closes them.

    Bound here, because uvicorn writes a port in use to its log alone and exits with a status of its own. Raises
    ``SettingError``.
    """
    try:
        return asyncio.run(_bind(host, port))
    except (OSError, UnicodeError) as error:
        raise _failure(host, port, error) from None


def listen(sockets: list[socket.socket]) -> None:
    """Opens the port. Raises ``SettingError`` when another server did so meanwhile: with SO_REUSEADDR both can bind."""
    for bound in sockets:
        try:
            bound.listen()
        except OSError as error:
            host, port = bound.getsockname()[:2]
            raise _failure(host, port, error) from None


async def _bind(host: str, port: int) -> list[socket.socket]:
    """asyncio resolves the name, sets the options of each socket, and binds. Its server belongs to this event loop;
    the duplicates stay bound when it is closed.
    """
    loop = asyncio.get_running_loop()
    server = await loop.create_server(asyncio.Protocol, host, port, start_serving=False)
    sockets = [bound.dup() for bound in server.sockets]
    server.close()
    return sockets


def _failure(host: str, port: int, error: OSError | UnicodeError) -> SettingError:
    if isinstance(error, UnicodeError):
        reason = "not a host name"
    elif isinstance(error, socket.gaierror):
        reason = error.strerror or "not a host name"
    else:
        # The system's own words; asyncio puts a sentence in front of them.
        reason = os.strerror(error.errno) if error.errno else str(error)
    return SettingError(f"cannot listen on {host} port {port}: {reason}; change --host or --port")


def is_open_to_others(host: str) -> bool:
    """Whether other machines reach a server there. Every name but ``localhost`` counts as reachable."""
    try:
        return not ip_address(host).is_loopback
    except ValueError:
        return host != "localhost"
