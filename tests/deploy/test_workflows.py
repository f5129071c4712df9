"""The workflows call scripts that exist, and the notes of a release are those of its version."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from tests.workerd import ROOT

from cloudflare_image_mcp import __version__

if TYPE_CHECKING:
    from pathlib import Path

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
NOTES = ROOT / "deploy" / "release" / "notes.py"


def steps(workflow: Path) -> list[dict[str, Any]]:
    jobs = yaml.safe_load(workflow.read_text("utf-8"))["jobs"]
    return [step for job in jobs.values() for step in job["steps"]]


def run_notes(version: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, NOTES, version], capture_output=True, text=True, check=False)


def test_there_are_two() -> None:
    assert [workflow.stem for workflow in WORKFLOWS] == ["ci", "release"]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_every_script_exists_and_can_be_run(workflow: Path) -> None:
    commands = [step["run"] for step in steps(workflow) if "run" in step]
    named = {path for command in commands for path in re.findall(r"(?:scripts|deploy|\.ci)/[\w./-]+", command)}
    assert named
    for path in named:
        assert (ROOT / path).is_file(), path
        assert path.endswith(".py") or (ROOT / path).stat().st_mode & 0o100, path


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_every_action_has_a_version_and_rights_are_named(workflow: Path) -> None:
    assert all(re.search(r"@(v\d+|release/v\d+)$", step["uses"]) for step in steps(workflow) if "uses" in step)
    assert yaml.safe_load(workflow.read_text("utf-8"))["permissions"] == {"contents": "read"}


def test_the_bundle_is_packed_with_the_version_that_the_tests_use() -> None:
    package = json.loads((ROOT / "tests" / "mcp_server" / "npm" / "package.json").read_text("utf-8"))
    locked = {**package.get("dependencies", {}), **package.get("devDependencies", {})}["@anthropic-ai/mcpb"]
    assert any(f"@anthropic-ai/mcpb@{locked} " in step.get("run", "") for step in steps(WORKFLOWS[1]))


def test_the_notes_are_those_of_the_version() -> None:
    ran = run_notes(__version__)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("- ")
    assert "## " not in ran.stdout
    assert run_notes("0.0.0").returncode == 1


def test_the_manifest_names_the_container_of_this_version() -> None:
    manifest = (ROOT / "deploy" / "kubernetes" / "gateway.yaml").read_text("utf-8")
    assert f"cloudflare-image-mcp:{__version__}\n" in manifest
