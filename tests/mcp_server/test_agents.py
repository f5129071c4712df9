"""Agent frameworks over HTTP: LangChain's MCP adapters and AutoGen's workbench get the picture, and no error."""

from __future__ import annotations

import base64
import fcntl
import io
import json
import os
import subprocess
import venv
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.mcp_server import node
from tests.mcp_server.conftest import KEY, ROOT

SCRIPT = Path(__file__).with_name("agents.py")
LOCK = ROOT / "requirements" / "agents.txt"
FOLDER = ROOT / ".cache" / "agents"


def environment() -> Path:
    """Their Python, in a virtual environment of its own that is made once: they need an older SDK."""
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


@pytest.fixture(scope="module")
def seen(server: str) -> dict[str, Any]:
    options = json.dumps({"url": f"{server}/mcp", "key": KEY})
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [environment(), SCRIPT, options], capture_output=True, text=True, timeout=300, env=environ, check=False
    )
    assert done.returncode == 0, done.stderr
    seen: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return seen


def shape(url: str) -> tuple[int, int]:
    """Of the picture in a data URL; nothing else reaches a provider of models."""
    head, _, data = url.partition(",")
    assert head.startswith("data:image/"), url[:100]
    assert head.endswith(";base64")
    return Image.open(io.BytesIO(base64.b64decode(data))).size


def test_a_model_behind_langchain_sees_the_picture(seen: dict[str, Any]) -> None:
    blocks = seen["langchain"]
    assert [block["type"] for block in blocks] == ["text", "image_url"]
    assert shape(blocks[1]["url"]) == (512, 512)
    assert "/images/" in blocks[0]["text"]


def test_autogen_takes_the_result(seen: dict[str, Any]) -> None:
    result = seen["autogen"]
    assert not result["is_error"]
    assert [part["type"] for part in result["parts"]] == ["TextResultContent", "ImageResultContent"]
    assert shape(result["parts"][1]["url"]) == (512, 512)
    assert "/images/" in result["text"]


def test_langchain_in_javascript_gets_the_picture(server: str) -> None:
    done = node.run("langchain.mjs", json.dumps({"url": f"{server}/mcp", "key": KEY}))
    assert done.returncode == 0, done.stderr
    blocks = json.loads(done.stdout.splitlines()[-1])
    assert [block["type"] for block in blocks] == ["text", "image_url"]
    assert shape(blocks[1]["image_url"]["url"]) == (512, 512)
