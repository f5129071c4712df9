"""The Worker in ``workerd`` itself, without miniflare: the runtime that saves and loads memory snapshots."""

from __future__ import annotations

import json
import os
import re
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.waiting import LONGEST

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FLAGS = ("python_workers", "python_workers_development", "python_dedicated_snapshot", "experimental")


def write_config(app: Path, upstream: str, target: Path) -> None:
    """A Cap'n Proto configuration of the built Worker in ``app``. ``upstream``: ``host:port`` of everything that it
    is bound to.
    """
    settings = json.loads(re.sub(r"^\s*//.*$", "", (app / "wrangler.jsonc").read_text("utf-8"), flags=re.MULTILINE))
    flags = ", ".join(f'"{flag}"' for flag in FLAGS)
    target.write_text(
        f"""using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .worker),
    (name = "upstream", external = (address = "{upstream}", http = ())),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
const worker :Workerd.Worker = (
  compatibilityDate = "{settings["compatibility_date"]}",
  compatibilityFlags = [{flags}],
  modules = [
    {_modules(app, app / settings["main"], target.parent)}
  ],
  bindings = [
    (name = "AI", wrapped = (moduleName = "cloudflare-internal:ai-api",
      innerBindings = [(name = "fetcher", service = "upstream")])),
    (name = "BUCKET", r2Bucket = "upstream"),
  ],
);
""",
        "utf-8",
    )


def _modules(app: Path, main: Path, home: Path) -> str:
    own = [path for path in (app / "src").rglob("*") if path.is_file() and path != main]
    vendored = [path for path in (app / "python_modules").rglob("*") if path.is_file()]
    rows = [_row("main.py", "pythonModule", main, home)]
    rows += [_row(str(path.relative_to(app / "src")), _kind(path), path, home) for path in own]
    rows += [_row(str(path.relative_to(app)), "data", path, home) for path in vendored if path.suffix != ".js"]
    return ",\n    ".join(rows)


def _kind(path: Path) -> str:
    return "pythonModule" if path.suffix == ".py" else "data"


def _row(name: str, kind: str, path: Path, home: Path) -> str:
    """``embed`` takes paths relative to the configuration's folder ``home``."""
    return f'(name = "{name}", {kind} = embed "{os.path.relpath(path, home)}")'


@contextmanager
def serving(workerd: Path, config: Path, log: Path, *arguments: str) -> Iterator[str]:
    """Serves a configuration; yields its origin once the Worker's modules are loaded."""
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [workerd, "serve", *arguments, config, "--experimental", "--control-fd=1"],
            stdout=subprocess.PIPE,
            stderr=errors,
        )
        try:
            assert process.stdout is not None
            for line in process.stdout:
                message = json.loads(line)
                if message["event"] == "listen":
                    yield f"http://127.0.0.1:{message['port']}"
                    return
            raise AssertionError(log.read_text("utf-8"))
        finally:
            process.terminate()
            process.wait(LONGEST)
            if process.stdout:
                process.stdout.close()
