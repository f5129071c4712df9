"""The commands that make images: ``generate``, ``edit`` and ``vary``.

The options of the request come from its description, and their values are read as those of the API are, so that the
messages are the same.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from cloudflare_image_mcp.cli.output_files import slug
from cloudflare_image_mcp.cli.terminal import PREVIEWS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from click.shell_completion import CompletionItem

_Command = TypeVar("_Command", bound="Callable[..., None]")


def complete_model(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Model names for the shell's completion."""
    from click.shell_completion import CompletionItem

    from cloudflare_image_mcp.catalog import models

    names = (name for model in models().values() for name in (model.short_name, model.id))
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


class ImageCommand(click.Command):
    """A command with an option for each parameter of a request, from the request's own description, which is read only
    when the command is run or its help is shown: reading it takes longer than the rest of ``--help``.
    """

    without: frozenset[str] = frozenset()
    """Parameters that have no meaning for this command."""
    complete = False

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        if not self.complete:
            # The options for output come last.
            at = len(self.params) - len(_SHOWN)
            self.params[at:at] = _request_options(self.without)
            self.complete = True
        return super().get_params(ctx)


class GenerateCommand(ImageCommand):
    without = frozenset({"strength"})


def _request_options(without: frozenset[str]) -> tuple[click.Option, ...]:
    from cloudflare_image_mcp.core.request import OPTIONS

    return tuple(
        click.Option(
            [*option.flags, name],
            metavar=option.metavar,
            help=_help(name),
            shell_complete=complete_model if name == "model" else None,
        )
        for name, option in OPTIONS.items()
        if name not in without
    )


def _help(name: str) -> str:
    """The parameter's description, with its range."""
    from cloudflare_image_mcp.core.request_schema import parameter_schema

    schema = parameter_schema(name)
    text = schema["description"]
    if "maximum" in schema:
        text += f"; {schema.get('minimum', 0):g} to {schema['maximum']:d}"
    if "enum" in schema:
        text += f"; {', '.join(schema['enum'])}"
    return f"{text[:1].upper()}{text[1:]}."


_SHOWN: Final = (
    click.option("--output", "-o", metavar="PATH", help="File, directory, or - for standard output."),
    click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for scripts."),
    click.option("--preview/--no-preview", "preview", default=True, help="Show the picture where the terminal can."),
    click.option(
        "--preview-as",
        type=click.Choice(PREVIEWS),
        help="Graphics protocol of the preview, instead of the detected one.",
    ),
    click.option("--quiet", "-q", is_flag=True, help="No bar, no picture, no summary: only paths and warnings."),
)


def _output_options(command: _Command) -> _Command:
    """Adds the options for the output files and for what is shown."""
    for option in reversed(_SHOWN):
        command = option(command)
    return command


@click.command(cls=GenerateCommand, short_help="Make images of a prompt.")
@click.argument("prompt", nargs=-1, required=True)
@_output_options
def generate(prompt: tuple[str, ...], **options: Any) -> None:
    """Make images of PROMPT. Its words need no quotes; - reads it from standard input.

    Example: cloudflare-image-mcp generate "a red fox in the snow" --size 1024x768 --seed 7 -o fox.png
    """
    text = _prompt(prompt)
    _run("generate", options, prompt=text)


@click.command(cls=ImageCommand, short_help="Edit an image, the whole of it or inside a mask.")
@click.argument("image", nargs=-1, required=True)
@click.option("--prompt", metavar="TEXT", help="What to make of it; - reads it from standard input.")
@click.option("--mask", metavar="IMAGE", help="Where to repaint: transparent, or white on black.")
@_output_options
def edit(image: tuple[str, ...], prompt: str | None, mask: str | None, **options: Any) -> None:
    """Edit IMAGE; further ones are references. Each is a file, - for standard input, or a URL.

    Example: cloudflare-image-mcp edit photo.png --mask sky.png --prompt "a starry night sky" -o night.png
    """
    if prompt == "-" and "-" in (*image, mask):
        raise click.UsageError("standard input can be read only once: as the prompt or as an image")
    text = _prompt([prompt]) if prompt is not None else None
    _run("edit", options, images=image, mask=mask, prompt=text)


@click.command(cls=ImageCommand, short_help="Make variations of an image.")
@click.argument("image", nargs=1)
@click.option("--prompt", metavar="TEXT", help="What the variations should show.")
@_output_options
def vary(image: str, prompt: str | None, **options: Any) -> None:
    """Make variations of IMAGE: a file, - for standard input, or a URL.

    Example: cloudflare-image-mcp vary photo.png --n 3 --strength 0.5 -o variations/
    """
    _run("vary", options, images=[image], prompt=prompt)


def _prompt(words: Sequence[str]) -> str:
    """Undecodable bytes become surrogates, as in an argument; parsing the request refuses them."""
    if list(words) != ["-"]:
        return " ".join(words)
    return sys.stdin.buffer.read().decode("utf-8-sig", "surrogateescape").strip()


def _run(
    operation: str,
    options: dict[str, Any],
    *,
    images: Iterable[str] = (),
    mask: str | None = None,
    prompt: str | None = None,
) -> None:
    from cloudflare_image_mcp.catalog import Operation
    from cloudflare_image_mcp.cli.image_task import ImageTask, Shown, run_image_task

    shown = Shown(**{name: options.pop(name) for name in ("as_json", "preview", "preview_as", "quiet")})
    output = options.pop("output")
    paths = list(images)
    run_image_task(
        ImageTask(
            operation=Operation(operation),
            fields={"prompt": prompt, **options},
            images=paths,
            mask=mask,
            output=output,
            name=f"{slug(Path(paths[0]).stem)}-variation" if operation == "vary" else None,
        ),
        shown,
    )
