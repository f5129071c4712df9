"""The commands of docs/workers.md that try the Worker without an account, as they stand there but for the ports."""

from __future__ import annotations

import json
import shlex
import subprocess
from contextlib import ExitStack
from typing import TYPE_CHECKING

from tests.cli.commands import PROGRAM, wait_until_open
from tests.decoding import downloaded, size
from tests.docs.test_blocks import block_of
from tests.ports import free_port
from tests.waiting import LONGEST
from tests.workerd import ROOT, built

if TYPE_CHECKING:
    from pathlib import Path


def test_the_worker_is_tried_without_an_account(tmp_path: Path) -> None:
    built()
    emulator, worker = free_port(), free_port()
    environ = {"PATH": f"{PROGRAM.parent}:/usr/local/bin:/usr/bin:/bin", "HOME": str(tmp_path)}

    def command(start: str) -> str:
        return block_of("workers.md", start).replace(":8788/", f":{emulator}/").replace(":8787/", f":{worker}/")

    emulate = [*shlex.split(command("cloudflare-image-mcp emulate")), "--port", str(emulator)]
    dev = [*shlex.split(command("scripts/worker dev")), "--port", str(worker), "--state", str(tmp_path / "state")]
    with ExitStack() as stack:
        upstream = stack.enter_context(subprocess.Popen(emulate, cwd=ROOT, env=environ))
        stack.callback(upstream.kill)
        wait_until_open(emulator, upstream)
        # Without a terminal, as a shell starts it in the background.
        served = stack.enter_context(
            subprocess.Popen(dev, cwd=ROOT, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        )
        stack.callback(served.terminate)
        assert served.stdout is not None
        (address,) = json.loads(served.stdout.readline())["urls"]
        assert address == f"http://127.0.0.1:{worker}"
        made = subprocess.run(
            ["bash", "-ec", command("curl -s http://127.0.0.1:8787/")],
            env=environ,
            capture_output=True,
            timeout=LONGEST,
            check=True,
        )
        (image,) = json.loads(made.stdout)["data"]
        assert size(downloaded(image["url"])) == "1024x1024"
