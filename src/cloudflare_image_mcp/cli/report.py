"""Output after the images are made: warnings and a summary on standard error, the paths on standard output,
or one JSON object for scripts.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from cloudflare_image_mcp.cli.exit_codes import ExitCode, exit_code
from cloudflare_image_mcp.core.result import CacheOutcome
from cloudflare_image_mcp.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cloudflare_image_mcp.core.result import ImageResult
    from cloudflare_image_mcp.errors import GatewayError


@dataclass(frozen=True, slots=True)
class Report:
    """A result and the paths of its images."""

    result: ImageResult
    paths: Sequence[Path]
    """In order; none when the image went to standard output."""
    seconds: float

    def print(self, *, as_json: bool, summary: bool) -> None:
        for warning in self.result.warnings:
            click.echo(f"{click.style('Warning:', fg='yellow')} {warning}", err=True)
        if as_json:
            click.echo(json.dumps(self.as_json()))
            return
        if summary:
            click.secho(self.summary(), err=True, dim=True)
        for path in self.paths:
            click.echo(os.fsencode(path))

    def summary(self) -> str:
        """``flux-1-schnell on local, 1024x1024, seed 7, 1.2 s``"""
        result = self.result
        seeds = [str(image.seed) for image in result.images if image.seed is not None]
        return ", ".join(
            [
                f"{result.engine or result.model.short_name} on {result.backend}",
                str(result.size),
                *([f"{'seed' if len(seeds) == 1 else 'seeds'} {' '.join(seeds)}"] if seeds else []),
                f"{self.seconds:.1f} s",
                *([f"{result.neurons:.2f} neurons"] if result.neurons is not None else []),
                *([f"${result.usd:.4f}"] if result.usd is not None else []),
                *(["from the cache"] if result.cache is CacheOutcome.HIT else []),
            ]
        )

    def as_json(self) -> dict[str, Any]:
        result = self.result
        paths: list[str | None] = [str(path.absolute()) for path in self.paths]
        return {
            "paths": paths,
            "operation": result.operation.value,
            "prompt": result.prompt,
            "model": result.made_by,
            "requested_model": result.requested_model,
            "backend": result.backend,
            "size": str(result.size),
            "seed": result.images[0].seed,
            "neurons": result.neurons,
            **({} if result.usd is None else {"usd": result.usd}),
            **({} if result.cache is None else {"cache": result.cache}),
            "seconds": round(self.seconds, 3),
            "warnings": list(result.warnings),
            "images": [
                {
                    "path": path,
                    "size": str(made.image.size),
                    "format": made.image.format.value,
                    "bytes": made.image.payload.size,
                    "seed": made.seed,
                    "neurons": made.neurons,
                }
                for path, made in zip(paths, result.images, strict=True)
            ],
        }


def print_error_json(error: GatewayError | SettingError) -> None:
    """Prints an error as JSON: OpenAI's envelope and the exit code."""
    if isinstance(error, SettingError):
        # Not a row of the error table: a server does not start with such a setting.
        fields = {"message": str(error), "type": "invalid_request_error", "param": None, "code": "invalid_setting"}
        click.echo(json.dumps({"error": fields, "exit_code": int(ExitCode.SETTINGS)}))
    else:
        click.echo(json.dumps(error.envelope() | {"exit_code": int(exit_code(error.row))}))
