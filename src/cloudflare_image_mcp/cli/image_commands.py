"""The commands that make images: ``generate``, ``edit`` and ``vary``.

Each only gathers fields under the API's own names: what they may be is decided where every door's request is read,
so that a command line is told the same as an HTTP client.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from cloudflare_image_mcp.cli.output_files import slug

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from click.shell_completion import CompletionItem

_Command = TypeVar("_Command", bound="Callable[..., None]")

_OPTIONS: Final = (
    (("--model", "-m"), "model", "NAME", "Model: an id or its last part; see `models`."),
    (("--size", "-s"), "size", "WxH", "Size in pixels, such as 1024x768."),
    (("--aspect-ratio", "--ar"), "aspect_ratio", "W:H", "Shape, such as 16:9, where no size is given."),
    (("--n", "-n"), "n", "N", "How many images, 1 to 8.  [default: 1]"),
    (("--seed",), "seed", "N", "Seed; image k of several gets seed + k.  [default: random]"),
    (("--steps",), "steps", "N", "Steps; more take longer."),
    (("--guidance",), "guidance", "X", "How closely to follow the prompt."),
    (("--negative-prompt",), "negative_prompt", "TEXT", "What the image should not have."),
    (("--quality",), "quality", "Q", "low, medium, high, … as steps, where no steps are given."),
    (("--format", "-f"), "output_format", "F", "png, jpeg or webp.  [default: as --output's name says]"),
    (("--compression",), "output_compression", "N", "Quality of jpeg and webp, 0 to 100."),
)
"""Flags, the request's field, what stands for the value in the help, and the help."""


def complete_model(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Model names for the shell's completion."""
    from click.shell_completion import CompletionItem

    from cloudflare_image_mcp.catalog import models

    names = (name for model in models().values() for name in (model.short_name, model.id))
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def _options(command: _Command) -> _Command:
    """The options that the three commands share, in the order of the table, then those on what is shown."""
    from cloudflare_image_mcp.cli.terminal import PREVIEWS

    shown = (
        click.option("--output", "-o", metavar="PATH", help="File, directory, or - for standard output."),
        click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for scripts."),
        click.option(
            "--preview/--no-preview", "preview", default=True, help="Show the picture where the terminal can."
        ),
        click.option(
            "--preview-as",
            type=click.Choice(PREVIEWS),
            help="Show it this way, whatever the terminal says of itself.",
        ),
        click.option("--quiet", "-q", is_flag=True, help="No bar, no picture, no summary: only paths and warnings."),
    )
    for option in reversed(shown):
        command = option(command)
    for flags, field, metavar, text in reversed(_OPTIONS):
        complete = complete_model if field == "model" else None
        command = click.option(*flags, field, metavar=metavar, help=text, shell_complete=complete)(command)
    return command


_STRENGTH: Final = click.option(
    "--strength", metavar="X", help="How far to depart from the image: 0 keeps it, 1 ignores it."
)


@click.command(short_help="Make images of a prompt.")
@click.argument("prompt", nargs=-1, required=True)
@_options
def generate(prompt: tuple[str, ...], **options: Any) -> None:
    """Make images of PROMPT. Its words need no quotes; - reads it from standard input."""
    text = _prompt(prompt)
    _carry_out("generate", options, prompt=text)


@click.command(short_help="Edit an image, the whole of it or inside a mask.")
@click.argument("image", nargs=-1, required=True)
@click.option("--prompt", metavar="TEXT", help="What to make of it; - reads it from standard input.")
@click.option("--mask", metavar="IMAGE", help="Where to repaint: transparent, or white on black.")
@_STRENGTH
@_options
def edit(image: tuple[str, ...], prompt: str | None, mask: str | None, **options: Any) -> None:
    """Edit IMAGE; further ones are references. Each is a file, - for standard input, or a URL."""
    if prompt == "-" and "-" in (*image, mask):
        raise click.UsageError("standard input can be read only once: as the prompt or as an image")
    text = _prompt([prompt]) if prompt is not None else None
    _carry_out("edit", options, images=image, mask=mask, prompt=text)


@click.command(short_help="Make variations of an image.")
@click.argument("image", nargs=1)
@click.option("--prompt", metavar="TEXT", help="What the variations should show.")
@_STRENGTH
@_options
def vary(image: str, prompt: str | None, **options: Any) -> None:
    """Make variations of IMAGE: a file, - for standard input, or a URL."""
    _carry_out("vary", options, images=[image], prompt=prompt)


def _prompt(words: Sequence[str]) -> str:
    """Undecodable bytes are kept as what the request's reader refuses, as those of an argument are."""
    if list(words) != ["-"]:
        return " ".join(words)
    return sys.stdin.buffer.read().decode("utf-8-sig", "surrogateescape").strip()


def _carry_out(
    operation: str,
    options: dict[str, Any],
    *,
    images: Iterable[str] = (),
    mask: str | None = None,
    prompt: str | None = None,
) -> None:
    from cloudflare_image_mcp.catalog import Operation
    from cloudflare_image_mcp.cli.job import Job, Shown, carry_out

    shown = Shown(**{name: options.pop(name) for name in ("as_json", "preview", "preview_as", "quiet")})
    output = options.pop("output")
    paths = list(images)
    carry_out(
        Job(
            operation=Operation(operation),
            fields={"prompt": prompt, **options},
            images=paths,
            mask=mask,
            output=output,
            name=f"{slug(Path(paths[0]).stem)}-variation" if operation == "vary" else None,
        ),
        shown,
    )
