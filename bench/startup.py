"""CPU seconds of the starts that should be felt as none: the best of several runs, and what they import most dearly.

python bench/startup.py
"""

from __future__ import annotations

import re
import resource
import subprocess
import sys
from pathlib import Path
from typing import Final

LIMIT: Final = 0.3
"""CPU seconds, user and system."""
RUNS: Final = 7
PROGRAM: Final = str(Path(sys.executable).with_name("cloudflare-image-mcp"))
STARTS: Final = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "import cloudflare_image_mcp": [sys.executable, "-c", "import cloudflare_image_mcp"],
    "cloudflare-image-mcp --version": [PROGRAM, "--version"],
    "cloudflare-image-mcp --help": [PROGRAM, "--help"],
    "cloudflare-image-mcp generate --help": [PROGRAM, "generate", "--help"],
    "cloudflare-image-mcp models": [PROGRAM, "models"],
}


def cpu_seconds(command: list[str]) -> float:
    """Of one run, children's children included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def dearest_imports(count: int) -> list[tuple[float, str]]:
    """Milliseconds and name of the modules that the command line's start spends most on, their own imports not
    counted.
    """
    command = [sys.executable, "-X", "importtime", "-c", "import cloudflare_image_mcp.cli"]
    report = subprocess.run(command, check=True, capture_output=True, text=True).stderr
    rows = re.findall(r"import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)", report)
    return sorted(((int(own) / 1000, name) for own, name in rows), reverse=True)[:count]


def main() -> int:
    slow = []
    for name, command in STARTS.items():
        best = min(cpu_seconds(command) for _ in range(RUNS))
        print(f"{best:6.3f} s CPU  {name}")
        if best > LIMIT:
            slow.append(name)
    for milliseconds, module in dearest_imports(6):
        print(f"{milliseconds:6.1f} ms      import {module}")
    print(f"over {LIMIT} s: {', '.join(slow) or 'none'}")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
