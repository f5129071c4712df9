"""The pages whose blocks follow one another: pasted from the first to the last, in one directory."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from PIL import Image

from tests.cli.commands import wait_until_open
from tests.ports import free_port
from tests.waiting import LONGEST

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCS: Final = Path(__file__).parents[2] / "docs"
SERVERS: Final = {"cloudflare-image-mcp serve": "3000", "cloudflare-image-mcp emulate": "8788"}
"""Commands that run until they are interrupted, and the ports that the page names."""


def blocks(page: Path) -> list[tuple[str, str]]:
    """The language and the text of each fenced block."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)


@dataclass
class Reader:
    """Runs the blocks as a user pastes them: each in a shell of its own, the servers left running."""

    directory: Path
    ports: dict[str, int]
    servers: list[subprocess.Popen[bytes]]

    def paste(self, language: str, text: str) -> str:
        for written, port in self.ports.items():
            text = re.sub(rf"(localhost|127\.0\.0\.1):{written}\b", rf"\1:{port}", text)
        if text.strip() in SERVERS:
            self._serve(text.strip())
            return ""
        command = [sys.executable, "-c", text] if language == "python" else ["bash", "-ec", text]
        done = subprocess.run(
            command, check=False, cwd=self.directory, env=self._environ, capture_output=True, text=True, timeout=LONGEST
        )
        assert done.returncode == 0, f"{text}\n{done.stderr}"
        return done.stdout

    def _serve(self, command: str) -> None:
        port = self.ports[SERVERS[command]]
        process = subprocess.Popen([*command.split(), "--port", str(port)], cwd=self.directory, env=self._environ)
        self.servers.append(process)
        wait_until_open(port, process)

    @property
    def _environ(self) -> dict[str, str]:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return {"PATH": path, "HOME": str(self.directory), "LANG": os.environ.get("LANG", "C.UTF-8")}


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    reader = Reader(tmp_path, {port: free_port() for port in SERVERS.values()}, [])
    yield reader
    for process in reader.servers:
        process.kill()
        process.wait(timeout=LONGEST)


def test_following_the_tutorial(reader: Reader) -> None:
    found = [block for block in blocks(DOCS / "tutorial.md") if block[0] in {"sh", "python"}]
    assert {language for language, _ in blocks(DOCS / "tutorial.md")} == {"sh", "python", "text"}
    printed = [reader.paste(*block) for block in found]
    assert len(reader.servers) == len(SERVERS)
    for name in ("lighthouse.png", "night.png", "emulated.png"):
        with Image.open(reader.directory / name) as image:
            assert image.size == (512, 512)
    assert "None\n" in printed, "the pixels outside the mask are the original's"
    assert sum(f":{reader.ports['3000']}/images/" in text for text in printed) == 2
    assert "neurons" in printed[-1]


def test_the_recipes_of_the_emulator(reader: Reader) -> None:
    found = blocks(DOCS / "emulator.md")
    assert [language for language, _ in found[:3]] == ["sh", "sh", "python"]
    reader.paste("sh", "cloudflare-image-mcp emulate")
    printed = [reader.paste(*block) for block in found if block[0] in {"sh", "python"}]
    assert printed[1].count('"success":true') == 2
    for name in ("photo.png", "lighthouse.jpg"):
        with Image.open(reader.directory / name) as image:
            assert image.size == (1024, 1024)
