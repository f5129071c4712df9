"""A progress bar on standard error, shown on a terminal after one second."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from rich.progress import Progress

    from cloudflare_image_mcp.imagefile.image import Image

PARTIALS: Final = 3
"""Partial images requested, which move the bar forward; without them it pulses."""
_AFTER: Final = 1.0
"""Seconds before the bar is shown."""


class ProgressBar:
    """The progress bar. A context manager; ``on_partial`` moves it forward."""

    def __init__(self, label: str, images: int) -> None:
        self._label = label
        self._steps = images * (PARTIALS + 1)
        self._done = 0
        self._shown: asyncio.Task[None] | None = None

    async def on_partial(self, index: int, image: Image) -> None:
        self._done += 1

    async def __aenter__(self) -> Self:
        if sys.stderr.isatty():
            self._shown = asyncio.create_task(self._show())
        return self

    async def __aexit__(self, *error: object) -> None:
        if self._shown is not None:
            self._shown.cancel()
            with suppress(asyncio.CancelledError):
                await self._shown

    async def _show(self) -> None:
        await asyncio.sleep(_AFTER)
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        from cloudflare_image_mcp.cli.terminal import rich_console

        columns = TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()
        with Progress(*columns, console=rich_console(sys.stderr), transient=True) as bar:
            task = bar.add_task(self._label, total=None)
            while True:
                if self._done:
                    bar.update(task, total=self._steps, completed=self._done)
                await asyncio.sleep(0.1)


class CountBar:
    """A bar of how many of several things are done, on standard error, where that is a terminal. A context manager."""

    def __init__(self, label: str, total: int, done: int, *, quiet: bool) -> None:
        self._label = label
        self._total = total
        self._done = done
        self._quiet = quiet
        self._bar: Progress | None = None

    def advance(self) -> None:
        self._done += 1
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=self._done)

    async def __aenter__(self) -> Self:
        if sys.stderr.isatty() and not self._quiet:
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            from cloudflare_image_mcp.cli.terminal import rich_console

            columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
            self._bar = Progress(*columns, console=rich_console(sys.stderr), transient=True)
            self._bar.add_task(self._label, total=self._total, completed=self._done)
            self._bar.start()
        return self

    async def __aexit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.stop()
