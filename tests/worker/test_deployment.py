"""What a deployment would upload, and the snapshots of memory that Cloudflare starts a Worker from."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import httpx2
import pytest

from tests.waiting import LONGEST
from tests.worker.raw_workerd import serving, write_config
from tests.workerd import APP, CACHE, ROOT, built

if TYPE_CHECKING:
    from pathlib import Path

MAX_UPLOAD = 20 * 1024
"""KiB."""


def test_the_upload_is_small() -> None:
    built()
    run = subprocess.run(["scripts/worker", "size"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    total = re.search(r"Total Upload: ([\d.]+) KiB", run.stdout)
    assert total is not None, run.stdout
    assert 1024 < float(total[1]) < MAX_UPLOAD
    for binding in ("env.AI", "env.BUCKET", "env.DB", "env.IMAGES", "env.RATE_LIMITER"):
        assert binding in run.stdout


@pytest.fixture
def config(tmp_path: Path, upstream: str) -> Path:
    built()
    target = tmp_path / "config.capnp"
    write_config(APP, upstream, target)
    return target


def test_a_snapshot_is_saved_and_loaded(config: Path, tmp_path: Path) -> None:
    """The runtime refuses to start, and to save, when a module asks for random numbers while it is imported."""
    workerd, folder = CACHE / "workerd", ("--python-snapshot-dir", str(tmp_path))
    with serving(workerd, config, tmp_path / "log", "--python-save-snapshot", *folder) as origin:
        first = httpx2.get(f"{origin}/v1/models", timeout=LONGEST).json()
    assert (tmp_path / "snapshot.bin").stat().st_size > 1_000_000
    load = ("--python-load-snapshot", "snapshot.bin")
    with serving(workerd, config, tmp_path / "log", *load, *folder) as origin:
        names = {httpx2.get(f"{origin}/health", timeout=LONGEST).headers["x-request-id"] for _ in range(3)}
        assert httpx2.get(f"{origin}/v1/models", timeout=LONGEST).json() == first
    assert len(names) == 3
