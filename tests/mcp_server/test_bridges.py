"""Bridges in front of MCP: a client on stdio reaches the server over HTTP, and the other way round."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
from mcp import Client, StdioServerParameters
from mcp_types import Implementation

from tests.live import wait_until_up
from tests.mcp_server import node
from tests.mcp_server.conftest import KEY, Command
from tests.mcp_server.inside import text
from tests.ports import free_port
from tests.waiting import LONGEST

if TYPE_CHECKING:
    from mcp_types import CallToolResult

NAME = Implementation(name="tests", version="1")
ASK = {"prompt": "a red house on a green hill", "size": "512x512", "seed": 7}


def bridge(script: str, *arguments: str) -> StdioServerParameters:
    """A bridge from npm as a server on stdio."""
    environ = {"PATH": f"{Path(node.node()).parent}:{os.environ['PATH']}", "HOME": str(node.installed())}
    return StdioServerParameters(command=node.node(), args=[str(node.module(script)), *arguments], env=environ)


async def picture(target: Any) -> CallToolResult:
    """A picture that a client of the handshake's revisions asks for, as through a host."""
    with anyio.fail_after(120):
        async with Client(target, mode="legacy", client_info=NAME) as client:
            assert "run_model" in {tool.name for tool in (await client.list_tools()).tools}
            made = await client.call_tool("run_model", ASK)
    assert not made.is_error, text(made)
    assert [block.type for block in made.content][:2] == ["text", "image"]
    return made


async def test_mcp_remote(server: str) -> None:
    made = await picture(
        bridge(
            "mcp-remote/dist/proxy.js",
            f"{server}/mcp",
            "--transport",
            "http-only",
            "--allow-http",
            "--header",
            f"Authorization:Bearer {KEY}",
        )
    )
    assert (made.structured_content or {})["images"][0]["url"].startswith(server)


async def test_supergateway_from_stdio_to_http(server: str) -> None:
    made = await picture(
        bridge(
            "supergateway/dist/index.js",
            "--streamableHttp",
            f"{server}/mcp",
            "--oauth2Bearer",
            KEY,
            "--logLevel",
            "none",
        )
    )
    assert (made.structured_content or {})["images"][0]["url"].startswith(server)


def test_supergateway_from_http_to_stdio(command: Command, tmp_path: Path) -> None:
    port = free_port()
    script = node.module("supergateway/dist/index.js")
    arguments = ["--stdio", shlex.join(command.arguments), "--outputTransport", "streamableHttp", "--stateful"]
    log = tmp_path / "log.txt"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [node.node(), str(script), *arguments, "--port", str(port), "--healthEndpoint", "/health"],
            env={**command.environ, "PATH": f"{Path(node.node()).parent}:{os.environ['PATH']}"},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            wait_until_up(port, process, log)
            made = anyio.run(picture, f"http://127.0.0.1:{port}/mcp")
        finally:
            process.terminate()
            process.wait(LONGEST)
    assert Path((made.structured_content or {})["images"][0]["path"]).is_file()
