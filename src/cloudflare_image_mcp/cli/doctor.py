"""The command ``doctor``: shows the settings and checks that they work."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

import click

from cloudflare_image_mcp.cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from cloudflare_image_mcp.cli.checks import Finding


@click.command(short_help="Check the installation.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for scripts.")
def doctor(as_json: bool) -> None:
    """Check the installation: settings and where they come from, backend, artwork, store, neurons, versions.

    Example: cloudflare-image-mcp doctor --json
    """
    from cloudflare_image_mcp.cli.checks import run_checks

    findings = run_checks()
    broken = [finding for finding in findings if finding.state == "broken"]
    if as_json:
        click.echo(json.dumps({"ok": not broken, "findings": [asdict(finding) for finding in findings]}, indent=2))
    else:
        width = max(len(finding.name) for finding in findings)
        for finding in findings:
            click.echo(_line(finding, width))
    if broken:
        click.echo(f"{len(broken)} broken: {', '.join(finding.name for finding in broken)}", err=True)
        sys.exit(ExitCode.FAILED)


_MARKS: Final = {"ok": ("ok", "green"), "unset": ("-", None), "broken": ("BROKEN", "red")}


def _line(finding: Finding, width: int) -> str:
    mark, colour = _MARKS[finding.state]
    source = click.style(f"  ({finding.source})", dim=True) if finding.source else ""
    return f"{click.style(f'{mark:<6}', fg=colour)} {finding.name:<{width}}  {finding.value}{source}"
