"""The line that ``serve`` and ``mcp`` print at start: which backend makes the images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cloudflare_image_mcp.errors import masked_url
from cloudflare_image_mcp.settings import CLOUDFLARE_API

if TYPE_CHECKING:
    from cloudflare_image_mcp.settings import Settings


def print_start_line(settings: Settings) -> None:
    """Prints the backend on standard error. Raises ``SettingError``."""
    click.echo(start_line(settings), err=True)


def start_line(settings: Settings) -> str:
    """Names the backend; for the embedded illustrator also what to set for an AI model. Raises ``SettingError``."""
    if settings.backend == "workers-ai":
        count = len(settings.accounts)
        accounts = f"{count} account{'' if count == 1 else 's'}"
        base_url = settings.cloudflare_api_base_url
        where = "" if base_url == CLOUDFLARE_API else f" at {masked_url(base_url)}"
        return f"Images are made by Workers AI{where} ({accounts})."
    if settings.local_engine == "diffusers":
        from cloudflare_image_mcp.backends.diffusers.source import ModelSource

        return (
            f"Images are made on this machine by the diffusion model {ModelSource.of(settings.diffusers_model).name}."
        )
    from cloudflare_image_mcp.backends.local import require_illustrator

    require_illustrator()
    change = "Set IMAGE_BACKEND=auto" if settings.accounts else "Set CLOUDFLARE_ACCOUNT_ID and CLOUDFLARE_API_TOKEN"
    return (
        "Images are drawn by the embedded illustrator, which is not an AI model. "
        f"{change} to use the models of Workers AI."
    )
