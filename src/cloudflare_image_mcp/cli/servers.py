"""The commands that serve until they are interrupted: ``serve``, ``mcp`` and ``emulate``."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from cloudflare_image_mcp.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

_PORT = click.IntRange(0, 65535)


@contextmanager
def deferred_interrupt() -> Iterator[None]:
    """Defers the first Ctrl-C to the end of a block that imports a server.

    Python ignores a KeyboardInterrupt that is raised in a callback, as the import system has them, and the server
    would start all the same.
    """
    interrupts = []

    def note(number: int, frame: FrameType | None) -> None:
        interrupts.append(number)
        if len(interrupts) > 1:
            signal.default_int_handler(number, frame)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if interrupts:
        raise KeyboardInterrupt


@contextmanager
def checked_propagators() -> Iterator[None]:
    """Names the setting where a block imports a library that loads OpenTelemetry's propagators, as FastAPI and the MCP
    SDK do, and one is not installed. Raises ``SettingError``.
    """
    try:
        yield
    except ValueError as error:
        if "OTEL_PROPAGATORS" not in os.environ:
            raise
        raise SettingError(f"OTEL_PROPAGATORS cannot be used: {error}") from None


@click.command(short_help="Serve the REST API and MCP.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; 0.0.0.0 is all.")
@click.option("--port", "-p", default=3000, show_default=True, type=_PORT, help="Port to listen on.")
def serve(host: str, port: int) -> None:
    """Serve the OpenAI-compatible REST API and the MCP endpoint.

    Example: cloudflare-image-mcp serve --host 0.0.0.0 --port 8080
    """
    from cloudflare_image_mcp.cli.environment import load_settings
    from cloudflare_image_mcp.cli.listening import bind, is_open_to_others, listen
    from cloudflare_image_mcp.cli.start_line import print_start_line

    settings = load_settings()
    sockets = bind(host, port)
    if is_open_to_others(host) and not settings.has_keys:
        warning = "without API_KEYS or API_KEYS_FILE, everyone who reaches this port can make images"
        click.echo(f"{click.style('Warning:', fg='yellow')} {warning}", err=True)
    print_start_line(settings)
    with deferred_interrupt():
        listen(sockets)
        with checked_propagators():
            from cloudflare_image_mcp.rest.server import make_server

        server = make_server(settings)
    server.run(sockets)


@click.command(short_help="Speak MCP on standard input and output.")
def mcp() -> None:
    """Speak the Model Context Protocol on standard input and output, for a client that starts this command.

    Example: claude mcp add images -- cloudflare-image-mcp mcp
    """
    from cloudflare_image_mcp.cli.environment import load_settings
    from cloudflare_image_mcp.cli.start_line import print_start_line

    settings = load_settings()
    with deferred_interrupt():
        if sys.stdin.isatty():
            click.echo(
                "This speaks MCP on standard input and output, for a client that starts it. Ctrl-C ends it.\n"
                "To make images yourself, use `generate` or `serve`.",
                err=True,
            )
        print_start_line(settings)
        from cloudflare_image_mcp.mcp_server import load_stdio

        with checked_propagators():
            serve_stdio = load_stdio()
    serve_stdio(settings)


@click.command(short_help="Emulate Workers AI on this machine.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", "-p", default=8788, show_default=True, type=_PORT, help="Port to listen on.")
@click.option(
    "--live/--documented",
    default=True,
    show_default=True,
    help="Behave as the service was seen to, or as its documentation says.",
)
@click.option(
    "--faults", default="", metavar="SPEC", help="Failures to inject: KIND:RATE,… such as 3040:0.1,slow=3s:0.05."
)
def emulate(host: str, port: int, live: bool, faults: str) -> None:
    """Emulate Workers AI on this machine: point CLOUDFLARE_API_BASE_URL at it.

    Example: cloudflare-image-mcp emulate --faults 3040:0.1,slow=3s:0.05
    """
    from cloudflare_image_mcp import emulator
    from cloudflare_image_mcp.backends.local import require_illustrator
    from cloudflare_image_mcp.cli.listening import bind, listen

    require_illustrator()
    options = emulator.EmulatorOptions(mode=emulator.Mode("live" if live else "documented"), faults=faults)
    try:
        server = emulator.make_server(options)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    sockets = bind(host, port)
    where = f"[{host}]" if ":" in host else host
    port = sockets[0].getsockname()[1]
    with deferred_interrupt():
        click.echo(f"Workers AI is emulated at http://{where}:{port}/client/v4 until Ctrl-C.", err=True)
        listen(sockets)
        server.config.load()
    server.run(sockets)
