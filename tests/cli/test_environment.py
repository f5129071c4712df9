"""Settings from the environment and from a .env file, and which of them came from where."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from cloudflare_image_mcp.cli.environment import load_environment, load_settings
from cloudflare_image_mcp.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    before = dict(os.environ)
    yield tmp_path
    os.environ.clear()
    os.environ.update(before)


def test_the_file_adds_and_the_environment_wins(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (directory / ".env").write_text(
        "# mine\nDEFAULT_MODEL=flux-2-dev\nexport EDIT_FALLBACK='off'\nAPI_KEYS=\"a,b\"\nPUBLIC_BASE_URL=https://x.test\n"
    )
    monkeypatch.setenv("DEFAULT_MODEL", "lucid-origin")
    monkeypatch.setenv("PUBLIC_BASE_URL", "")
    environment = load_environment()
    names = ("DEFAULT_MODEL", "EDIT_FALLBACK", "API_KEYS", "PUBLIC_BASE_URL", "IMAGE_BACKEND")
    assert [(environment.values.get(name), environment.source(name)) for name in names] == [
        ("lucid-origin", "environment"),
        ("off", ".env"),
        ("a,b", ".env"),
        ("", "default"),
        (None, "default"),
    ]


def test_libraries_see_the_file_too(directory: Path) -> None:
    (directory / ".env").write_text("AWS_ACCESS_KEY_ID=of-the-file\n")
    load_environment()
    assert os.environ["AWS_ACCESS_KEY_ID"] == "of-the-file"


def test_no_file_is_no_error() -> None:
    assert load_environment().file is None


def test_a_directory_of_that_name_is_no_error(directory: Path) -> None:
    (directory / ".env").mkdir()
    assert load_environment().file is None


@pytest.mark.parametrize("start", ["", "\ufeff"], ids=["plain", "marked"])
def test_lines_that_cannot_be_read_are_counted_and_the_others_are_read(directory: Path, start: str) -> None:
    (directory / ".env").write_text(f"{start}DEFAULT_MODEL=flux-2-dev\r\nno setting\r\nEDIT_FALLBACK=off\r\n", "utf-8")
    environment = load_environment()
    assert environment.unread == (2,)
    assert [environment.values.get(name) for name in ("DEFAULT_MODEL", "EDIT_FALLBACK")] == ["flux-2-dev", "off"]


def test_a_misspelt_setting_is_named_and_other_programs_names_are_not(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (directory / ".env").write_text("CLOUDFLARE_API_TOKN=hush\nimage_backend=local\nHTTPS_PROXY=http://p\nPORT=1\n")
    load_settings()
    assert capsys.readouterr().err.splitlines() == [
        "Warning: .env: CLOUDFLARE_API_TOKN is not a setting and is not used; did you mean CLOUDFLARE_API_TOKEN?",
        "Warning: .env: image_backend is not a setting and is not used; did you mean IMAGE_BACKEND?",
    ]


def test_a_file_that_may_not_be_read_is_named(directory: Path) -> None:
    (directory / ".env").write_text("DEFAULT_MODEL=flux-2-dev\n")
    (directory / ".env").chmod(0o000)
    if os.access(directory / ".env", os.R_OK):
        pytest.skip("root may read every file")
    with pytest.raises(SettingError, match=r"\.env cannot be read: Permission denied"):
        load_environment()


def test_a_file_that_is_no_text_is_named(directory: Path) -> None:
    (directory / ".env").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingError, match=r"\.env cannot be read: it is not UTF-8 text"):
        load_environment()
