"""The OpenAI SDK's own tests of its image and model resources, from its source distribution, against the gateway.

Strict response validation is theirs (``client[strict]``). They run twice:

- patched: the bytes ``Example data`` are a real PNG, and the models are the catalogue's. All of them pass.
- raw, to the letter. Those that send ``Example data`` as an image, and those that ask for a model of OpenAI's which is
  no image model, are refused as they should be, which is what this test asserts of them by name; all others pass.
  Tests that the patch leaves as they are need not run twice, and run in the first of the two only.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections import Counter
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET

from tests.fetching import fetched
from tests.rest import pictures
from tests.waiting import LONGEST

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pytest

SDIST: Final = Path(__file__).parent / "openai-sdist.txt"
SUITES: Final = ("test_images", "test_models")

MODELS: Final = {
    "gpt-image-1.5": "@cf/black-forest-labs/flux-2-klein-4b",
    "gpt-image-2.5-flare": "@cf/black-forest-labs/flux-1-schnell",
    "gpt-6-astra": "@cf/black-forest-labs/flux-1-schnell",
    "ft:gpt-4o-mini:acemeco:suffix:abc123": "@cf/black-forest-labs/flux-1-schnell",
}
"""The models that the tests name, and the catalogue's in their place."""

NO_IMAGE: Final = "the bytes 'Example data' are no image"
NO_MODEL: Final = "no such model here"

REFUSED: Final[Mapping[str, Mapping[str, str]]] = {
    "test_images": {
        f"test_{way}_{call}": NO_IMAGE
        for call in (
            "create_variation",
            "create_variation_with_all_params",
            "edit_overload_1",
            "edit_with_all_params_overload_1",
            "edit_overload_2",
            "edit_with_all_params_overload_2",
        )
        for way in ("method", "raw_response", "streaming_response")
        if way == "method" or "all_params" not in call
    },
    "test_models": {
        f"test_{way}_{call}": NO_MODEL
        for call in ("retrieve", "delete")
        for way in ("method", "raw_response", "streaming_response")
    },
}
"""The raw tests that must not pass, and why; every other one must."""

EVIDENCE: Final = {
    NO_IMAGE: "openai.BadRequestError: Error code: 400 - image must be a PNG, JPEG, WebP or GIF image",
    NO_MODEL: "openai.NotFoundError: Error code: 404 - model ",
}
"""What the refused tests' failures have to say: the SDK's exception for 400 and for 404, and the gateway's message."""


def test_patched(server: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    suite = _suite(tmp_path)
    # A PNG with a transparent half, so that it is of use as the mask, too.
    (suite / "tests" / "picture.py").write_text(f"PNG = {pictures.mask(256, 256)!r}\n")
    for file in _files(suite):
        text = _patched(file.read_text("utf-8"))
        file.write_text(text.replace("\nimport pytest\n", "\nimport pytest\nfrom tests.picture import PNG\n"), "utf-8")
    outcomes = _run(suite, server)
    _say(capfd, "patched", outcomes, [])
    assert {test: why for test, why in outcomes.items() if why} == {}
    assert len(outcomes) == 155


def test_raw(server: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    suite = _suite(tmp_path)
    outcomes = _run(suite, server, [name for file in _files(suite) for name in _untouched(file.read_text("utf-8"))])
    reasons = {test: REFUSED[test[0]].get(test[2].partition("[")[0]) for test in outcomes}
    refused = {test: reason for test, reason in reasons.items() if reason is not None}
    names = Counter((f"{test[0]}.{test[2].partition('[')[0]}", reason) for test, reason in refused.items())
    _say(capfd, "raw", outcomes, [f"{name} ({count} times): {reason}" for (name, reason), count in names.items()])
    assert {test: why for test, why in outcomes.items() if why and test not in refused} == {}
    assert [test for test, reason in refused.items() if EVIDENCE[reason] not in outcomes[test]] == []
    assert (len(outcomes) - len(refused), len(refused)) == (10, 90)


def _patched(text: str) -> str:
    for theirs, ours in MODELS.items():
        text = text.replace(f'"{theirs}"', f'"{ours}"')
    return text.replace('b"Example data"', "PNG")


def _untouched(text: str) -> set[str]:
    """Names of the tests that the patch leaves as they are, in every class that has one of the name."""
    tests = re.findall(r"    (?:async )?def (test_\w+)\((.*?)(?=^    @|^class |\Z)", text, re.MULTILINE | re.DOTALL)
    touched = {name for name, body in tests if _patched(body) != body}
    return {name for name, _ in tests} - touched


Test = tuple[str, str, str]
"""Suite, class, name with its parameters."""


def _suite(folder: Path) -> Path:
    """A copy of the SDK's tests, with the settings that they run under."""
    assert version("openai") in SDIST.read_text("utf-8"), "the SDK and its tests must be of one version"
    (source,) = fetched("openai-tests", SDIST.read_bytes(), _fetch).glob("openai-*/")
    suite = folder / "suite"
    shutil.copytree(source, suite)
    return suite


def _files(suite: Path) -> list[Path]:
    return [suite / "tests" / "api_resources" / f"{name}.py" for name in SUITES]


def _fetch(folder: Path) -> None:
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--no-binary", "openai", "--no-build-isolation"]
    command = [sys.executable, "-m", "pip", "download", *options, "--require-hashes", "--requirement", str(SDIST)]
    subprocess.run(command, cwd=folder, check=True)
    (archive,) = folder.glob("openai-*.tar.gz")
    wanted = re.compile(r"[^/]+/(?:pyproject\.toml|tests/(?:[^/]+|respx2/.+|api_resources/(?:__init__|test_\w+)\.py))")
    with tarfile.open(archive) as packed:
        packed.extractall(folder, [one for one in packed if wanted.fullmatch(one.name) and one.isfile()], filter="data")
    archive.unlink()


def _run(suite: Path, server: str, without: Sequence[str] = ()) -> dict[Test, str]:
    """What each test came to, but for the ones of the names given: empty, or how it failed."""
    report = suite / "report.xml"
    options = ["-k", " and ".join(f"not {name}[" for name in without)] if without else []
    options += ["-o", "addopts=", "-n", "0", "-q", "--tb=short", "-p", "no:cacheprovider", f"--junitxml={report}"]
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "OPENAI"))}
    environ |= {"TEST_API_BASE_URL": f"{server}/v1", "OPENAI_TEST_HTTP_CLIENT": "httpx2"}
    command = [sys.executable, "-m", "pytest", *map(str, _files(suite)), *options]
    done = subprocess.run(command, cwd=suite, env=environ, capture_output=True, text=True, check=False, timeout=LONGEST)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    outcomes = {}
    for case in ET.parse(report).iter("testcase"):
        _, _, place = case.attrib["classname"].rpartition("api_resources.")
        group, _, kind = place.partition(".")
        outcomes[group, kind, case.attrib["name"]] = "".join(
            f"{child.tag}: {child.attrib.get('message', '')}" for child in case if child.tag in _NOT_PASSED
        )
    return outcomes


_NOT_PASSED: Final = ("failure", "error", "skipped")


def _say(capfd: pytest.CaptureFixture[str], which: str, outcomes: dict[Test, str], refused: list[str]) -> None:
    failed = sum(map(bool, outcomes.values()))
    lines = [f"OpenAI SDK resource tests, {which}: {len(outcomes) - failed} passed, {failed} not."]
    lines += [f"  refused: {line}" for line in refused]
    with capfd.disabled():
        sys.stderr.write("\n" + "\n".join(lines) + "\n")
