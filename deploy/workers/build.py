"""Puts the Worker's files together: what its entry imports, what it vendors, its configuration.

    python deploy/workers/build.py TARGET

``TARGET`` becomes a project that ``wrangler`` and ``pywrangler`` deploy and that ``runtime.mjs`` runs. Only
modules that the entry reaches by import are taken, so that an adapter for CPython alone never travels.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from imports import PACKAGE, ROOT, SOURCE, reached

HERE: Final = Path(__file__).parent
REQUIREMENTS: Final = ROOT / "requirements" / "worker.txt"
ENTRY: Final = "cloudflare_image_mcp.worker.entry"

PYTHON: Final = ("--python-version", "3.14", "--implementation", "cp")
PLATFORMS: Final = ("--platform", "pyemscripten_2026_0_wasm32", "--platform", "any")
ABIS: Final = ("--abi", "cp314", "--abi", "abi3", "--abi", "none")

UNUSED: Final = (
    "bin",
    "**/tests",
    "**/*.pyi",
    "**/py.typed",
    "**/*.dist-info/licenses",
    "**/*.dist-info/RECORD",
)
"""Of the vendored packages: nothing in a Worker opens these."""
NOT_NEEDED: Final = frozenset(
    {
        "attrs",
        "cffi",
        "cryptography",
        "jsonschema",
        "jsonschema-specifications",
        "pycparser",
        "referencing",
        "rpds-py",
    }
)
"""Of what the MCP SDK depends on: its clients' parts, and compiled code that has no build for this Python on the
registry. ``worker/mcp.py`` stands in for the one import of it.
"""
NO_DATA: Final = frozenset({"__pycache__"})


def vendor(target: Path) -> None:
    """The locked dependencies for the Worker's Python, unless ``target`` holds them already."""
    stamp = target.with_name("vendored.txt")
    wanted = REQUIREMENTS.read_text("utf-8") + f"{UNUSED}{sorted(NOT_NEEDED)}"
    if target.is_dir() and stamp.is_file() and stamp.read_text("utf-8") == wanted:
        return
    shutil.rmtree(target, ignore_errors=True)
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile")
    locked = ("--require-hashes", "--no-deps", "--only-binary", ":all:", "--ignore-requires-python")
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as requirements:
        requirements.write(_needed(REQUIREMENTS.read_text("utf-8")))
        requirements.flush()
        chosen = (*PYTHON, *PLATFORMS, *ABIS, "--requirement", requirements.name, "--target", str(target))
        subprocess.run([*pip, *locked, *chosen], check=True)
    for pattern in UNUSED:
        for path in target.glob(pattern):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    stamp.write_text(wanted, "utf-8")


def _needed(requirements: str) -> str:
    """The lock without the rows of ``NOT_NEEDED``, each of which goes on over lines that are indented."""
    rows = re.split(r"\n(?=\S)", requirements.strip())
    return "\n".join(row for row in rows if row.split("==")[0] not in NOT_NEEDED) + "\n"


def sources(target: Path) -> None:
    """Our own modules and the data files beside them."""
    shutil.rmtree(target, ignore_errors=True)
    packages: set[Path] = set()
    for path in reached(ENTRY).values():
        _copy(path, target)
        if path.name == "__init__.py":
            packages.add(path.parent)
    for package in packages:
        for path in _data(package):
            _copy(path, target)
    shutil.copy(HERE / "main.py", target / "main.py")


def _data(package: Path) -> list[Path]:
    """Files that a package reads with importlib.resources: its own, and those of folders that are no packages."""
    found = []
    for path in package.iterdir():
        if path.is_dir() and path.name not in NO_DATA and not (path / "__init__.py").exists():
            found += [file for file in path.rglob("*") if file.is_file() and file.suffix != ".py"]
        elif path.is_file() and path.suffix not in {".py", ".pyc"} and path.name != "py.typed":
            found.append(path)
    return found


def _copy(path: Path, target: Path) -> None:
    copy = target / path.relative_to(SOURCE)
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, copy)


def configuration(target: Path) -> None:
    """Wrangler's file as it is, and the list that pywrangler vendors from, in place of ``python_modules``."""
    shutil.copyfile(HERE / "wrangler.jsonc", target / "wrangler.jsonc")
    wanted = re.findall(r"^[a-z][\w-]*", (REQUIREMENTS.with_suffix(".in")).read_text("utf-8"), re.MULTILINE)
    locked = dict(re.findall(r"^([a-z][\w-]*)==(\S+)", REQUIREMENTS.read_text("utf-8"), re.MULTILINE))
    pins = [f"{name}=={locked[name]}" for name in wanted]
    name = f"{PACKAGE.replace('_', '-')}-worker"
    (target / "pyproject.toml").write_text(
        f'[project]\nname = "{name}"\nversion = "0"\nrequires-python = ">=3.14"\ndependencies = {pins!r}\n',
        "utf-8",
    )


def build(target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    vendor(target / "python_modules")
    sources(target / "src")
    configuration(target)


if __name__ == "__main__":
    build(Path(sys.argv[1]))
