"""Programs that tests need on this machine: the test is skipped where one is missing, and fails in CI."""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest


def require_program(name: str, *, package: str) -> str:
    """Returns the program's path. ``package``: Debian's, which has it."""
    return shutil.which(name) or missing(name, package)


def missing(what: str, package: str) -> NoReturn:
    """Skips the test. Fails it where the environment has ``CI``, as ``.ci/run`` sets it: skips go unseen there."""
    reason = f"{what} is not installed (Debian package {package})"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
