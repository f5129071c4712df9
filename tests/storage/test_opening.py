from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cloudflare_image_mcp.errors import SettingError
from cloudflare_image_mcp.storage.opening import directory_of, open_store

from .conftest import HandClock

if TYPE_CHECKING:
    from cloudflare_image_mcp.core.ports import ImageStore

KEYS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "hush"}


def opened(url: str, environ: dict[str, str] | None = None) -> ImageStore:
    return open_store(url, expiry=timedelta(hours=1), clock=HandClock(), environ=environ or {})


def refusal(url: str, environ: dict[str, str] | None = None) -> str:
    with pytest.raises(SettingError) as caught:
        opened(url, environ)
    assert str(caught.value).startswith("IMAGE_STORAGE_URL: ")
    return str(caught.value)


@pytest.mark.parametrize(
    "url", ["", "images", "/var/images", "C:\\images", "gs://bucket", "https://x.example/b", "File", "s4:"]
)
def test_an_unknown_scheme_is_refused_naming_setting_value_and_what_is_allowed(url: str) -> None:
    assert refusal(url) == (
        f'IMAGE_STORAGE_URL: "{url}" names no known kind of store. '
        "Allowed are file:///directory, s3://bucket/prefix and memory:."
    )


@pytest.mark.parametrize(
    "url",
    [
        "s3://key:hush@bucket",
        "s3://key:hu/sh@bucket/p",
        "gs://key:hush@bucket",
        "key:hush@bucket",
        "memory:?token=hush",
        "s3://bucket/prefix?secret=hush",
        "file://me:hush@server/share",
    ],
)
def test_no_credential_is_repeated(url: str) -> None:
    message = refusal(url, KEYS)
    assert "hu" not in message.replace("such", "")
    assert "key:" not in message


@pytest.mark.parametrize(
    "url",
    [
        "file:",
        "file:///",
        "file://",
        "file:images",
        "file://images",
        "file://~/images",
        "file:///a?b",
        "file:///a#b",
        "file:///a%00b",
        "s3:",
        "s3://",
        "s3://B",
        "s3://ab",
        "s3://bucket/a//x",
        "s3://bucket/../x",
        "s3://bucket/a b",
        "s3://bucket/x#y",
        "memory:x",
        "memory://host/x",
    ],
)
def test_a_url_that_is_not_of_its_schemes_form_is_refused(url: str) -> None:
    message = refusal(url, KEYS)
    assert "cannot be used" in message
    assert "Allowed are" in message


@pytest.mark.parametrize(
    ("url", "windows", "path"),
    [
        ("file:///var/my%20images", False, "/var/my images"),
        ("file://localhost/var/images", False, "/var/images"),
        ("file:/var/images", False, "/var/images"),
        ("FILE:///var/100%25", False, "/var/100%"),
        ("file:///C:/my%20images", True, "C:/my images"),
        ("file:///c|/images", True, "c:/images"),
        ("file://server/share/images", True, "//server/share/images"),
    ],
)
def test_paths_of_file_urls(url: str, windows: bool, path: str) -> None:
    assert directory_of(url, windows=windows) == path


@pytest.mark.parametrize(("url", "windows"), [("file:///images", True), ("file://server/share", False)])
def test_file_urls_of_another_system(url: str, windows: bool) -> None:
    with pytest.raises(ValueError, match="file:///"):
        directory_of(url, windows=windows)


async def test_a_directory_is_made_with_its_parents_for_its_owner_alone(tmp_path: Path) -> None:
    store = opened((tmp_path / "a" / "b c").as_uri())
    assert (tmp_path / "a" / "b c").is_dir()
    if os.name != "nt":
        assert (tmp_path / "a" / "b c").stat().st_mode & 0o777 == 0o700
    assert list((tmp_path / "a" / "b c").iterdir()) == []
    await store.aclose()


def test_a_file_in_the_directorys_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "images").write_text("x")
    assert "directory to write to" in refusal((tmp_path / "images").as_uri())
    assert "directory to write to" in refusal((tmp_path / "images" / "below").as_uri())


@pytest.mark.skipif(not Path("/proc/version").exists(), reason="a directory that even root cannot write to is Linux's")
def test_a_directory_that_cannot_be_written_to_is_refused() -> None:
    message = refusal("file:///proc/images")
    assert message.startswith('IMAGE_STORAGE_URL: "file:///proc/images" cannot be used: ')


def test_memory_has_two_spellings() -> None:
    assert type(opened("memory:")) is type(opened("memory://"))


def test_opening_files_imports_no_cloud_client_and_no_pillow(tmp_path: Path) -> None:
    program = (
        "import sys; from cloudflare_image_mcp.storage.opening import open_store;"
        "from cloudflare_image_mcp.system import SystemClock;"
        "open_store(sys.argv[1], expiry=None, clock=SystemClock());"
        "print([m for m in ('obstore', 'PIL', 'httpx2', 'numpy') if m in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", program, tmp_path.as_uri()], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
