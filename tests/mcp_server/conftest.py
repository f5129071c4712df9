"""A server of its own for the MCP tests, over HTTP on a real port and as a command on stdio."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image, ImageDraw

from tests.live import wait_until_up
from tests.ports import free_port
from tests.waiting import LONGEST

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).parents[2]
KEY = "a key of the tests"


@dataclass(frozen=True, slots=True)
class Command:
    """How a client starts the server on stdio."""

    images: Path
    roots: Path

    @property
    def arguments(self) -> list[str]:
        return [sys.executable, "-m", "cloudflare_image_mcp", "mcp"]

    @property
    def environ(self) -> dict[str, str]:
        return clean_environ({"IMAGE_STORAGE_URL": self.images.as_uri(), "MCP_IMAGE_ROOTS": str(self.roots)})


def clean_environ(more: Mapping[str, str]) -> dict[str, str]:
    """The environment without the settings of the user who runs the tests."""
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG", "TMPDIR"}}
    return {**kept, "PYTHONPATH": str(ROOT / "src"), "NO_COLOR": "1", **more}


@pytest.fixture
def command(tmp_path: Path) -> Command:
    (tmp_path / "pictures").mkdir()
    return Command(tmp_path / "images", tmp_path / "pictures")


@contextmanager
def serving(module: str, log: Path, environ: Mapping[str, str], *arguments: str) -> Iterator[str]:
    """A Python module that takes a port last and serves there; yields its origin."""
    port = free_port()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments, str(port)],
            env=clean_environ({"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}", **environ}),
            cwd=ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            wait_until_up(port, process, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(LONGEST)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The origin of the server as shipped, with a key set."""
    folder = tmp_path_factory.mktemp("mcp-http")
    environ = {"IMAGE_STORAGE_URL": (folder / "images").as_uri(), "API_KEYS": KEY}
    with serving("cloudflare_image_mcp", folder / "log.txt", environ, "serve", "--port") as origin:
        yield origin


@pytest.fixture(scope="session")
def bare_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The origin of the server as shipped, without keys: what the conformance suite and browsers meet."""
    folder = tmp_path_factory.mktemp("mcp-bare")
    environ = {"IMAGE_STORAGE_URL": (folder / "images").as_uri()}
    with serving("cloudflare_image_mcp", folder / "log.txt", environ, "serve", "--port") as origin:
        yield origin


def half_mask(width: int, height: int) -> bytes:
    """A PNG that is white (repaint) on its right half and black on its left."""
    mask = Image.new("L", (width, height), 0)
    ImageDraw.Draw(mask).rectangle((width // 2, 0, width, height), fill=255)
    file = io.BytesIO()
    mask.save(file, "PNG")
    return file.getvalue()
