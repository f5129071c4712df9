"""Runs the installed command as a process, with or without a terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import socket
import struct
import subprocess
import sys
import termios
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import cloudflare_image_mcp
from tests.ports import free_port
from tests.waiting import LONGEST, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

PROGRAM = Path(sys.executable).with_name("cloudflare-image-mcp")
SOURCE = str(Path(cloudflare_image_mcp.__file__).parents[1])
_IN_TERMINAL = """
import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


@dataclass(frozen=True)
class Home:
    """A directory that is both home and working directory, and its environment variables."""

    path: Path
    environ: Mapping[str, str] = field(default_factory=dict)
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    """Those of ``start``, which ``close`` ends."""

    def set(self, **more: str) -> Home:
        return Home(self.path, {**self.environ, **more}, self.processes)

    def set_account(self, emulator: str) -> Home:
        """The settings of an account at an emulator's address."""
        return self.set(
            CLOUDFLARE_API_BASE_URL=f"{emulator}/client/v4",
            CLOUDFLARE_ACCOUNT_ID="0123456789abcdef0123456789abcdef",
            CLOUDFLARE_API_TOKEN="a" * 40,
        )

    def close(self) -> None:
        """Kills the processes that still run, and closes the pipes to all of them."""
        for process in self.processes:
            with process:
                process.kill()

    @property
    def _environ(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name in {"PATH", "LANG"}}
        return kept | {"HOME": str(self.path), "PYTHONPATH": SOURCE, **self.environ}

    @property
    def pictures(self) -> list[str]:
        """The names of all image files, finished or not, wherever they are."""
        kinds = {".png", ".jpg", ".webp", ".part"}
        return sorted(path.name for path in self.path.rglob("*") if path.suffix in kinds)

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [PROGRAM, *arguments],
            cwd=self.path,
            env=self._environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.processes.append(process)
        return process

    def run(self, *arguments: str, stdin: bytes = b"") -> Ran:
        done = subprocess.run(
            [PROGRAM, *arguments],
            cwd=self.path,
            env=self._environ,
            input=stdin,
            capture_output=True,
            check=False,
            timeout=LONGEST,
        )
        return Ran(done.returncode, done.stdout, done.stderr.decode("utf-8"))

    def run_in_shell(self, command: str) -> Ran:
        """The program's arguments and redirections, as a shell reads them."""
        done = subprocess.run(
            ["sh", "-c", f"'{PROGRAM}' {command}"],
            cwd=self.path,
            env=self._environ,
            capture_output=True,
            check=False,
            timeout=LONGEST,
        )
        return Ran(done.returncode, done.stdout, done.stderr.decode("utf-8"))

    def run_in_terminal(
        self,
        *arguments: str,
        answer: bytes = b"",
        columns: int = 80,
        rows: int = 40,
        then: Callable[[subprocess.Popen[bytes], bytes], None] | None = None,
    ) -> Ran:
        """Output and errors are one, as on a screen. ``answer`` is given whenever the program asks for the
        terminal's attributes; ``then`` sees the process and all that was written so far, after each read.
        """
        screen, keyboard = pty.openpty()
        fcntl.ioctl(keyboard, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))
        process = subprocess.Popen(
            [sys.executable, "-c", _IN_TERMINAL, PROGRAM, *arguments],
            cwd=self.path,
            env={"TERM": "xterm-256color", **self._environ},
            stdin=keyboard,
            stdout=keyboard,
            stderr=keyboard,
        )
        os.close(keyboard)
        try:
            written = _watch(screen, process, answer, then)
            return Ran(process.wait(LONGEST), written.replace(b"\r\n", b"\n"), "")
        finally:
            process.kill()
            process.wait()
            os.close(screen)


@dataclass(frozen=True)
class Ran:
    """The result of a command that has ended."""

    status: int
    stdout: bytes
    stderr: str

    @property
    def lines(self) -> list[str]:
        return self.stdout.decode("utf-8").splitlines()

    @property
    def shown(self) -> str:
        """The output as text, without escape sequences."""
        text = self.stdout.decode("utf-8", "replace")
        return re.sub(r"\x1b(?:[_P\]].*?(?:\x1b\\|\a)|\[[0-9;?]*[A-Za-z])", "", text, flags=re.DOTALL)


def _watch(
    screen: int,
    process: subprocess.Popen[bytes],
    answer: bytes,
    then: Callable[[subprocess.Popen[bytes], bytes], None] | None,
) -> bytes:
    written, answered, deadline = b"", 0, time.monotonic() + LONGEST
    while time.monotonic() < deadline:
        if not select.select([screen], [], [], 0.05)[0]:
            if process.poll() is not None:
                break
            continue
        try:
            written += os.read(screen, 65536)
        except OSError:  # Linux: the last process that had the other side is gone
            break
        if written.count(b"\x1b[c") > answered:
            answered += 1
            os.write(screen, answer)
        if then is not None:
            then(process, written)
    return written


def wait_until_open(port: int, process: subprocess.Popen[bytes]) -> None:
    """Waits until a server listens on the port."""

    def is_open() -> bool:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            return False
        return True

    wait_for(is_open, "nobody listens", process)


@contextmanager
def emulated(home: Home, *options: str) -> Iterator[Home]:
    """A home whose settings have an account at an emulator, which the command itself starts."""
    port = free_port()
    process = home.start("emulate", "--port", str(port), *options)
    try:
        wait_until_open(port, process)
        yield home.set_account(f"http://127.0.0.1:{port}")
    finally:
        process.kill()  # it would finish the answers under way first
        process.communicate(timeout=LONGEST)
