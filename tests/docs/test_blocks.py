"""Every block of README.md and docs/ is run, here or by a test named here, or has a reason why it cannot be."""

from __future__ import annotations

import configparser
import io
import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from dotenv import dotenv_values

from cloudflare_image_mcp.cli.program import program
from cloudflare_image_mcp.settings import Settings
from cloudflare_image_mcp.usage.named_keys import parse_named_keys
from tests import node
from tests.cli.commands import PROGRAM
from tests.decoding import downloaded, size
from tests.rest import pictures
from tests.test_logs import LINE
from tests.waiting import LONGEST

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
BLOCK: Final = re.compile(
    r"^```(?P<language>\w*)\n(?P<fenced>.*?)^```$|(?:(?<=\n\n)|\A)(?P<indented>(?: {4}[^\n]*\n|\n)+)",
    re.MULTILINE | re.DOTALL,
)

HERE: Final = "here"
RUN: Final[dict[str, dict[str, str]]] = {
    "README.md": {
        "from openai": "tests/docs/test_readme.py",
        '{"mcpServers"': "tests/docs/test_readme.py",
        ". .venv/bin/activate": "tests/docs/test_recipes.py",  # the tutorial serves in the same way
    },
    "api.md": {"": "tests/docs/test_api_examples.py"},
    "cli.md": {
        "cloudflare-image-mcp generate": HERE,
        '{"custom_id"': "tests/cli/test_batch.py",
        '{"paths"': "tests/docs/test_command_line.py",
    },
    "clients.md": {
        "from openai": HERE,
        "answer = ": HERE,
        "from langchain_community": HERE,
        "import { generateImage }": HERE,
        "IMAGE_GEN_OAI_API_KEY": "tests/clients/test_librechat.py",
        "IMAGE_GEN_LOCALAI_BASE_PATH": "tests/clients/test_anythingllm.py",
        "model_list:": "tests/clients/test_chat.py",
    },
    "emulator.md": {"": "tests/docs/test_recipes.py"},
    "mcp.md": {
        "{": "tests/mcp_server/test_distribution.py",
        "[mcp_servers.images]": "tests/mcp_server/test_distribution.py",
        "mcpServers:": "tests/mcp_server/test_distribution.py",
        "from langchain_mcp_adapters": "tests/mcp_server/test_agents.py",
        "from autogen_ext": "tests/mcp_server/test_agents.py",
        "from autogen_core": "tests/mcp_server/test_agents.py",
        "npx @modelcontextprotocol/inspector": "tests/mcp_server/test_inspector.py",
    },
    "operations.md": {"[Unit]": HERE, "20": HERE, "export API_KEYS_FILE": HERE},
    "storage.md": {"IMAGE_STORAGE_URL=": HERE},
    "tutorial.md": {"": "tests/docs/test_recipes.py"},
    "workers.md": {
        "echo": HERE,
        "export API_KEYS_FILE": HERE,
        '"routes"': HERE,
        "cloudflare-image-mcp emulate": "tests/worker/test_dev.py",
        "scripts/worker dev": "tests/worker/test_dev.py",
        "curl -s http://127.0.0.1:8787/": "tests/worker/test_dev.py",
    },
}
"""The test that runs each block, by the page and the beginning of the block."""

DOCKER: Final = "needs Docker's daemon; tests/deploy/test_docker.py checks the files that it names"
ACCOUNT: Final = "needs an account at Cloudflare"
NOT_RUN: Final[dict[str, dict[str, str]]] = {
    "README.md": {
        "scripts/demo": "installs the project and runs all tests, this one among them",
        "export CLOUDFLARE_ACCOUNT_ID": ACCOUNT,
    },
    "architecture.md": {"REST API |": "a drawing"},
    "docker.md": {"docker": DOCKER},
    "local-engine.md": {"pip install torch": "fetches gigabytes; scripts/diffusers-test runs the engine"},
    "mcp.md": {
        "claude mcp add": "needs Claude Code and its account",
        "const images": "needs Mastra; the same client name and setting run in tests/mcp_server/test_results.py",
    },
    "operations.md": {
        "server {": "needs nginx; tests/rest checks what the server makes of a proxy's headers",
        "pip install -e '.[otel]'": "changes the environment of the tests; tests/usage/test_tracing.py serves so",
        "POST /v1/images/edits": "a drawing of a trace; tests/usage/test_tracing.py gets one",
    },
    "workers-ai.md": {"CLOUDFLARE_ACCOUNT_ID=": ACCOUNT, "upstream failure": "a line of the log, not a command"},
    "workers.md": {
        "export CLOUDFLARE_ACCOUNT_ID": ACCOUNT,
        "scripts/worker wrangler": ACCOUNT,
        "scripts/worker deploy": ACCOUNT,
        "scripts/worker secret": ACCOUNT,
        "curl https://": ACCOUNT,
    },
}
"""Why a block cannot be run on every machine that runs the tests."""


@dataclass(frozen=True)
class Block:
    """A fenced or indented block. ``language`` is empty where the page names none."""

    page: str
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page} {self.text.splitlines()[0][:50]}"


def _blocks(page: Path) -> list[Block]:
    found = []
    for match in BLOCK.finditer(page.read_text("utf-8")):
        lines = (match["fenced"] if match["indented"] is None else match["indented"]).strip("\n").splitlines()
        indent = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
        text = "\n".join(line[indent:] for line in lines)
        if text:
            found.append(Block(page.name, match["language"] or "", text))
    return found


BLOCKS: Final = [block for page in PAGES for block in _blocks(page)]


def _named(table: dict[str, dict[str, str]], block: Block) -> list[str]:
    return [value for start, value in table.get(block.page, {}).items() if block.text.startswith(start)]


def block_of(page: str, start: str) -> str:
    """The one block of a page that begins so."""
    (text,) = [block.text for block in BLOCKS if block.page == page and block.text.startswith(start)]
    return text


def settings_of(page: str, start: str, server: str) -> dict[str, str | None]:
    """The settings in a block, for a server at another port."""
    text = block_of(page, start).replace("http://localhost:3000", server)
    return dict(dotenv_values(stream=io.StringIO(text)))


def _python(source: str, server: str) -> str:
    """The output of a script whose server has another port."""
    command = [sys.executable, "-c", source.replace("http://localhost:3000", server)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LONGEST)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _shell(commands: str, directory: Path) -> str:
    """What commands printed that were pasted into a shell in ``directory``, which is also the home."""
    environ = {"PATH": f"{PROGRAM.parent}:/usr/bin:/bin", "HOME": str(directory), "LANG": "C.UTF-8"}
    done = subprocess.run(
        ["bash", "-ec", commands],
        cwd=directory,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=LONGEST,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_every_block_is_run_or_says_why_not(block: Block) -> None:
    run, not_run = _named(RUN, block), _named(NOT_RUN, block)
    assert len(run) + len(not_run) == 1, "add the block to RUN or NOT_RUN"
    assert all(name == HERE or (ROOT / name).is_file() for name in run)


@pytest.mark.parametrize("table", [RUN, NOT_RUN], ids=["run", "not run"])
def test_no_row_is_left_over(table: dict[str, dict[str, str]]) -> None:
    left = [
        (page, start)
        for page, rows in table.items()
        for start in rows
        if not any(block.page == page and block.text.startswith(start) for block in BLOCKS)
    ]
    assert left == []


@pytest.mark.parametrize(
    "block", [block for block in BLOCKS if _named(NOT_RUN, block) and "|" not in block.text[:12]], ids=str
)
def test_what_is_not_run_is_at_least_a_command_that_there_is(block: Block) -> None:
    for name in re.findall(r"(?<![\w./-])((?:scripts|deploy)/[\w./-]*\w)", block.text):
        assert (ROOT / name).exists()
    for command in re.findall(r"(?<![\w./@-])cloudflare-image-mcp ([a-z]+)\b", block.text):
        assert command in program.commands
    if block.text.startswith(("docker", "scripts/", "curl", "export", "cloudflare-image-mcp", "claude", "pip")):
        subprocess.run(["bash", "-n"], input=block.text, text=True, check=True, timeout=LONGEST)


def test_the_command_lines_of_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_bytes(pictures.picture(256, 256))
    (tmp_path / "sky.png").write_bytes(pictures.mask(256, 256))
    printed = _shell(block_of("cli.md", "cloudflare-image-mcp generate"), tmp_path).splitlines()
    assert len(printed) == 6
    assert all((tmp_path / path).is_file() for path in printed)


def test_named_keys_are_added_listed_and_revoked(tmp_path: Path) -> None:
    commands = block_of("operations.md", "export API_KEYS_FILE").replace("/etc/cloudflare-image-mcp", str(tmp_path))
    assert "alice" in _shell(commands, tmp_path)
    listed = _shell(f"export API_KEYS_FILE={tmp_path}/keys.toml\ncloudflare-image-mcp keys list", tmp_path)
    assert listed.startswith("alice: revoked")


def test_the_sdk_generates_and_chats(server: str) -> None:
    source = block_of("clients.md", "from openai") + "\nprint(len(image.data[0].b64_json))\n"
    printed = _python(source + block_of("clients.md", "answer = "), server)
    length, content = printed.split("\n", 1)
    assert int(length) > 10_000
    assert f"({server}/images/" in content


def test_langchain_makes_a_picture(server: str) -> None:
    printed = _python(block_of("clients.md", "from langchain_community") + "\nprint(url)", server)
    assert size(downloaded(printed.strip())) == "1024x1024"


def test_vercels_sdk_makes_a_picture(server: str) -> None:
    source = block_of("clients.md", "import { generateImage }").replace("http://localhost:3000", server)
    source = source.replace("@ai-sdk/openai-compatible", "openai-compatible")  # its name in tests/npm/package.json
    assert int(node.output(source + "\nconsole.log(image.uint8Array.length);\n")) > 10_000


def test_the_storage_settings_are_taken(tmp_path: Path) -> None:
    places = [block.text for block in BLOCKS if block.page == "storage.md"]
    assert len(places) == 2
    for line in places[0].splitlines():
        (tmp_path / "env").write_text(line, "utf-8")
        settings = {name: value or "" for name, value in dotenv_values(tmp_path / "env").items()}
        assert Settings.read(settings).image_storage_url == line.split("=", 1)[1].split(" ")[0]
    (tmp_path / "env").write_text(places[1], "utf-8")
    settings = {name: value or "" for name, value in dotenv_values(tmp_path / "env").items()}
    assert Settings.read(settings | {"CLOUDFLARE_API_TOKEN": "token"}).image_storage_url == "s3://my-images/gateway"


def test_the_systemd_unit_starts_a_command_that_there_is() -> None:
    unit = configparser.ConfigParser(interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]  # systemd's keys have capitals
    unit.read_string(block_of("operations.md", "[Unit]"))
    path, command = unit["Service"]["ExecStart"].split()
    assert Path(path).name == PROGRAM.name
    assert command in program.commands


def test_a_log_line_looks_as_shown() -> None:
    assert re.fullmatch(LINE, block_of("operations.md", "20"))


def test_the_worker_s_keys_are_written_to_a_file(tmp_path: Path) -> None:
    command = block_of("workers.md", "echo")
    subprocess.run(
        ["bash", "-ec", command], env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}, check=True, timeout=LONGEST
    )
    (keys,) = dotenv_values(tmp_path / "image-keys.env").items()
    assert keys[0] == "API_KEYS"
    assert re.fullmatch("[0-9a-f]{48}", keys[1] or "")


def test_the_worker_s_named_keys_are_written_to_a_file(tmp_path: Path) -> None:
    _shell(block_of("workers.md", "export API_KEYS_FILE"), tmp_path)
    (key,) = parse_named_keys((tmp_path / "image-keys.toml").read_text("utf-8")).values()
    assert (key.images_per_day, key.usd_per_day) == (100, 2.5)


def test_the_worker_s_route_is_json() -> None:
    assert json.loads("{" + block_of("workers.md", '"routes"') + "}")["routes"][0]["custom_domain"] is True
