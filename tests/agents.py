"""Python clients whose dependencies are not the gateway's: requirements/agents.txt, installed once into .cache."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import venv
from pathlib import Path
from typing import Any, Final

from tests.waiting import LONGEST

ROOT: Final = Path(__file__).parents[1]
LOCK: Final = ROOT / "requirements" / "agents.txt"
FOLDER: Final = ROOT / ".cache" / "agents"


def environment() -> Path:
    """The Python of a virtual environment that is created once, because the clients need an older MCP SDK."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    python, stamp = FOLDER / "venv" / "bin" / "python", FOLDER / "installed"
    with (FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the first of several test processes installs, the others wait
        if not stamp.exists() or stamp.read_text() != LOCK.read_text():
            venv.create(FOLDER / "venv", with_pip=True, clear=True)
            command = [str(python), "-m", "pip", "install", "-qq", "--require-hashes", "-r", str(LOCK)]
            subprocess.run(command, check=True, timeout=600)
            stamp.write_text(LOCK.read_text())
    return python


def run(script: Path, options: dict[str, str]) -> Any:
    """What a script printed last, read as JSON. Fails with its error output."""
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    # LiteLLM would fetch its table of prices from the network.
    environ |= {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    done = subprocess.run(
        [environment(), script, json.dumps(options)],
        capture_output=True,
        text=True,
        timeout=LONGEST,
        env=environ,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])
