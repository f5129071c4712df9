"""The Docker files, as far as a machine without Docker can judge them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from tests.workerd import ROOT

from cloudflare_image_mcp.settings import SETTINGS

if TYPE_CHECKING:
    from collections.abc import Mapping

DOCKER = ROOT / "deploy" / "docker"
DOCKERFILE = (DOCKER / "Dockerfile").read_text("utf-8")
AWS = re.compile(r"AWS_\w+")


@pytest.fixture
def services() -> Mapping[str, Any]:
    composed: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text("utf-8"))
    services: dict[str, Any] = composed["services"]
    return services


def test_hadolint_finds_nothing() -> None:
    hadolint = Path(sysconfig.get_path("scripts")) / "hadolint"
    run = subprocess.run([hadolint, DOCKER / "Dockerfile"], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


def test_it_runs_as_an_ordinary_user_with_a_health_check() -> None:
    last = DOCKERFILE.rsplit("FROM ", 1)[1]
    assert "USER 10001" in last
    assert "HEALTHCHECK" in last
    assert "EXPOSE 3000" in last


def test_every_folder_that_it_writes_to_is_a_volume_of_its_user() -> None:
    """Its root may be read-only, and its user has no home."""
    environment = dict(re.findall(r"(\w+)=file://(\S+)", DOCKERFILE))
    assert set(environment) == {"IMAGE_STORAGE_URL", "NEURON_LEDGER_URL"}
    assert set(environment) <= {setting.name for setting in SETTINGS}
    made = re.search(r"install --directory --owner gateway (.+)", DOCKERFILE)
    volumes = re.search(r"VOLUME (.+)", DOCKERFILE)
    assert made is not None
    assert volumes is not None
    assert set(made[1].split()) == set(json.loads(volumes[1])) == set(environment.values())


def test_what_the_build_copies_is_there_and_not_ignored() -> None:
    for line in (DOCKER / "Dockerfile.dockerignore").read_text("utf-8").splitlines():
        if line.startswith("!") and line != "!NOTICE":
            assert (ROOT / line[1:]).exists(), line
    assert os.access(DOCKER / "install", os.X_OK)


def test_every_variable_of_the_gateway_is_one_that_it_reads(services: Mapping[str, Any]) -> None:
    known = {setting.name for setting in SETTINGS}
    for name in services["gateway"]["environment"]:
        assert name in known or AWS.fullmatch(name), name


def test_the_gateway_can_write_nowhere_but_to_its_store(services: Mapping[str, Any]) -> None:
    gateway = services["gateway"]
    assert gateway["read_only"] is True
    assert gateway["cap_drop"] == ["ALL"]
    assert set(gateway["depends_on"]) <= set(services)
    assert [volume.split(":")[1] for volume in gateway["volumes"]] == ["/var/lib/neurons"]
