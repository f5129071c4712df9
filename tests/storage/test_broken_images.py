"""Broken records, links and folders in the image store: each costs its own image, and nothing else fails."""

from __future__ import annotations

import json
import logging
import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import pytest
import requests

from cloudflare_image_mcp.imagefile.image import Image
from cloudflare_image_mcp.storage.file import FileStore
from cloudflare_image_mcp.storage.record import Expiry, Record
from tests.rest.test_limits import started
from tests.waiting import LONGEST

from .conftest import HandClock, picture
from .test_stores import new_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

CREATED: Final = datetime.now(UTC).isoformat()
DEEP: Final = 100_000


def record(created: str = CREATED, **details: object) -> bytes:
    return json.dumps({"created": created, "details": details}).encode()


def _link_to(content: bytes) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        target = path.parent.parent / f"outside-{path.name}"
        target.write_bytes(content)
        path.unlink()
        path.symlink_to(target)

    return make


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _dangling(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.parent / "nothing")


def _holding(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


BROKEN_RECORDS: Final[dict[str, Callable[[Path], object]]] = {
    "nested lists": _holding(b'{"details":' + b"[" * DEEP + b"]" * DEEP + b"}"),
    "nested objects": _holding(b'{"a":' * DEEP + b"1" + b"}" * DEEP),
    "the year 9999": _holding(record("9999-12-31T23:59:59+00:00")),
    "the year 9999, west": _holding(record("9999-12-31T23:59:59-23:00")),
    "the year 1, east": _holding(record("0001-01-01T00:00:00+23:00")),
    "in three days": _holding(record((datetime.now(UTC) + timedelta(days=3)).isoformat())),
    "a seed of 5,000 digits": _holding(record(seed="9" * 5_000)),
    "a width that is no number": _holding(record(width="²", height="3")),
    "200 MB": lambda path: os.truncate(path, 200 * 1024 * 1024),
    "not UTF-8": _holding(b"\xff\xfe\x00"),
    "empty": _holding(b""),
    "a link": _link_to(record()),
    "a folder": _folder,
    "a pipe": _pipe,
}
BROKEN_IMAGES: Final[dict[str, Callable[[Path], object]]] = {
    "a link": _link_to(b"a secret"),
    "a link to nothing": _dangling,
    "a folder": _folder,
    "a pipe": _pipe,
}
BROKEN: Final = [
    *[pytest.param("record", make, id=f"record: {name}") for name, make in BROKEN_RECORDS.items()],
    *[pytest.param("image", make, id=f"image: {name}") for name, make in BROKEN_IMAGES.items()],
]


def put(directory: Path, key: str) -> Path:
    """A whole image with its record; the image's path."""
    directory.mkdir(exist_ok=True)
    (directory / key).write_bytes(picture("PNG"))
    (directory / f"{key}.json").write_bytes(record(prompt="a fox"))
    return directory / key


def broken(directory: Path, which: str, make: Callable[[Path], object]) -> str:
    key = new_key()
    path = put(directory, key)
    make(path if which == "image" else path.with_name(f"{key}.json"))
    return key


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path, Callable[[], str]]]:
    """``http://host:port``, its store's folder, and its log so far."""
    folder = tmp_path_factory.mktemp("broken")
    images = folder / "images"
    with started(folder, IMAGE_STORAGE_URL=images.as_uri()) as (port, _, log):
        yield f"http://127.0.0.1:{port}", images, lambda: log.read_text("utf-8")


@pytest.mark.parametrize(("which", "make"), BROKEN)
def test_a_broken_image_is_404_and_logged_and_the_others_are_listed(
    server: tuple[str, Path, Callable[[], str]], which: str, make: Callable[[Path], object]
) -> None:
    origin, images, log = server
    whole, key = new_key(), broken(images, which, make)
    put(images, whole)
    assert requests.get(f"{origin}/images/{key}", timeout=LONGEST).status_code == 404
    assert requests.get(f"{origin}/images/{whole}", timeout=LONGEST).content == (images / whole).read_bytes()
    listed = requests.get(f"{origin}/v1/images", params={"limit": 100}, timeout=LONGEST)
    assert listed.status_code == 200, listed.text[:300]
    ids = {item["id"] for item in listed.json()["data"]}
    assert whole.split(".")[0] in ids
    assert key.split(".")[0] not in ids
    assert key in log()
    assert "Traceback" not in log()


@pytest.mark.parametrize(("which", "make"), BROKEN)
async def test_the_sweep_goes_on_past_a_broken_image(
    tmp_path: Path, which: str, make: Callable[[Path], object], caplog: pytest.LogCaptureFixture
) -> None:
    images = tmp_path / "images"
    clock = HandClock()
    store = FileStore(images, Expiry(timedelta(hours=24), clock))
    before, key, after = new_key(), broken(images, which, make), new_key()
    for name in (before, after):
        put(images, name)
    clock.advance(hours=25)
    with caplog.at_level(logging.WARNING):
        assert await store.sweep() == 2
    await store.aclose()
    assert key in caplog.text
    assert not (images / before).exists()
    assert not (images / after).exists()
    assert not list(images.glob(f"{before}*"))


async def test_a_detail_that_no_answer_could_hold_is_repaired() -> None:
    read = Record.from_json(b'{"created":"2026-01-02T03:04:05Z","details":{"prompt":"\\ud800x"}}')
    assert read.details == {"prompt": "?x"}


async def test_a_record_of_the_largest_prompts_is_read_back(tmp_path: Path) -> None:
    store, key = FileStore(tmp_path, Expiry(None, HandClock())), new_key()
    details = {"prompt": "🦊" * 32_000, "negative_prompt": "狐" * 32_000}
    await store.put(key, await Image.of_bytes(picture("PNG")), details)
    found = await store.find(key)
    await store.aclose()
    assert found is not None
    assert found.details == details
