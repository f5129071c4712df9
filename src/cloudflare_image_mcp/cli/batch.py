"""``batch``: makes the images of many requests in a file of OpenAI's batch format."""

from __future__ import annotations

import click

_AT_ONCE = click.IntRange(1, 256)


@click.command(short_help="Make the images of a file of requests.")
@click.argument("file", type=click.Path(dir_okay=False))
@click.option("--output", "-o", metavar="DIR", required=True, help="Directory of the images and the result files.")
@click.option(
    "--parallel",
    metavar="N",
    type=_AT_ONCE,
    help="Requests at once; default: 8 for each account, or one for each processor on the embedded engine.",
)
@click.option("--quiet", "-q", is_flag=True, help="No bar and no summary.")
def batch(file: str, output: str, parallel: int | None, quiet: bool) -> None:
    """Make the images of FILE, whose lines are requests in the format of OpenAI's batch API.

    Run it again after an interruption: what DIR/output.jsonl has is not made again.

    Example: cloudflare-image-mcp batch requests.jsonl -o images/
    """
    from pathlib import Path

    from cloudflare_image_mcp.cli.batch_run import run_batch
    from cloudflare_image_mcp.cli.exit_codes import ExitCode

    code = run_batch(Path(file), Path(output), parallel, quiet=quiet)
    if code is not ExitCode.OK:
        raise click.exceptions.Exit(code)
