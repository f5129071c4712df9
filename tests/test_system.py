from __future__ import annotations

import asyncio
import gc
import logging
import re
from datetime import timedelta
from typing import TYPE_CHECKING

from cloudflare_image_mcp.storage.record import is_key
from cloudflare_image_mcp.system import Background, SystemClock, SystemIds
from tests.waiting import LONGEST

if TYPE_CHECKING:
    import pytest


def test_the_clock_is_utc() -> None:
    clock = SystemClock()
    assert clock.now().utcoffset() == timedelta(0)
    assert clock.monotonic() <= clock.monotonic()


def test_names_make_keys_and_are_never_the_same() -> None:
    names = [SystemIds().name() for _ in range(1000)]
    assert len(set(names)) == 1000
    assert all(re.fullmatch(r"[0-9A-Za-z_-]{22}", name) and is_key(f"{name}.png") for name in names)


def test_seeds_fill_32_bits() -> None:
    seeds = [SystemIds().seed() for _ in range(1000)]
    assert all(0 <= seed < 2**32 for seed in seeds)
    assert max(seeds) > 2**31


async def test_deferred_work_survives_the_garbage_collector_and_is_waited_for() -> None:
    background, done = Background(), []

    async def work(name: str) -> None:
        await asyncio.sleep(0.02)
        done.append(name)
        if name == "first":
            background(work("its own"))

    background(work("first"))
    gc.collect()
    assert len(background) == 1
    assert await background.drain(LONGEST) == 0
    assert done == ["first", "its own"]
    assert len(background) == 0


async def test_a_failure_of_background_work_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    background = Background()

    async def work() -> None:
        raise RuntimeError("out of paint")

    background(work())
    with caplog.at_level(logging.ERROR):
        assert await background.drain(LONGEST) == 0
    assert "out of paint" in caplog.text


async def test_what_does_not_end_is_cancelled_and_counted() -> None:
    background, cancelled = Background(), asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            cancelled.set()

    background(work())
    await asyncio.sleep(0)
    assert await background.drain(0.01) == 1
    assert cancelled.is_set()
    assert len(background) == 0


async def test_work_that_is_cancelled_before_it_begins_is_closed() -> None:
    """Else Python says on stderr, when it is collected, that it was never awaited: which is an error here."""
    background = Background()

    async def work() -> None:
        raise AssertionError("it began")

    background(work())
    assert await background.drain(0) == 1
    gc.collect()
    assert len(background) == 0
