from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from datetime import timedelta
from io import BytesIO, FileIO
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image as Picture

from cloudflare_image_mcp.errors import GatewayError
from cloudflare_image_mcp.imagefile.image import Image
from cloudflare_image_mcp.storage import file as file_store
from cloudflare_image_mcp.storage.file import FileStore
from cloudflare_image_mcp.storage.record import Expiry, is_key
from tests.waiting import LONGEST

from .conftest import HandClock, picture
from .test_stores import content, new_key

if TYPE_CHECKING:
    from collections.abc import Iterator

WRITER = Path(__file__).with_name("endless_writer.py")


@pytest.fixture
def store(tmp_path: Path, clock: HandClock) -> FileStore:
    return FileStore(tmp_path, Expiry(timedelta(hours=24), clock))


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


async def test_an_image_is_a_plain_file_with_its_record_beside_it(
    store: FileStore, tmp_path: Path, image: Image, png: bytes
) -> None:
    key = new_key()
    await store.put(key, image, {"prompt": "a fox"})
    assert names(tmp_path) == {key, f"{key}.json"}
    assert (tmp_path / key).read_bytes() == png
    assert '"prompt":"a fox"' in (tmp_path / f"{key}.json").read_text()


async def test_a_key_in_use_is_refused_and_the_first_image_stays(
    store: FileStore, tmp_path: Path, image: Image
) -> None:
    key = new_key()
    first = await store.put(key, image, {"n": "1"})
    with pytest.raises(GatewayError) as caught:
        await store.put(key, image, {"n": "2"})
    assert caught.value.kind == "storage_error"
    assert str(tmp_path) not in caught.value.message
    assert await store.list() == [first]
    assert names(tmp_path) == {key, f"{key}.json"}


async def test_an_image_whose_record_is_lost_is_not_shown(store: FileStore, tmp_path: Path, image: Image) -> None:
    lost, broken = new_key(), new_key()
    for key in (lost, broken):
        await store.put(key, image, {})
    (tmp_path / f"{lost}.json").unlink()
    (tmp_path / f"{broken}.json").write_bytes(b"")
    assert await store.list() == []
    assert await store.find(lost) is None
    assert await store.find(broken) is None


async def test_the_sweep_removes_old_orphans_but_no_young_ones_and_no_other_files(
    store: FileStore, tmp_path: Path, image: Image, clock: HandClock
) -> None:
    live, lost, bare = new_key(), new_key(), new_key()
    for key in (live, lost):
        await store.put(key, image, {})
    (tmp_path / f"{lost}.json").unlink()
    (tmp_path / f"{bare}.json").write_text("{}")
    (tmp_path / f".{bare}.0123abcd.part").write_bytes(b"half")
    foreign = {"holiday.png", "notes.json", ".hidden.part", ".holiday.png.0123abcd.part", "A" * 22 + ".svg"}
    for name in foreign:
        (tmp_path / name).write_bytes(b"x")
    orphans = {lost, f"{bare}.json", f".{bare}.0123abcd.part"}
    await store.sweep()
    assert names(tmp_path) == {live, f"{live}.json"} | orphans | foreign
    clock.advance(minutes=61)
    assert await store.sweep() == 0
    assert names(tmp_path) == {live, f"{live}.json"} | foreign


async def test_a_failed_write_leaves_nothing(store: FileStore, tmp_path: Path, image: Image) -> None:
    key = new_key()
    (tmp_path / key).mkdir()  # so that the last step, the rename, fails
    with pytest.raises(GatewayError) as caught:
        await store.put(key, image, {})
    assert caught.value.kind == "storage_error"
    assert str(tmp_path) not in caught.value.message
    assert names(tmp_path) == {key}


async def test_an_image_deleted_while_it_is_read_is_read_to_its_end(store: FileStore) -> None:
    data, key = picture("PNG", side=600), new_key()
    await store.put(key, await Image.of_bytes(data), {})
    chunks = store.read(key)
    first = await anext(chunks)
    await store.delete(key)
    assert first + b"".join([chunk async for chunk in chunks]) == data


@pytest.mark.parametrize("call", ["opened", "read"])
async def test_a_file_is_closed_when_its_reader_is_cancelled_while_a_thread_has_it(
    store: FileStore, monkeypatch: pytest.MonkeyPatch, image: Image, call: str
) -> None:
    key = new_key()
    await store.put(key, image, {})
    under_way, cancelled, files = threading.Event(), threading.Event(), []

    class File(FileIO):
        """A file whose first use in a thread ends after the reader was cancelled."""

        def read(self, size: int | None = -1, /) -> bytes:
            if call == "read":
                wait()
            assert not self.closed, "closed while a thread reads it"
            return super().read(size)

    def wait() -> None:
        under_way.set()
        assert cancelled.wait(LONGEST)

    def opened(path: Path) -> FileIO:
        file = File(path, "rb")
        if path.name == key:
            files.append(file)
            if call == "opened" and len(files) > 1:  # the first is opened for its size
                wait()
        return file

    monkeypatch.setattr(file_store, "_open_regular", opened)
    reader = asyncio.ensure_future(content(store, key))
    assert await asyncio.to_thread(under_way.wait, LONGEST)
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    cancelled.set()
    await store.aclose()  # waits for the threads
    assert [file.closed for file in files] == [True, True]


async def test_two_processes_share_a_directory(store: FileStore, tmp_path: Path, image: Image, png: bytes) -> None:
    other, key = FileStore(tmp_path, Expiry(timedelta(hours=24), HandClock())), new_key()
    await store.put(key, image, {})
    assert await content(other, key) == png
    assert await other.delete(key) is True
    assert await store.find(key) is None
    await other.aclose()


@contextmanager
def endless_writer(images: Path, sources: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that stores images, 200 at a time and without end, until it is killed."""
    with subprocess.Popen([sys.executable, str(WRITER), str(images), str(sources)]) as process:
        try:
            yield process
        finally:
            process.kill()


async def listed(directory: Path, hours: float = 0) -> tuple[FileStore, list[str]]:
    clock = HandClock()
    clock.advance(hours=hours)
    store = FileStore(directory, Expiry(None, clock))
    return store, [stored.key for stored in await store.list(1_000_000)]


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Real images of some 100 kB to 1 MB."""
    directory = tmp_path_factory.mktemp("sources")
    for seed, (format_, side) in enumerate([("PNG", 256), ("PNG", 600), ("JPEG", 700), ("JPEG", 1000), ("WEBP", 500)]):
        (directory / f"{seed}").write_bytes(picture(format_, side, seed))
    return directory


def hashes(sources: Path) -> set[bytes]:
    return {hashlib.sha256(path.read_bytes()).digest() for path in sources.iterdir()}


def written(directory: Path) -> int:
    return sum(is_key(path.name) for path in directory.iterdir())


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows ends processes in its own way")
async def test_killed_among_200_writes_every_listed_image_decodes_and_the_rest_is_swept(
    tmp_path: Path, sources: Path
) -> None:
    known = hashes(sources)
    orphans = 0
    for round_, moment in enumerate([1, 20, 75, 199, 330]):
        directory = tmp_path / str(round_)
        directory.mkdir()
        with endless_writer(directory, sources) as process:
            deadline = time.monotonic() + LONGEST
            while written(directory) < moment:
                assert process.poll() is None, "the writer ended by itself"
                assert time.monotonic() < deadline, "the writer does not get on"
                await asyncio.sleep(0.001)
            process.send_signal(signal.SIGKILL)
            assert process.wait() == -signal.SIGKILL
        store, keys = await listed(directory, hours=2)
        assert len(keys) >= moment
        for key in keys:
            data = await content(store, key)
            assert hashlib.sha256(data).digest() in known
            with Picture.open(BytesIO(data)) as decoded:
                decoded.load()
        whole = {name for key in keys for name in (key, f"{key}.json")}
        orphans += len(names(directory) - whole)
        await store.sweep()
        assert names(directory) == whole
        await store.aclose()
    assert orphans > 0, "no write was cut off: nothing was tested"


async def test_a_reader_beside_a_writer_sees_whole_images_alone(tmp_path: Path, sources: Path) -> None:
    known = hashes(sources)
    seen: set[str] = set()
    with endless_writer(tmp_path, sources) as process:
        while len(seen) < 150:
            assert process.poll() is None, "the writer ended by itself"
            store, keys = await listed(tmp_path)
            for key in set(keys) - seen:
                assert hashlib.sha256(await content(store, key)).digest() in known
                seen.add(key)
            await store.aclose()


async def test_a_record_of_an_answer_is_a_whole_file_readable_by_its_owner(tmp_path: Path, clock: HandClock) -> None:
    store = FileStore(tmp_path, Expiry(timedelta(hours=1), clock))
    await store.put_answer("0a" * 32, "{}")
    folder = tmp_path / "cache"
    assert [path.name for path in folder.iterdir()] == [f"{'0a' * 32}.json"]
    assert folder.stat().st_mode & 0o777 == 0o700
    left_over, foreign = folder / f".{'0b' * 32}.0123abcd.part", folder / "notes.txt"
    for path in (left_over, foreign):
        path.write_text("")
        os.utime(path, (0, 0))
    clock.advance(hours=2)
    await store.sweep()
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]
    await store.aclose()
