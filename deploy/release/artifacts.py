"""Builds what is handed out: the wheels, the desktop bundle and the MCP registry's entry.

    python deploy/release/artifacts.py TARGET

``TARGET`` gets the two wheels, the folder ``mcpb`` for ``mcpb pack`` and ``server.json``. As long as ``[tool.release]``
in pyproject.toml says that the package is not published, the bundle holds the wheels, and there is no ``server.json``:
every entry of the registry names a published package.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parents[1]
BUNDLE: Final = ROOT / "deploy" / "mcpb"
BUNDLE_FILES: Final = ("manifest.json", "server.py")
DISTRIBUTIONS: Final = (ROOT, ROOT / "packages" / "illustrator")
PROJECT: Final = """\
# What the bundle's host installs: it makes the environment, and starts server.py in it.
[project]
name = "cloudflare-image-mcp-bundle"
version = "{version}"
requires-python = ">=3.11"
dependencies = [{dependencies}]
"""


def is_published() -> bool:
    """Whether the package is on PyPI, as pyproject.toml says."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    return bool(project["tool"]["release"]["published"])


def build(target: Path, *, published: bool) -> None:
    """Writes everything into ``target``. Raises ``CalledProcessError`` when a wheel cannot be built."""
    target.mkdir(parents=True, exist_ok=True)
    wheels = [_wheel(distribution, target) for distribution in DISTRIBUTIONS]
    _write_bundle(target / "mcpb", wheels, published=published)
    entry = target / "server.json"
    entry.unlink(missing_ok=True)
    if published:
        shutil.copy(HERE / "server.json", entry)


def _wheel(distribution: Path, target: Path) -> Path:
    """Builds one wheel with the locked build tools of this environment."""
    name = tomllib.loads((distribution / "pyproject.toml").read_text("utf-8"))["project"]["name"].replace("-", "_")
    for old in target.glob(f"{name}-*.whl"):
        old.unlink()
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--no-build-isolation", "--wheel-dir", str(target), str(distribution)]
    subprocess.run(command, check=True)
    (wheel,) = target.glob(f"{name}-*.whl")
    return wheel


def _write_bundle(folder: Path, wheels: list[Path], *, published: bool) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name in BUNDLE_FILES:
        shutil.copy(BUNDLE / name, folder)
    version = json.loads((BUNDLE / "manifest.json").read_text("utf-8"))["version"]
    if published:
        project = PROJECT.format(version=version, dependencies=f'"cloudflare-image-mcp=={version}"')
    else:
        names = [wheel.name.split("-")[0].replace("_", "-") for wheel in wheels]
        project = PROJECT.format(version=version, dependencies=", ".join(f'"{name}"' for name in names))
        project += "\n[tool.uv.sources]\n"
        (folder / "wheels").mkdir()
        for name, wheel in zip(names, wheels, strict=True):
            shutil.copy(wheel, folder / "wheels")
            project += f'{name} = {{ path = "wheels/{wheel.name}" }}\n'
    (folder / "pyproject.toml").write_text(project, "utf-8")


if __name__ == "__main__":
    build(Path(sys.argv[1]), published=is_published())
