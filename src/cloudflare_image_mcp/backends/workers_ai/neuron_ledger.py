"""Neurons spent, in files that every process of this user adds to: servers, commands, MCP clients.

One file a UTC day, one line an image: ``["account", neurons]``. A line is appended by one write (``O_APPEND``,
POSIX: the offset is moved and the bytes are written in one step), so processes need no lock, and from then on the
line is the operating system's: a killed process loses nothing, a power cut at most what the disk had not got yet.
On Windows, and on NFS, two processes that write at the same instant may lose a line.
"""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import os
import re
from contextlib import suppress
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from cloudflare_image_mcp.backends.workers_ai.neurons import LocalNeuronCounter

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

log = logging.getLogger(__name__)

KEPT: Final = timedelta(days=7)
"""Older days are deleted when a new day begins."""

_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d\.jsonl")
_APPEND: Final = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)


class NeuronLedger:
    """A ``NeuronCounter`` in a directory, which is made when the first neuron is spent.

    A directory that cannot be written to stops nothing: that is logged once, and the neurons are counted in this
    process, as ``LocalNeuronCounter`` does.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._unwritten = LocalNeuronCounter()
        self._warned = False
        self._day: date | None = None

    async def add(self, account_id: str, day: date, neurons: float) -> None:
        """Writes at once and on the event loop: 11 microseconds (bench/neuron_ledger.py)."""
        try:
            self._append(day, json.dumps([account_id, neurons]))
        except OSError as error:
            self._day = None
            await self._unwritten.add(account_id, day, neurons)
            if not self._warned:
                self._warned = True
                log.warning(
                    "neurons are counted in this process alone: %s cannot be written to (%s)",
                    self._directory,
                    error.strerror or type(error).__name__,
                )

    async def spent(self, day: date) -> Mapping[str, float]:
        """What every process added. A day's file that cannot be read counts as empty."""
        spent = dict(await self._unwritten.spent(day))
        for account_id, neurons in (await asyncio.to_thread(self._read, day)).items():
            spent[account_id] = spent.get(account_id, 0.0) + neurons
        return spent

    def check(self, day: date) -> None:
        """Raises ``OSError`` when the day's file cannot be written to or read."""
        self._append(day, None)
        self._path(day).read_bytes()

    def _append(self, day: date, line: str | None) -> None:
        if day != self._day:
            self._begin(day)
        # Opened each time, so that a file that somebody deletes is not written to unseen.
        file = os.open(self._path(day), _APPEND, 0o600)
        try:
            # The line break comes first: a line that a full disk cut short then spoils no other.
            data = b"" if line is None else f"\n{line}".encode()
            if os.write(file, data) < len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        finally:
            os.close(file)

    def _begin(self, day: date) -> None:
        """Makes the directory and deletes the days that are over for long."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in self._directory.iterdir():
            if _DAY.fullmatch(path.name) and path.stem < (day - KEPT).isoformat():
                with suppress(OSError):
                    path.unlink()
        self._day = day

    def _path(self, day: date) -> Path:
        return self._directory / f"{day.isoformat()}.jsonl"

    def _read(self, day: date) -> dict[str, float]:
        spent: dict[str, float] = {}
        try:
            with self._path(day).open(encoding="utf-8", errors="replace") as file:
                for account_id, neurons in _entries(file):
                    spent[account_id] = spent.get(account_id, 0.0) + neurons
        except OSError:
            pass
        return spent


def _entries(lines: Iterator[str]) -> Iterator[tuple[str, float]]:
    """The lines that are whole."""
    for line in lines:
        try:
            account_id, neurons = json.loads(line)
            yield str(account_id), float(neurons)
        except (ValueError, TypeError):
            continue
