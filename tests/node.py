"""JavaScript clients under a real Node: the packages locked in ``tests/npm``, and a Node new enough for them."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any, Final

from tests.fetching import fetched
from tests.installed import require_program
from tests.waiting import LONGEST

LOCKED: Final = Path(__file__).parent / "npm"
LEAST: Final = 22
"""Major version of Node that openai 7 and the current AI SDK need. Where the installed one is older, npm supplies
one for this platform (``optionalDependencies``, of which npm takes those that fit).
"""


def run(script: Path, *arguments: object) -> Any:
    """What a script printed last, read as JSON. Arguments reach it as text. Fails with its error output."""
    return json.loads(output(script.read_text("utf-8"), *arguments, name=script.stem))


def output(source: str, *arguments: object, name: str = "example") -> str:
    """The last line that a module printed."""
    folder = packages()
    # A module finds packages beside itself only, so it runs from where they are installed.
    module = folder / f"{name}-{hashlib.sha256(source.encode()).hexdigest()[:12]}-{os.getpid()}.mjs"
    module.write_text(source, "utf-8")
    try:
        done = subprocess.run(
            [_node(folder), str(module), *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            timeout=LONGEST,
        )
    finally:
        module.unlink()
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1]


@cache
def packages() -> Path:
    """The folder whose node_modules holds what tests/npm locks."""
    require_program("npm", package="npm")
    enough = _installed_major() >= LEAST
    lock = (LOCKED / "package-lock.json").read_bytes()

    def fetch(folder: Path) -> None:
        for file in ("package.json", "package-lock.json"):
            shutil.copy(LOCKED / file, folder)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        command += ["--omit=optional"] if enough else []
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)

    return fetched("npm-tests", lock + bytes([enough]), fetch)


def _node(folder: Path) -> str:
    own = next(folder.glob("node_modules/node-*/bin/node*"), None)
    assert own or _installed_major() >= LEAST, f"Node {LEAST} or newer is needed, and npm has none for this platform"
    return str(own or shutil.which("node"))


@cache
def _installed_major() -> int:
    """The major version of the installed Node; 0 when there is none."""
    if shutil.which("node") is None:
        return 0
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    return int(version.strip().removeprefix("v").split(".")[0])
