"""The program ``cloudflare-image-mcp``: its commands, and the conversion of errors to exit codes."""

from __future__ import annotations

import errno
import os
import sys
from typing import TYPE_CHECKING, NoReturn

import click

from cloudflare_image_mcp import __version__
from cloudflare_image_mcp.cli.batch import batch
from cloudflare_image_mcp.cli.doctor import doctor
from cloudflare_image_mcp.cli.exit_codes import ExitCode, exit_code
from cloudflare_image_mcp.cli.image_commands import edit, generate, vary
from cloudflare_image_mcp.cli.keys import keys
from cloudflare_image_mcp.cli.models import models
from cloudflare_image_mcp.cli.servers import emulate, mcp, serve
from cloudflare_image_mcp.errors import GatewayError, SettingError

if TYPE_CHECKING:
    from collections.abc import Sequence


class _InOrder(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        """Commands in the order in which they were added, the most used first."""
        return list(self.commands)


@click.group(cls=_InOrder, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, "-V", "--version", prog_name="cloudflare-image-mcp")
@click.option("--debug", is_flag=True, help="Show the log, and the traceback of an unexpected error.")
def program(debug: bool) -> None:
    """Images from prompts: with Cloudflare Workers AI, or with the engine built in when there is no account.

    \b
    cloudflare-image-mcp generate "a lighthouse at sunset" --size 1024x768
    cloudflare-image-mcp edit photo.png --prompt "add falling snow" --mask sky.png
    cloudflare-image-mcp serve

    Settings come from the environment and from a .env file in the working directory; `doctor` lists them.
    """
    if debug:
        from cloudflare_image_mcp.logs import configure_logging

        configure_logging("info")


for _command in (generate, edit, vary, batch, models, serve, mcp, emulate, keys, doctor):
    program.add_command(_command)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Runs the program and exits with an ``ExitCode``."""
    arguments = sys.argv[1:] if arguments is None else arguments
    _open_missing_streams()
    try:
        # Click returns a command's own exit code, or None.
        status = (
            program.main(arguments, prog_name="cloudflare-image-mcp", standalone_mode=False, color=_colour())
            or ExitCode.OK
        )
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        status = error.exit_code
    except GatewayError as error:
        status = _failed(exit_code(error.row), error.message)
    except SettingError as error:
        status = _failed(ExitCode.SETTINGS, str(error))
    except (KeyboardInterrupt, click.Abort):
        status = _failed(ExitCode.INTERRUPTED, "interrupted")
    except BrokenPipeError:
        _drop_output()
        status = ExitCode.FAILED
    except Exception as error:
        if "--debug" in arguments:
            raise
        status = _unexpected(error)
    sys.exit(status)


def _open_missing_streams() -> None:
    """Replaces standard streams that the parent process closed, which are None in Python."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode))


def _drop_output() -> None:
    """Redirects standard output to the null device, because the interpreter flushes it once more at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _unexpected(error: Exception) -> ExitCode:
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        # Errors of other files are GatewayErrors; this one is of standard output redirected to a file.
        _drop_output()
        return _failed(ExitCode.STORAGE, f"cannot write standard output: {error.strerror}")
    return _failed(ExitCode.FAILED, f"unexpected {type(error).__name__}: {error} (--debug shows where)")


def _failed(code: ExitCode, message: str) -> ExitCode:
    click.echo(f"{click.style('Error:', fg='red', bold=True)} {message}", err=True, color=_colour())
    return code


def _colour() -> bool | None:
    """Click's ``color``: never with NO_COLOR (no-color.org), else where the stream is a terminal."""
    return False if os.environ.get("NO_COLOR") else None
