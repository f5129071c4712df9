"""CPU time and seconds until ``cloudflare-image-mcp mcp`` answers ``initialize``, and until a first image.

python bench/mcp_start.py
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

CPU_LIMIT: Final = 0.8
"""Seconds of CPU to the answer to ``initialize``."""
RUNS: Final = 5
_INFO: Final = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}}
_CALL: Final = {"name": "run_model", "arguments": {"prompt": "a red fox in the snow", "size": "512x512", "seed": 1}}


def once(folder: Path) -> tuple[float, float, float]:
    """Seconds to the first answer, seconds of CPU to it, and seconds from there to the first image."""
    begun = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "cloudflare_image_mcp", "mcp"],
        env={**os.environ, "IMAGE_STORAGE_URL": folder.as_uri(), "IMAGE_BACKEND": "local"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    with process:
        _send(process, {"id": 1, "method": "initialize", "params": _INFO})
        _receive(process)
        there, cpu = time.monotonic(), _cpu_seconds(process.pid)
        _send(process, {"method": "notifications/initialized"})
        _send(process, {"id": 2, "method": "tools/call", "params": _CALL})
        _receive(process)
        made = time.monotonic()
        if process.stdin:
            process.stdin.close()
    return there - begun, cpu, made - there


def _cpu_seconds(pid: int) -> float:
    """CPU time of a running process, from Linux's ``/proc``."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _send(process: subprocess.Popen[bytes], message: dict[str, object]) -> None:
    if process.stdin:
        process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
        process.stdin.flush()


def _receive(process: subprocess.Popen[bytes]) -> None:
    """The next answer; notifications are passed over."""
    while process.stdout and "id" not in json.loads(process.stdout.readline()):
        pass


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        runs = [once(Path(folder)) for _ in range(RUNS)]
    starts, cpus, images = zip(*runs, strict=True)
    print(f"{min(starts):6.2f} s to initialize (worst of {RUNS}: {max(starts):.2f} s)")
    print(f"{min(cpus):6.2f} s of CPU to initialize (worst: {max(cpus):.2f} s)")
    print(f"{min(images):6.2f} s from there to a first image (worst: {max(images):.2f} s)")
    return 1 if min(cpus) > CPU_LIMIT else 0


if __name__ == "__main__":
    sys.exit(main())
