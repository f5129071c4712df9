"""Real clients of both eras, over stdio and HTTP: each lists, describes, generates, edits with a mask, reads back."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import venv
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from tests.mcp_server import node
from tests.mcp_server.conftest import KEY, ROOT, Command, half_mask
from tests.waiting import LONGEST

if TYPE_CHECKING:
    from collections.abc import Callable

WORKOUT = Path(__file__).with_name("workout.py")
OLD_SDK = ROOT / ".cache" / "mcp-1.30"
TOOLS = ["list_models", "describe_model", "run_model", "get_job", "cancel_job", "list_images"]


def python(executable: str, mode: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def run(options: dict[str, Any]) -> dict[str, Any]:
        arguments = [executable, str(WORKOUT), json.dumps({**options, "mode": mode})]
        environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        done = subprocess.run(arguments, capture_output=True, text=True, timeout=LONGEST, env=environ, check=False)
        return answered(done)

    return run


def old_python(options: dict[str, Any]) -> dict[str, Any]:
    """With ``mcp`` 1.30, in a virtual environment of its own that is made once."""
    executable = OLD_SDK / "bin" / "python"
    if not (OLD_SDK / "installed").exists():
        venv.create(OLD_SDK, with_pip=True, clear=True)
        subprocess.run([executable, "-m", "pip", "install", "-qq", "mcp==1.30.0"], check=True, timeout=LONGEST)
        (OLD_SDK / "installed").touch()
    return python(str(executable), "legacy")(options)


def typescript(script: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def run(options: dict[str, Any]) -> dict[str, Any]:
        return answered(node.run(script, json.dumps(options)))

    return run


def answered(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    seen: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return seen


CLIENTS = {
    "python-2.3": (python(sys.executable, "auto"), "2026-07-28"),
    "python-2.3-legacy": (python(sys.executable, "legacy"), "2025-11-25"),
    "python-1.30": (old_python, "2025-11-25"),
    "typescript-1": (typescript("client_v1.mjs"), None),
    "typescript-2": (typescript("client_v2.mjs"), "2026-07-28"),
}


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_over_http(client: str, server: str, tmp_path: Path) -> None:
    run, era = CLIENTS[client]
    mask = "data:image/png;base64," + base64.b64encode(half_mask(512, 512)).decode()
    seen = run({"url": f"{server}/mcp", "key": KEY, "mask": mask, "folder": str(tmp_path)})
    assert era is None or seen["era"] == era
    check(seen, tmp_path)
    assert all(image["url"] == f"{server}/images/{image['id']}" for image in images(seen))
    assert not any("path" in image for image in images(seen))


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_over_stdio(client: str, command: Command, tmp_path: Path) -> None:
    run, era = CLIENTS[client]
    mask = command.roots / "mask.png"
    mask.write_bytes(half_mask(512, 512))
    program, *arguments = command.arguments
    options = {"command": program, "args": arguments, "env": command.environ}
    seen = run({**options, "mask": str(mask), "folder": str(tmp_path)})
    assert era is None or "stdio" in seen["era"] or seen["era"] == era
    check(seen, tmp_path)
    for name, image in zip(("original", "edited"), images(seen), strict=True):
        assert Path(image["path"]).read_bytes() == (tmp_path / f"{name}.png").read_bytes()


def images(seen: dict[str, Any]) -> list[dict[str, Any]]:
    return [*seen["generated"]["images"], *seen["edited"]["images"]]


def check(seen: dict[str, Any], folder: Path) -> None:
    """The catalogue's tools, a picture in the answer, and an edit that changed what the mask uncovers alone."""
    assert seen["tools"] == TOOLS
    assert seen["described"] == "@cf/black-forest-labs/flux-2-klein-4b"
    assert seen["types"] == ["text", "image", "resource_link"]
    assert seen["generated"]["status"] == seen["edited"]["status"] == "completed"
    assert seen["generated"]["images"][0]["seed"] == 7
    assert seen["edited"]["operation"] == "edit"
    for stated, read, media_type in seen["hashes"]:
        assert stated == read
        assert media_type == "image/png"
    original, edited = (
        np.asarray(Image.open(folder / f"{name}.png").convert("RGB")) for name in ("original", "edited")
    )
    assert original.shape == edited.shape == (512, 512, 3)
    assert np.array_equal(original[:, :200], edited[:, :200]), "pixels outside the mask are the original's"
    assert np.mean(original[:, 300:] != edited[:, 300:]) > 0.5, "pixels inside the mask are new"
