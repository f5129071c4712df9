from __future__ import annotations

import asyncio
import logging
import os
import shutil
import signal
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import cloudflare_image_mcp
from cloudflare_image_mcp.backends.workers_ai.accounts import Account
from cloudflare_image_mcp.backends.workers_ai.neuron_ledger import FILE_NAME, KEPT, NeuronLedger
from tests.backends.workers_ai.conftest import backend_at, call
from tests.emulator.calling import PHOENIX, emulating
from tests.waiting import LONGEST

if TYPE_CHECKING:
    from collections.abc import Mapping

DAY = date(2026, 11, 23)
ADDS = 2_000
ADDING = f"""
import asyncio, sys
from datetime import date
from pathlib import Path
from cloudflare_image_mcp.backends.workers_ai.neuron_ledger import NeuronLedger

async def add():
    ledger = NeuronLedger(Path(sys.argv[1]))
    for _ in range({ADDS}):
        await ledger.add(sys.argv[2], date({DAY.year}, {DAY.month}, {DAY.day}), 0.5)
    print("added", flush=True)
    sys.stdin.read()

asyncio.run(add())
"""


def adding(directory: Path, account: str) -> subprocess.Popen[bytes]:
    """A process that adds half a neuron ``ADDS`` times, says so, and waits."""
    return subprocess.Popen(
        [sys.executable, "-c", ADDING, str(directory), account],
        env=os.environ | {"PYTHONPATH": str(Path(cloudflare_image_mcp.__file__).parents[1])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


async def test_what_is_added_is_there_for_the_next_process(tmp_path: Path) -> None:
    ledger = NeuronLedger(tmp_path / "new" / "neurons")
    for account, day, neurons in (("a", DAY, 1.5), ("a", DAY, 2), ('b"\n', DAY, 4), ("a", DAY + timedelta(1), 8)):
        await ledger.add(account, day, neurons)
    again = NeuronLedger(tmp_path / "new" / "neurons")
    assert await again.spent(DAY) == {"a": 3.5, 'b"\n': 4}
    assert await again.spent(DAY + timedelta(1)) == {"a": 8}
    assert await again.spent(DAY + timedelta(2)) == {}


async def test_what_is_added_at_once_is_written_when_each_call_returns(tmp_path: Path) -> None:
    ledger, another = NeuronLedger(tmp_path), NeuronLedger(tmp_path)

    async def add(account: str, day: date) -> Mapping[str, float]:
        await ledger.add(account, day, 1)
        return await another.spent(day)

    found = list(await asyncio.gather(add("a", DAY), add("a", DAY), add("b", DAY), add("a", DAY + timedelta(1))))
    assert found == [{"a": 2, "b": 1}, {"a": 2, "b": 1}, {"a": 2, "b": 1}, {"a": 1}]


async def test_what_a_cancelled_call_adds_is_written(tmp_path: Path) -> None:
    ledger = NeuronLedger(tmp_path)
    adding = asyncio.create_task(ledger.add("a", DAY, 1))
    await asyncio.sleep(0)
    adding.cancel()
    with pytest.raises(asyncio.CancelledError):
        await adding
    assert await ledger.spent(DAY) == await NeuronLedger(tmp_path).spent(DAY) == {"a": 1}


async def test_processes_that_add_at_once_and_are_killed_lose_nothing(tmp_path: Path) -> None:
    processes = [adding(tmp_path, account) for account in ("shared", "shared", "own")]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == b"added\n"
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=LONGEST)
        assert process.returncode == -signal.SIGKILL
    assert await NeuronLedger(tmp_path).spent(DAY) == {"shared": ADDS, "own": ADDS / 2}


async def test_a_file_that_is_no_database_is_left_alone_and_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / FILE_NAME).write_text("these are notes, and somebody wants them back\n" * 100)
    before = (tmp_path / FILE_NAME).read_bytes()
    ledger = NeuronLedger(tmp_path)
    await ledger.add("a", DAY, 1)
    await ledger.add("a", DAY, 2)
    assert await ledger.spent(DAY) == {"a": 3}
    assert await NeuronLedger(tmp_path).spent(DAY) == {}
    assert (tmp_path / FILE_NAME).read_bytes() == before
    assert len(caplog.records) == 1
    with pytest.raises(OSError, match="not a database"):
        ledger.check(DAY)


async def test_a_ledger_that_somebody_deletes_begins_anew(tmp_path: Path) -> None:
    ledger = NeuronLedger(tmp_path)
    await ledger.add("a", DAY, 1)
    shutil.rmtree(tmp_path)
    await ledger.add("a", DAY, 2)
    assert await NeuronLedger(tmp_path).spent(DAY) == {"a": 2}


async def test_old_days_are_deleted(tmp_path: Path) -> None:
    days = [DAY - KEPT - timedelta(1), DAY - KEPT, DAY - timedelta(1)]
    for day in days:
        await NeuronLedger(tmp_path).add("a", day, 1)
    await NeuronLedger(tmp_path).add("a", DAY, 1)
    assert [await NeuronLedger(tmp_path).spent(day) for day in days] == [{}, {"a": 1}, {"a": 1}]


async def test_others_may_not_read_it(tmp_path: Path) -> None:
    await NeuronLedger(tmp_path / "neurons").add("a", DAY, 1)
    assert (tmp_path / "neurons").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "neurons" / FILE_NAME).stat().st_mode & 0o777 == 0o600


async def test_a_directory_that_cannot_be_written_to_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    ledger = NeuronLedger(tmp_path / "file" / "neurons")
    with emulating() as address, caplog.at_level(logging.WARNING):
        async with backend_at(address, neurons=ledger) as backend:
            for _ in range(3):
                await backend.run(call(PHOENIX))
    assert [record.message for record in caplog.records] == [
        f"neurons are counted in this process alone: {tmp_path}/file/neurons cannot be written to (Not a directory)"
    ]
    counted = await ledger.spent(DAY)
    assert counted["demo"] > 0
    (tmp_path / "file").unlink()
    await ledger.add("demo", DAY, 1)
    assert (await ledger.spent(DAY))["demo"] == counted["demo"] + 1
    assert await NeuronLedger(tmp_path / "file" / "neurons").spent(DAY) == {"demo": 1}
    with pytest.raises(NotADirectoryError):
        NeuronLedger(Path(__file__) / "neurons").check(DAY)


async def test_the_account_that_has_spent_least_today_is_asked_first(tmp_path: Path) -> None:
    await NeuronLedger(tmp_path).add("one", DAY, 5_000)
    accounts = [Account("one", "demo"), Account("two", "demo")]
    with emulating() as address:
        async with backend_at(address, *accounts, neurons=NeuronLedger(tmp_path)) as backend:
            for _ in range(4):
                await backend.run(call(seed=1))
            assert backend.traffic.calls == {"two": 4}
        async with backend_at(address, *accounts) as backend:
            for _ in range(4):
                await backend.run(call(seed=1))
            assert backend.traffic.calls == {"one": 2, "two": 2}
