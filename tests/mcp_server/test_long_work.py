"""Work that takes longer than a client waits: the image is made once and stored."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from mcp import Client, StdioServerParameters

from tests.mcp_server import node
from tests.mcp_server.backends import held, hold_file
from tests.mcp_server.conftest import ROOT, clean_environ, serving
from tests.mcp_server.inside import answer, read_bytes, text
from tests.mcp_server.test_stdio import INITIALIZE
from tests.waiting import LONGEST, wait_for

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

HELD_SERVER = ("-m", "tests.mcp_server.held_server")
TIMEOUT = 2.0
"""Seconds after which a client gives up."""


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("slow") / "ledger.txt"


@pytest.fixture(scope="module")
def slow(ledger: Path) -> Iterator[str]:
    """A server whose images are ready at once, where they are not ``held``."""
    environ = {"IMAGE_STORAGE_URL": (ledger.parent / "images").as_uri()}
    with serving("tests.mcp_server.held_server", ledger.with_name("log.txt"), environ, str(ledger)) as url:
        yield url


def entries(ledger: Path, prompt: str) -> list[str]:
    lines = ledger.read_text().splitlines() if ledger.exists() else []
    return [line.removesuffix(f" {prompt}") for line in lines if line.endswith(f" {prompt}")]


def wait_until_begun(ledger: Path, prompt: str) -> None:
    wait_for(lambda: entries(ledger, prompt) == ["begun"], f"the model was not called for {prompt}")


async def test_clients_that_time_out_find_their_image(slow: str, ledger: Path, tmp_path: Path) -> None:
    """Over HTTP in both eras, with the TypeScript SDK, and over stdio, all at once."""
    prompts = {"modern": "2026-07-28", "legacy": "legacy"}
    with held(ledger):
        await asyncio.gather(
            *(gives_up_over_http(slow, mode, prompt) for prompt, mode in prompts.items()),
            asyncio.to_thread(gives_up_in_typescript, slow),
            stdio_gives_up_and_looks_again(tmp_path / "ledger.txt"),
        )
        for prompt in (*prompts, "typescript"):
            await asyncio.to_thread(wait_until_begun, ledger, prompt)
    async with Client(f"{slow}/mcp") as client:
        await found(client, {*prompts, "typescript"})
    for prompt in (*prompts, "typescript"):
        assert entries(ledger, prompt) == ["begun", "done"], prompt


async def gives_up_over_http(origin: str, mode: Any, prompt: str) -> None:
    async with Client(f"{origin}/mcp", mode=mode) as client:
        await gives_up(client, prompt)


async def gives_up(client: Client, prompt: str) -> None:
    with pytest.raises(Exception, match=r"(?i)timed? ?out"):
        await client.call_tool("run_model", {"prompt": prompt, "size": "256x256"}, read_timeout_seconds=TIMEOUT)


def gives_up_in_typescript(origin: str) -> None:
    options = {"url": f"{origin}/mcp", "prompt": "typescript", "timeout": TIMEOUT * 1000}
    seen = json.loads(node.run("impatient.mjs", json.dumps(options)).stdout)
    assert seen["answered"] is False
    assert seen["code"] == -32001


async def stdio_gives_up_and_looks_again(ledger: Path) -> None:
    parameters = StdioServerParameters(
        command=sys.executable,
        args=[*HELD_SERVER, str(ledger)],
        env=clean_environ(
            {
                "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}",
                "IMAGE_STORAGE_URL": ledger.with_name("images").as_uri(),
            }
        ),
    )
    async with Client(parameters) as client:
        with held(ledger):
            await gives_up(client, "stdio")
            await asyncio.to_thread(wait_until_begun, ledger, "stdio")
        await found(client, {"stdio"})
    assert entries(ledger, "stdio") == ["begun", "done"]


@contextmanager
def working_on_stdio(ledger: Path, images: Path, prompt: str) -> Iterator[subprocess.Popen[bytes]]:
    """A server on stdio that was asked for an image, and has begun it."""
    calls = (
        INITIALIZE,
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {
            "jsonrpc": "2.0",
            "id": 2,
            "method": "tools/call",
            "params": {"name": "run_model", "arguments": {"prompt": prompt, "size": "256x256"}},
        },
    )
    with subprocess.Popen(
        [sys.executable, *HELD_SERVER, str(ledger)],
        env=clean_environ({"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}", "IMAGE_STORAGE_URL": images.as_uri()}),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    ) as process:
        assert process.stdin is not None
        process.stdin.write("".join(json.dumps(call) + "\n" for call in calls).encode())
        process.stdin.flush()
        wait_until_begun(ledger, prompt)
        yield process


def ends_once_released(process: subprocess.Popen[bytes], ledger: Path) -> int:
    """Checks that the process goes on while its image is held back, and returns its exit status."""
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.5)
    hold_file(ledger).unlink()
    return process.wait(LONGEST)


def image_files(images: Path) -> list[str]:
    """The suffixes of the files that are no records."""
    return [path.suffix for path in images.iterdir() if path.suffix not in {".json", ".sqlite3"}]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_server_on_stdio_once_its_images_are_made(tmp_path: Path, number: signal.Signals) -> None:
    ledger, images = tmp_path / "ledger.txt", tmp_path / "images"
    with held(ledger), working_on_stdio(ledger, images, "signalled") as process:
        process.send_signal(number)
        assert ends_once_released(process, ledger) == 128 + number
    assert entries(ledger, "signalled") == ["begun", "done"]
    assert image_files(images) == [".png"]


def test_a_host_that_closes_does_not_lose_the_image(tmp_path: Path) -> None:
    """Stdin ends once the work has begun; the process goes on until the image is stored."""
    ledger, images = tmp_path / "ledger.txt", tmp_path / "images"
    with held(ledger), working_on_stdio(ledger, images, "left behind") as process:
        assert process.stdin is not None
        process.stdin.close()
        assert ends_once_released(process, ledger) == 0
    assert entries(ledger, "left behind") == ["begun", "done"]
    assert image_files(images) == [".png"]


async def found(client: Client, prompts: set[str]) -> None:
    """Waits until an image of each prompt is listed, and reads it."""
    for _ in range(LONGEST * 4):
        images = (await answer(client, "list_images"))["images"]
        if prompts <= {image["prompt"] for image in images}:
            break
        await asyncio.sleep(0.25)
    for image in images:
        assert len(read_bytes(await client.read_resource(image["uri"]))) == image["bytes"]
    assert prompts <= {image["prompt"] for image in images}


async def test_progress_then_a_job_id_then_the_image(slow: str, ledger: Path) -> None:
    reports: list[tuple[float, str | None]] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        reports.append((progress, message))

    async with Client(f"{slow}/mcp") as client:
        ask = {"prompt": "patient", "size": "256x256", "wait_seconds": 8, "seed": 4}
        with held(ledger):
            begun = await client.call_tool("run_model", ask, progress_callback=note)
        unfinished = begun.structured_content
        assert unfinished["status"] == "running"
        assert unfinished["images"] == []
        assert f'get_job(job_id="{unfinished["job_id"]}"' in text(begun)
        finished = await answer(client, "get_job", job_id=unfinished["job_id"], wait_seconds=LONGEST)
        again = await answer(client, "get_job", job_id=unfinished["job_id"])
    assert len(reports) >= 2
    assert [value for value, _ in reports] == sorted({value for value, _ in reports})
    assert all("making the image" in (message or "") for _, message in reports)
    assert finished["status"] == "completed"
    assert finished["images"][0]["seed"] == 4
    assert again["images"] == finished["images"]
    assert entries(ledger, "patient") == ["begun", "done"]


async def test_a_job_is_cancelled(slow: str, ledger: Path) -> None:
    async with Client(f"{slow}/mcp") as client:
        with held(ledger):
            begun = await answer(client, "run_model", prompt="unwanted", size="256x256", wait_seconds=0)
            await asyncio.to_thread(wait_until_begun, ledger, "unwanted")
            stopped = await answer(client, "cancel_job", job_id=begun["job_id"])
        again = await answer(client, "cancel_job", job_id=begun["job_id"])
    assert stopped["status"] == again["status"] == "cancelled"
    assert entries(ledger, "unwanted") == ["begun", "cancelled"]


async def test_an_unknown_job(slow: str) -> None:
    async with Client(f"{slow}/mcp") as client:
        for tool in ("get_job", "cancel_job"):
            result = await client.call_tool(tool, {"job_id": "no such job"})
            assert result.is_error
            assert 'there is no job "no such job"' in text(result)


@pytest.fixture
async def modern(slow: str) -> AsyncIterator[Callable[..., Any]]:
    """Speaks the 2026-07-28 wire by hand, as a client that declares the tasks extension."""
    async with httpx2.AsyncClient(base_url=slow, timeout=LONGEST) as http:

        async def request(method: str, params: dict[str, Any], *, declared: bool = True) -> dict[str, Any]:
            extensions: dict[str, Any] = {"io.modelcontextprotocol/tasks": {}} if declared else {}
            meta = {
                "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientCapabilities": {"extensions": extensions},
            }
            name = params.get("name") or params.get("taskId")
            response = await http.post(
                "/mcp",
                json={"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": meta}},
                headers={
                    "Accept": "application/json, text/event-stream",
                    "MCP-Protocol-Version": "2026-07-28",
                    "Mcp-Method": method,
                    **({"Mcp-Name": name} if name else {}),
                },
            )
            body: dict[str, Any] = response.json()
            return body

        yield request


async def test_a_task_for_a_client_that_declares_the_extension(modern: Callable[..., Any], ledger: Path) -> None:
    discovered = (await modern("server/discover", {}))["result"]
    assert "io.modelcontextprotocol/tasks" in discovered["capabilities"]["extensions"]
    asked = {"auto": "as a task", "link": "as a task without pixels"}
    tasks = {}
    with held(ledger):
        for output, prompt in asked.items():
            call = {"name": "run_model", "arguments": {"prompt": prompt, "size": "256x256", "output": output}}
            tasks[output] = (await modern("tools/call", call))["result"]
            assert tasks[output]["resultType"] == "task"
            assert tasks[output]["status"] == "working"
            assert "result" not in tasks[output]
    blocks = {"auto": ["text", "image", "resource_link"], "link": ["text", "resource_link"]}
    for output, task in tasks.items():
        for _ in range(LONGEST):
            state = (await modern("tasks/get", {"taskId": task["taskId"]}))["result"]
            assert state["resultType"] == "complete"
            if state["status"] != "working":
                break
            await asyncio.sleep(state["pollIntervalMs"] / 1000)
        assert state["status"] == "completed"
        assert [block["type"] for block in state["result"]["content"]] == blocks[output]
        assert state["result"]["structuredContent"]["status"] == "completed"
        assert entries(ledger, asked[output]) == ["begun", "done"]


async def test_a_task_is_cancelled(modern: Callable[..., Any], ledger: Path) -> None:
    call = {"name": "run_model", "arguments": {"prompt": "an unwanted task", "size": "256x256"}}
    with held(ledger):
        task = (await modern("tools/call", call))["result"]
        await asyncio.to_thread(wait_until_begun, ledger, "an unwanted task")
        assert (await modern("tasks/update", {"taskId": task["taskId"], "inputResponses": {}}))["result"]["resultType"]
        assert (await modern("tasks/cancel", {"taskId": task["taskId"]}))["result"]["resultType"] == "complete"
    assert (await modern("tasks/get", {"taskId": task["taskId"]}))["result"]["status"] == "cancelled"
    assert entries(ledger, "an unwanted task") == ["begun", "cancelled"]


async def test_tasks_are_for_clients_that_declare_them(modern: Callable[..., Any]) -> None:
    for method in ("tasks/get", "tasks/update", "tasks/cancel"):
        refused = await modern(method, {"taskId": "some task"}, declared=False)
        assert refused["error"]["code"] == -32021
    assert (await modern("tasks/get", {"taskId": "some task"}))["error"]["code"] == -32602
    assert (await modern("tasks/list", {}))["error"]["code"] == -32601
    for argument, words in (("steps", "steps must be an integer"), ("output", "output must be one of")):
        bad = {"name": "run_model", "arguments": {"prompt": "x", argument: "many"}}
        wrong = (await modern("tools/call", bad))["result"]
        assert wrong["isError"]
        assert words in wrong["content"][0]["text"]
