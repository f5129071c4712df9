"""What the terminal can show: graphics protocol, size, colours; from the environment or by querying it."""

from __future__ import annotations

import os
import re
import select
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, get_args

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TextIO

    from rich.console import Console

Protocol: TypeAlias = Literal["kitty", "iterm2", "sixel", "blocks"]
PREVIEWS: Final[tuple[Protocol, ...]] = get_args(Protocol)

_KNOWN: Final[tuple[tuple[str, str, Protocol], ...]] = (
    ("TERM", r"xterm-(kitty|ghostty)", "kitty"),
    ("KITTY_WINDOW_ID", r".+", "kitty"),
    ("TERM_PROGRAM", r"ghostty", "kitty"),
    ("TERM_PROGRAM", r"iTerm\.app|WezTerm|mintty|rio|WarpTerminal", "iterm2"),
    ("LC_TERMINAL", r"iTerm2", "iterm2"),
    ("TERM", r"linux", "blocks"),
    ("TERM_PROGRAM", r"Apple_Terminal", "blocks"),
)
"""Variable, the whole of its value, and what such a terminal shows. The last two would print a question as text.
iTerm2's own protocol stands before Kitty's there, because it knows Kitty's only in part."""

_MULTIPLEXERS: Final = ("TMUX", "STY", "ZELLIJ")
"""Inside these the variables may be those of another terminal, so the terminal is always queried."""

_QUESTION: Final = b"\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\" + b"\x1b[16t" + b"\x1b[c"
"""Queries Kitty graphics, the cell size and, last because all terminals answer it, the device attributes."""
_ATTRIBUTES: Final = re.compile(rb"\x1b\[\?(\d+(?:;\d+)*)c")
_CELL: Final = re.compile(rb"\x1b\[6;(\d+);(\d+)t")
_KITTY_OK: Final = re.compile(rb"\x1b_Gi=31;OK\x1b\\")
_SIXEL_ATTRIBUTE: Final = b"4"
_TIMEOUT: Final = 0.5
"""Seconds to wait for the answer: local terminals take 1 or 2 ms, remote ones a few hundred."""

_USUAL_CELL: Final = (10, 20)
"""Pixels of a character cell, where it is not known: the VT340's."""


@dataclass(frozen=True, slots=True)
class Terminal:
    """The terminal's graphics protocol and size."""

    protocol: Protocol
    columns: int
    rows: int
    cell: tuple[int, int] = _USUAL_CELL
    """Width and height of a character in pixels."""
    true_colour: bool = False


def find_terminal(stream: TextIO, environ: Mapping[str, str], wanted: Protocol | None = None) -> Terminal | None:
    """The terminal that ``stream`` writes to; None where no picture can or should be shown: no terminal, a dumb
    one, ``NO_COLOR``, or a character set without blocks. ``wanted`` overrides what was found out.
    """
    if not stream.isatty() or environ.get("NO_COLOR") or environ.get("TERM", "dumb") == "dumb":
        return None
    protocol, cell = _known(environ), None
    if protocol is None:
        protocol, cell = _ask()
    protocol = wanted or protocol
    if protocol == "blocks" and not _encodes(stream, "▀"):
        return None
    columns, rows = os.get_terminal_size(stream.fileno())
    return Terminal(
        protocol,
        columns or 80,
        rows or 24,
        cell or _window_cell(stream) or _USUAL_CELL,
        environ.get("COLORTERM") in {"truecolor", "24bit"},
    )


def rich_console(stream: TextIO, *, width: int | None = None) -> Console:
    """rich's console. With ``NO_COLOR`` no text is bold or dim either: rich itself drops colours alone."""
    from rich.console import Console

    plain = bool(os.environ.get("NO_COLOR"))
    return Console(file=stream, width=width, color_system=None if plain else "auto", highlight=False)


def _known(environ: Mapping[str, str]) -> Protocol | None:
    if any(environ.get(name) for name in _MULTIPLEXERS):
        return None
    return next((shown for name, value, shown in _KNOWN if re.fullmatch(value, environ.get(name, ""))), None)


def _ask() -> tuple[Protocol, tuple[int, int] | None]:
    answer = _answer(_QUESTION, _ATTRIBUTES, _TIMEOUT)
    attributes, cell = _ATTRIBUTES.search(answer), _CELL.search(answer)
    size = (int(cell[2]), int(cell[1])) if cell and int(cell[1]) and int(cell[2]) else None
    if _KITTY_OK.search(answer):
        return "kitty", size
    if attributes and _SIXEL_ATTRIBUTE in attributes[1].split(b";"):
        return "sixel", size
    return "blocks", size


def _answer(question: bytes, end: re.Pattern[bytes], timeout: float) -> bytes:
    """The answer of the controlling terminal up to ``end``, or what arrived within the time limit."""
    try:
        import termios
        import tty

        terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
    except (ImportError, OSError):
        return b""
    try:
        if os.tcgetpgrp(terminal) != os.getpgrp():
            return b""  # In the background, a change of the terminal's mode would stop us.
        before = termios.tcgetattr(terminal)
        try:
            tty.setcbreak(terminal, termios.TCSADRAIN)
            os.write(terminal, question)
            return _read_until(terminal, end, timeout)
        finally:
            termios.tcsetattr(terminal, termios.TCSADRAIN, before)
    except (OSError, termios.error):
        return b""
    finally:
        os.close(terminal)


def _read_until(terminal: int, end: re.Pattern[bytes], timeout: float) -> bytes:
    answer, deadline = b"", time.monotonic() + timeout
    while not end.search(answer) and (left := deadline - time.monotonic()) > 0:
        if select.select([terminal], [], [], left)[0]:
            answer += os.read(terminal, 1024)
    return answer


def _window_cell(stream: TextIO) -> tuple[int, int] | None:
    """From the window's size in pixels, where the terminal driver knows it."""
    try:
        import fcntl
        import struct
        import termios

        size = fcntl.ioctl(stream.fileno(), termios.TIOCGWINSZ, bytes(8))
    except (ImportError, OSError):
        return None
    rows, columns, width, height = struct.unpack("4H", size)
    return (width // columns, height // rows) if rows and columns and width >= columns and height >= rows else None


def _encodes(stream: TextIO, text: str) -> bool:
    try:
        text.encode(stream.encoding)
    except UnicodeEncodeError:
        return False
    return True
