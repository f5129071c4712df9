"""Calls a function at the first SIGINT or SIGTERM, so that work under way is finished; the next signal ends it."""

from __future__ import annotations

import asyncio
import signal
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_END_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def first_signal(note: Callable[[int], None], then: Callable[..., object] | signal.Handlers) -> Iterator[None]:
    """Calls ``note`` with the first signal's number, in the running event loop. ``then`` handles the signals after it,
    in the form that ``signal.signal`` takes.
    """
    loop = asyncio.get_running_loop()

    def first(number: int) -> None:
        for each in _END_SIGNALS:
            loop.remove_signal_handler(each)
            signal.signal(each, then)
        note(number)

    # Windows has no such handlers: there a signal ends the work at once.
    with suppress(NotImplementedError):
        for each in _END_SIGNALS:
            loop.add_signal_handler(each, first, each)
    try:
        yield
    finally:
        with suppress(NotImplementedError):
            for each in _END_SIGNALS:
                loop.remove_signal_handler(each)
