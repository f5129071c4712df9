"""The Inspector's command line: schemas that every host can read, and the app bound to its tools."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.mcp_server import node
from tests.mcp_server.conftest import KEY

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from tests.mcp_server.conftest import Command

BEARER = f"Authorization: Bearer {KEY}"


def inspect(*arguments: str) -> subprocess.CompletedProcess[str]:
    # Its own patience with a server that starts is 15 seconds.
    return node.run(node.module(".bin/mcp-inspector"), "--cli", *arguments, "--connect-timeout", "300000")


@pytest.mark.parametrize("era", ["legacy", "modern"])
@pytest.mark.parametrize("path", ["/mcp", "/mcp/simple?model=@cf/black-forest-labs/flux-2-klein-4b"])
def test_schemas_are_portable(era: str, path: str, server: str) -> None:
    arguments = ("--transport", "http", "--header", BEARER, "--protocol-era", era, "--method", "tools/list", "--strict")
    done = inspect(server + path, *arguments)
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr + done.stdout


def test_schemas_are_portable_over_stdio(command: Command) -> None:
    environ = [part for pair in command.environ.items() for part in ("-e", "=".join(pair))]
    done = inspect(*command.arguments, *environ, "--method", "tools/list", "--strict")
    assert done.returncode == 0, done.stderr


def test_the_gallery_is_bound_to_the_tools_that_make_images(server: str) -> None:
    arguments = ("--transport", "http", "--header", BEARER, "--method", "tools/list", "--app-info", "--advertise-apps")
    rows = [json.loads(line) for line in inspect(f"{server}/mcp", *arguments).stdout.splitlines() if line]
    apps = {row["toolName"]: row for row in rows}
    assert {name for name, row in apps.items() if row["hasApp"]} == {"run_model", "get_job"}
    assert apps["run_model"]["resourceMimeType"] == "text/html;profile=mcp-app"
    assert apps["run_model"]["csp"] == {"connectDomains": [], "resourceDomains": []}


def test_generate_edit_and_read_back(server: str, tmp_path: Path) -> None:
    made = run(server, "run_model", "prompt=a lighthouse", "size=512x512", "seed=3")
    image = made["structuredContent"]["images"][0]
    varied = run(server, "run_model", "operation=vary", f'images=["{image["id"]}"]')
    assert varied["structuredContent"]["images"][0]["sha256"] != image["sha256"]
    picture = tmp_path / "read.png"
    arguments = (
        "--method",
        "resources/read",
        "--uri",
        image["uri"],
        "--output",
        str(picture),
        "--output-format",
        "raw",
    )
    done = inspect(f"{server}/mcp", "--transport", "http", "--header", BEARER, *arguments)
    assert done.returncode == 0, done.stderr
    assert len(picture.read_bytes()) == image["bytes"]


def test_without_a_key_it_says_so(server: str) -> None:
    done = inspect(f"{server}/mcp", "--transport", "http", "--method", "tools/list")
    assert done.returncode != 0
    assert "auth" in (done.stdout + done.stderr).lower()


def run(server: str, tool: str, *arguments: str) -> dict[str, Any]:
    pairs = [part for argument in arguments for part in ("--tool-arg", argument)]
    call = ("--method", "tools/call", "--tool-name", tool, *pairs)
    done = inspect(f"{server}/mcp", "--transport", "http", "--header", BEARER, *call)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    assert not result.get("isError"), result
    return result
