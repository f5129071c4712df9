"""Two thousand generated requests against our own OpenAPI description."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.live import gateway

if TYPE_CHECKING:
    from collections.abc import Iterator

CASES = 2000


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with gateway(tmp_path_factory.mktemp("images")) as origin:
        yield origin


def test_the_server_keeps_to_its_description(origin: str, tmp_path: Path) -> None:
    """No 500, no undocumented status, no answer that its schema does not allow.

    Not checked: that a body which fits the schema is granted (random text is no image, and ranges depend on the
    model). The seed is fixed, so that a red run can be repeated.
    """
    run = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "run", f"{origin}/openapi.json"),
            *("--exclude-checks", "positive_data_acceptance", "--max-examples", "200", "--seed", "20261123"),
            *("--phases", "examples,coverage,fuzzing", "--generation-database", "none", "--no-color"),
        ],
        cwd=tmp_path,
        env={
            **os.environ,
            "SCHEMATHESIS_HOOKS": "tests.rest.small_pictures",
            "PYTHONPATH": str(Path(__file__).parents[2]),
        },
        capture_output=True,
        check=False,
        text=True,
        timeout=600,
    )
    assert run.returncode == 0, run.stdout[-8000:] + run.stderr[-2000:]
    generated = re.search(r"(\d+) generated", run.stdout)
    assert generated is not None, run.stdout[-3000:]
    assert int(generated[1]) >= CASES, run.stdout[-3000:]
