"""What registries and installers read: the same names, versions and tools as the code, in files they accept."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from cloudflare_image_mcp import __version__
from cloudflare_image_mcp.settings import SETTINGS
from tests.mcp_server import node
from tests.mcp_server.conftest import ROOT
from tests.mcp_server.inside import talking
from tests.mcp_server.test_stdio import INITIALIZE
from tests.waiting import LONGEST

if TYPE_CHECKING:
    from pathlib import Path

    from tests.mcp_server.conftest import Command

HOSTS = ("Claude Desktop", "Claude Code", "Cursor", "VS Code", "Codex", "Gemini CLI", "LibreChat", "Open WebUI")
FRAMEWORKS = ("LangChain", "AutoGen", "Mastra")
PUBLISHED = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["release"]["published"]


def read(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((ROOT / name).read_text("utf-8"))
    return content


def test_the_registry_entry() -> None:
    entry = read("deploy/release/server.json")
    assert entry["version"] == __version__
    assert len(entry["description"]) <= 100  # the registry's limit
    assert f"<!-- mcp-name: {entry['name']} -->" in (ROOT / "README.md").read_text("utf-8")
    known = {setting.name: setting.secret for setting in SETTINGS}
    for package in entry["packages"]:
        assert package["identifier"] == "cloudflare-image-mcp"
        assert package["version"] == __version__
        for variable in package["environmentVariables"]:
            assert variable["isSecret"] == known[variable["name"]]
    assert [package["transport"]["type"] for package in entry["packages"]] == ["stdio", "streamable-http"]


async def test_the_bundle_names_what_the_server_has() -> None:
    manifest = read("deploy/mcpb/manifest.json")
    assert manifest["version"] == __version__
    assert set(manifest["server"]["mcp_config"]["env"]) <= {setting.name for setting in SETTINGS}
    async with talking() as client:
        assert [tool["name"] for tool in manifest["tools"]] == [tool.name for tool in (await client.list_tools()).tools]
        prompts = {
            prompt.name: [argument.name for argument in prompt.arguments or []]
            for prompt in (await client.list_prompts()).prompts
        }
    assert {prompt["name"]: prompt["arguments"] for prompt in manifest["prompts"]} == prompts


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``scripts/release`` builds from this checkout."""
    folder = tmp_path_factory.mktemp("released")
    subprocess.run([ROOT / "scripts" / "release", folder], check=True, timeout=LONGEST)
    return folder


def test_the_bundle_is_valid_and_packs(released: Path, tmp_path: Path) -> None:
    folder = released / "mcpb"
    for arguments in (("validate", str(folder)), ("pack", str(folder), str(tmp_path / "images.mcpb"))):
        done = node.run(node.module(".bin/mcpb"), *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
    with zipfile.ZipFile(tmp_path / "images.mcpb") as bundle:
        packed = bundle.namelist()
    assert {"manifest.json", "pyproject.toml", read("deploy/mcpb/manifest.json")["server"]["entry_point"]} <= set(
        packed
    )


def test_nothing_names_a_package_that_is_not_published(released: Path) -> None:
    """Until then the bundle brings the wheels of this checkout, and there is no entry for the registry."""
    project = tomllib.loads((released / "mcpb" / "pyproject.toml").read_text("utf-8"))
    assert (released / "server.json").exists() is PUBLISHED
    if PUBLISHED:
        assert project["project"]["dependencies"] == [f"cloudflare-image-mcp=={__version__}"]
        return
    sources = project["tool"]["uv"]["sources"]
    assert set(project["project"]["dependencies"]) == {"cloudflare-image-mcp", "cloudflare-image-illustrator"}
    assert set(sources) == set(project["project"]["dependencies"])
    assert all((released / "mcpb" / source["path"]).is_file() for source in sources.values())


def test_the_bundle_starts_from_the_wheels(released: Path, tmp_path: Path, command: Command) -> None:
    """A host installs what the bundle's project depends on, then runs the entry point with the arguments given."""
    folder = released / "mcpb"
    wheels = sorted(released.glob("*.whl"))
    assert len(wheels) == 2
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(tmp_path)]
    subprocess.run([*install, *map(str, wheels)], check=True, timeout=LONGEST)
    project = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["version"] == __version__
    server = read("deploy/mcpb/manifest.json")["server"]
    started = server["mcp_config"]
    assert [started["command"], *started["args"]] == ["uv", "run", "--directory", "${__dirname}", server["entry_point"]]
    done = subprocess.run(
        [sys.executable, server["entry_point"]],
        cwd=folder,
        env={**command.environ, "PYTHONPATH": str(tmp_path)},
        input=json.dumps(INITIALIZE).encode() + b"\n",
        capture_output=True,
        timeout=LONGEST,
        check=True,
    )
    assert json.loads(done.stdout)["result"]["serverInfo"]["name"] == "cloudflare-image-mcp"


@pytest.mark.parametrize("host", [*HOSTS, *FRAMEWORKS])
def test_every_host_has_its_configuration(host: str) -> None:
    page = (ROOT / "docs" / "mcp.md").read_text("utf-8")
    section = re.search(rf"^### {host}\n(.+?)(?=^##)", page, re.MULTILINE | re.DOTALL)
    assert section
    assert "images" in section[1]


def test_configurations_parse() -> None:
    import yaml

    page = (ROOT / "docs" / "mcp.md").read_text("utf-8")
    blocks = re.findall(r"^```(json|toml|yaml)\n(.+?)^```", page, re.MULTILINE | re.DOTALL)
    parsers: dict[str, Any] = {"json": json.loads, "toml": tomllib.loads, "yaml": yaml.safe_load}
    assert {kind for kind, _ in blocks} == set(parsers)
    for kind, text in blocks:
        assert parsers[kind](text)


async def test_the_page_names_every_argument() -> None:
    page = (ROOT / "docs" / "mcp.md").read_text("utf-8")
    async with talking() as client:
        for tool in (await client.list_tools()).tools:
            assert f"`{tool.name}" in page
            assert [name for name in tool.input_schema["properties"] if not re.search(rf"\b{name}\b", page)] == []
