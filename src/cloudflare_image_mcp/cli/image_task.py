"""Runs a command that makes images: settings, request, gateway, files, report."""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from cloudflare_image_mcp.cli.environment import load_settings
from cloudflare_image_mcp.cli.output_files import Destination, ImageFile, slug
from cloudflare_image_mcp.cli.progress import PARTIALS, ProgressBar
from cloudflare_image_mcp.cli.report import Report, print_error_json
from cloudflare_image_mcp.core.parsing import parse_request
from cloudflare_image_mcp.errors import GatewayError, SettingError
from cloudflare_image_mcp.limits import MAX_IMAGE_BYTES, MEBIBYTE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

    from cloudflare_image_mcp.assembly import Assembly
    from cloudflare_image_mcp.catalog import Operation
    from cloudflare_image_mcp.cli.terminal import Protocol
    from cloudflare_image_mcp.core.request import ImageRequest
    from cloudflare_image_mcp.core.result import ImageResult
    from cloudflare_image_mcp.settings import Settings

_DOING: Final = {"generate": "Making the image", "edit": "Editing the image", "vary": "Varying the image"}
_FINISHING: Final = 120.0
"""Seconds that a paid call may still take after an interrupt."""


@dataclass(frozen=True, slots=True)
class ImageTask:
    """The request of a command, its input files and where its images go."""

    operation: Operation
    fields: Mapping[str, str | None]
    """As text, by the parameter names of the API."""
    images: Sequence[str] = ()
    """Paths, ``-``, URLs."""
    mask: str | None = None
    output: str | None = None
    name: str | None = None
    """Base name of the files where ``output`` has none; None: from the prompt."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What is printed and shown of the result."""

    as_json: bool
    preview: bool
    preview_as: Protocol | None
    quiet: bool


def run_image_task(task: ImageTask, shown: Shown) -> None:
    """Raises ``GatewayError``, ``SettingError``, ``click.UsageError``."""
    try:
        report = asyncio.run(_run(task, shown))
    except (GatewayError, SettingError) as error:
        if shown.as_json:
            print_error_json(error)
        raise
    report.print(as_json=shown.as_json, summary=not shown.quiet)


async def _run(task: ImageTask, shown: Shown) -> Report:
    settings = load_settings()
    if shown.as_json and task.output == "-":
        raise click.UsageError("--json and --output - cannot both write to standard output")
    if [*task.images, task.mask].count("-") > 1:
        raise click.UsageError("standard input can be read only once, so - can stand for one image")
    inputs = _read_inputs(task)
    with _errors_in_users_words(inputs.origins):
        request = parse_request(task.operation, {**task.fields, **inputs.fields, "response_format": "b64_json"})
        destination = Destination.parse(task.output, n=request.n)
    request = _with_format(request, destination)
    destination.prepare()
    begun = time.perf_counter()
    async with opened_gateway(settings) as assembly:
        with assembly.gateway.tracer.span(f"cloudflare-image-mcp {task.operation}"):
            result = await _make_images(assembly, request, inputs, bar=not shown.quiet)
        seconds = time.perf_counter() - begun
        files = await _files(result, task.name or slug(result.prompt))
        paths = await _write_files(assembly, result, destination, files)
    if misnamed := destination.misnamed(result.images[0].image.format):
        result = replace(result, warnings=(*result.warnings, misnamed))
    if shown.preview and not shown.quiet and not shown.as_json and paths:
        _show([file.data for file in files], shown.preview_as)
    return Report(result=result, paths=paths, seconds=seconds)


@dataclass(frozen=True, slots=True)
class _Inputs:
    fields: Mapping[str, object]
    origins: Mapping[str, str]
    """Parameter name in errors -> option or argument as the user typed it."""


def _read_inputs(task: ImageTask) -> _Inputs:
    fields: dict[str, object] = {}
    origins: dict[str, str] = {}
    if task.images:
        data = [_read(path, "image") for path in task.images]
        fields["image"] = data[0] if len(data) == 1 else data
        names = ["image"] if len(data) == 1 else [f"image[{index}]" for index in range(len(data))]
        origins |= dict(zip(names, task.images, strict=True))
    if task.mask is not None:
        fields["mask"] = _read(task.mask, "mask")
        origins["mask"] = task.mask
    return _Inputs(fields, origins)


def _read(path: str, param: str) -> bytes | str:
    """The bytes of a file or of standard input; a URL as it is. Raises ``GatewayError``."""
    if "://" in path or path[:5].lower() == "data:":
        return path
    try:
        if path == "-":
            return _not_empty(sys.stdin.buffer.read(MAX_IMAGE_BYTES + 1), path, param)
        file = Path(path).expanduser()
        size = file.stat().st_size
        if size > MAX_IMAGE_BYTES:
            raise GatewayError(
                "invalid_image",
                f"{param} {path} has {size / MEBIBYTE:.1f} MiB; at most {MAX_IMAGE_BYTES // MEBIBYTE} are allowed",
                param=param,
            )
        with file.open("rb") as stream:  # a device or a pipe has no size, and may have no end
            return _not_empty(stream.read(MAX_IMAGE_BYTES + 1), path, param)
    except FileNotFoundError:
        raise GatewayError("not_found", f"{param} {path} does not exist", param=param) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise GatewayError("invalid_image", f"{param} {path} cannot be read: {reason}", param=param) from None


def _not_empty(data: bytes, path: str, param: str) -> bytes:
    """Refuses an empty file, which would count as no image."""
    if not data:
        raise GatewayError("invalid_image", f"{param} {path} is empty", param=param)
    return data


def _with_format(request: ImageRequest, destination: Destination) -> ImageRequest:
    """The format that the file's name asks for, unless the caller asked for one."""
    if request.output_format is not None or destination.format is None:
        return request
    from cloudflare_image_mcp.core.written_values import OUTPUT_FORMATS

    return request.replace(output_format=OUTPUT_FORMATS[destination.format])


@asynccontextmanager
async def opened_gateway(settings: Settings) -> AsyncIterator[Assembly]:
    """The gateway of a command. An interrupt waits for what is paid for, and stores it."""
    from cloudflare_image_mcp.assembly import assemble

    try:
        assembly = assemble(settings)
    except SettingError:
        # Files need no store, so an unwritable home directory is no error here. A wrong setting is raised by the
        # second try too.
        if settings.image_storage_url is not None:
            raise
        assembly = assemble(settings.model_copy(update={"image_storage_url": "memory:"}))
    try:
        yield assembly
    except asyncio.CancelledError:
        # Unfinished pictures of the local engine cost nothing.
        if settings.backend != "local" and len(assembly.background):
            click.echo("\nStoring images that are already paid for; interrupt again to discard them.", err=True)
            await assembly.background.drain(_FINISHING)
        raise
    finally:
        # A second interrupt can end the wait above at any line. Calls that are still running end before the connections
        # they use, or each would be reported as a failure of Workers AI.
        running = asyncio.all_tasks() - {asyncio.current_task()}
        for call in running:
            call.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await assembly.gateway.aclose()


async def _make_images(assembly: Assembly, request: ImageRequest, inputs: _Inputs, *, bar: bool) -> ImageResult:
    gateway = assembly.gateway
    with _errors_in_users_words(inputs.origins):
        if not bar or not sys.stderr.isatty():
            return await gateway.run(request)
        async with ProgressBar(_DOING[request.operation], request.n) as progress:
            return await gateway.run(request.replace(partial_images=PARTIALS), progress.on_partial)


@contextmanager
def _errors_in_users_words(origins: Mapping[str, str]) -> Iterator[None]:
    """Changes an error's message to name the option that was typed, or to show the path of the image."""
    try:
        yield
    except GatewayError as error:
        param = error.param or ""
        if param in origins:
            message = error.message if origins[param] in error.message else f"{error.message} ({origins[param]})"
        elif error.message.startswith(f"{param} ") and (flag := _typed_flag(param)):
            message = flag + error.message[len(param) :]
        else:
            raise
        raise GatewayError(error.kind, message, param=error.param, retry_after=error.retry_after) from None


def _typed_flag(param: str) -> str | None:
    """The command's option of that name as it was typed; its first flag where it came otherwise, as from the prompt."""
    command = click.get_current_context().command
    flags = next((row.opts for row in command.params if isinstance(row, click.Option) and row.name == param), None)
    if flags is None:
        return None
    typed = {argument.partition("=")[0] if argument.startswith("--") else argument[:2] for argument in sys.argv}
    return next((flag for flag in flags if flag in typed), flags[0])


async def _files(result: ImageResult, name: str) -> list[ImageFile]:
    return [
        ImageFile(
            await made.image.payload.read(),
            name if made.seed is None else f"{name}-{made.seed}",
            made.image.format.extension,
        )
        for made in result.images
    ]


async def _write_files(
    assembly: Assembly, result: ImageResult, destination: Destination, files: list[ImageFile]
) -> list[Path]:
    """Writes the files; images that cannot be written, and may have been paid for, are stored instead."""
    try:
        return destination.write(files)
    except BrokenPipeError:
        if result.backend == "local":
            raise  # drawing again costs nothing
        error = GatewayError("storage_error", "standard output was closed", param="output")
    except GatewayError as failed:
        error = failed
    try:
        stored = await assembly.gateway.store_all(result)
    except GatewayError:
        raise error from None
    kept = ", ".join(f"image://{image.stored.key}" for image in stored.images if image.stored)
    raise GatewayError(error.kind, f"{error.message}; the image is kept in the store as {kept}", param=error.param)


def _show(files: list[bytes], wanted: Protocol | None) -> None:
    import os

    from cloudflare_image_mcp.cli.terminal import find_terminal

    terminal = find_terminal(sys.stdout, os.environ, wanted)
    if terminal is not None:
        from cloudflare_image_mcp.cli.terminal_image import terminal_image

        sys.stdout.write(terminal_image(files, terminal))
        sys.stdout.flush()
