"""Runs a batch: some requests at once, each written as soon as it is done, until all are done or it is interrupted."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
from typing import TYPE_CHECKING, Any, Final

import click

from cloudflare_image_mcp import request_context
from cloudflare_image_mcp.cli.batch_files import ERRORS, OUTPUT, BatchFolder, read_requests
from cloudflare_image_mcp.cli.environment import load_settings
from cloudflare_image_mcp.cli.exit_codes import ExitCode, exit_code
from cloudflare_image_mcp.cli.image_task import opened_gateway
from cloudflare_image_mcp.cli.progress import CountBar
from cloudflare_image_mcp.core.parsing import parse_request
from cloudflare_image_mcp.errors import GatewayError
from cloudflare_image_mcp.first_signal import first_signal
from cloudflare_image_mcp.rest.answer import result_pieces, written

if TYPE_CHECKING:
    from pathlib import Path

    from cloudflare_image_mcp.cli.batch_files import BatchLine
    from cloudflare_image_mcp.core.gateway import Gateway
    from cloudflare_image_mcp.core.result import ImageResult
    from cloudflare_image_mcp.settings import Settings

_log = logging.getLogger(__name__)

EACH_ACCOUNT: Final = 8
"""Requests at once for each account of Workers AI."""


def run_batch(file: Path, folder: Path, parallel: int | None, *, quiet: bool) -> ExitCode:
    """Raises ``GatewayError``, ``SettingError``. The exit code is that of the first request that failed."""
    settings = load_settings()
    lines = read_requests(file)
    return asyncio.run(_run(settings, lines, BatchFolder(folder), parallel or _at_once(settings), quiet=quiet))


def _at_once(settings: Settings) -> int:
    if settings.backend == "local":
        return os.cpu_count() or 1
    return EACH_ACCOUNT * len(settings.accounts)


async def _run(
    settings: Settings, lines: list[BatchLine], folder: BatchFolder, parallel: int, *, quiet: bool
) -> ExitCode:
    left = [line for line in lines if line.custom_id not in folder.done]
    async with opened_gateway(settings) as assembly:
        batch = Batch(assembly.gateway, folder)
        with first_signal(batch.stop, signal.default_int_handler):
            async with CountBar("Making images", len(lines), len(lines) - len(left), quiet=quiet) as bar:
                await batch.run(left, parallel, bar)
    if not quiet:
        click.echo(batch.summary(len(lines), len(left)), err=True)
    click.echo(folder.folder / OUTPUT)
    return ExitCode.INTERRUPTED if batch.stopped else batch.code


class Batch:
    """The requests of one run."""

    def __init__(self, gateway: Gateway, folder: BatchFolder) -> None:
        self._gateway = gateway
        self._folder = folder
        self._made = 0
        self._failed = 0
        self.stopped = False  # whether no further request is to begin
        self.code = ExitCode.OK

    async def run(self, lines: list[BatchLine], parallel: int, bar: CountBar) -> None:
        """Raises ``GatewayError`` (``storage_error``) where a result cannot be written; no further request begins."""
        waiting = iter(lines)

        async def worker() -> None:
            for line in waiting:
                if self.stopped:
                    return
                try:
                    await self._one(line)
                except BaseException:
                    self.stopped = True
                    raise
                bar.advance()

        workers = [asyncio.ensure_future(worker()) for _ in range(min(parallel, len(lines)))]
        try:
            await asyncio.gather(*workers)
        except Exception:
            await asyncio.wait(workers)  # those under way are paid for
            raise

    def stop(self, number: int) -> None:
        """Lets the requests under way finish, after the first signal."""
        self.stopped = True
        click.echo("\nFinishing the requests under way, which are paid for; interrupt again to discard them.", err=True)

    def summary(self, lines: int, left: int) -> str:
        parts = [
            f"{self._made} of {left} requests done" if left or not lines else "",
            f"{self._failed} failed: see {ERRORS}" if self._failed else "",
        ]
        if lines > left:
            parts.insert(0, f"{lines - left} of {lines} requests were done before")
        if self.stopped:
            parts.append("interrupted; run the same command again for the rest")
        return "; ".join(filter(None, parts))

    async def _one(self, line: BatchLine) -> None:
        request_id = f"req_{self._gateway.ids.name()}"
        request_context.request_id.set(request_id)
        try:
            body = {name: value for name, value in line.body.items() if name not in ("async", "webhook_url")}
            request = parse_request(line.operation, body)
            as_base64 = request.response_format == "b64_json"
            request = request.replace(response_format="b64_json", stream=False, partial_images=0)
            with self._gateway.tracer.span("cloudflare-image-mcp batch", attributes={"image.request": request_id}):
                result = await self._gateway.run(request)
        except GatewayError as error:
            self._add_error(line, request_id, error)
            return
        except Exception as error:  # a defect, which is no reason to leave the other requests
            _log.exception("%s failed unexpectedly", line.custom_id)
            self._add_error(line, request_id, GatewayError("internal_error", f"unexpected {type(error).__name__}"))
            return
        answer = await self._answer(line, result, as_base64=as_base64)
        self._folder.add_row(OUTPUT, self._row(line, request_id, 200, answer))
        self._made += 1

    def _add_error(self, line: BatchLine, request_id: str, error: GatewayError) -> None:
        self._failed += 1
        self.code = self.code or exit_code(error.row)
        self._folder.add_row(ERRORS, self._row(line, request_id, error.row.status, error.envelope()))

    async def _answer(self, line: BatchLine, result: ImageResult, *, as_base64: bool) -> dict[str, Any]:
        """The body of the API's answer, whose images are files: each row has the file's URL, and base64 where the
        request asks for it.
        """
        images = [(await made.image.payload.read(), made.image.format.extension) for made in result.images]
        paths = await asyncio.to_thread(self._folder.add_images, line, images)
        pieces = [piece async for piece in written(list(result_pieces(result, "")))]
        answer: dict[str, Any] = json.loads(b"".join(pieces))
        for row, path in zip(answer["data"], paths, strict=True):
            if not as_base64:
                del row["b64_json"]
            row["url"] = path.resolve().as_uri()
        if result.neurons is not None:
            answer["neurons"] = result.neurons
        return answer

    def _row(self, line: BatchLine, request_id: str, status: int, body: dict[str, Any]) -> dict[str, Any]:
        return {
            "id": f"batch_req_{self._gateway.ids.name()}",
            "custom_id": line.custom_id,
            "response": {"status_code": status, "request_id": request_id, "body": body},
            "error": None,
        }
