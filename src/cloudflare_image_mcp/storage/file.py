"""Images as files in one directory: ``{key}`` the image, ``{key}.json`` its record. Records of answers for the cache
are in the folder ``cache`` of it.

An image exists when the file under its key exists. That file appears by a rename, after its bytes and its
record have reached the disk. A crash, even of the machine, therefore leaves whole images and, at worst, parts
that no call returns; ``sweep`` removes them. The three flushes (record, image, directory) take milliseconds.

Only regular files count: links, folders and devices under an image's name are not opened.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import secrets
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar

from cloudflare_image_mcp.errors import GatewayError
from cloudflare_image_mcp.storage.record import (
    CHUNK,
    DIGEST,
    MAX_RECORD_BYTES,
    Record,
    check_key,
    is_key,
    missing,
    span,
)

if TYPE_CHECKING:
    import builtins
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
    from concurrent.futures import Future
    from pathlib import Path
    from typing import Any, BinaryIO

    from cloudflare_image_mcp.core.ports import StoredImage
    from cloudflare_image_mcp.imagefile.image import Image
    from cloudflare_image_mcp.storage.record import Expiry

_log = logging.getLogger(__name__)
_P = ParamSpec("_P")
_T = TypeVar("_T")

_PART: Final = re.compile(r"\.(?P<key>.+)\.[0-9a-f]{8}\.part")
_RECORD: Final = ".json"
_ANSWER: Final = re.compile(rf"{DIGEST}\.json|\.{DIGEST}\.[0-9a-f]{{8}}\.part")

ORPHAN_AGE: Final = timedelta(hours=1)
"""What a crash left is removed when it is older than this: until then it may be a write under way."""
_THREADS: Final = 8
"""A pool of its own, so that a slow disk does not hold up work on pixels."""
_WRITES: Final = 4
"""Images that are written at a time: each is in memory as raw bytes until it is."""


class FileStore:
    """An ``ImageStore`` in a directory. Several processes may share it."""

    def __init__(self, directory: Path, expiry: Expiry) -> None:
        """Makes the directory, readable by its owner alone, unless it exists. Raises ``OSError`` when it
        cannot be written to.
        """
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = directory / f".probe.{secrets.token_hex(4)}.part"
        probe.write_bytes(b"")
        probe.unlink()
        self._directory = directory
        self._answers = directory / "cache"
        self._expiry = expiry
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="image-files")
        self._writes = asyncio.Semaphore(_WRITES)

    async def put(self, key: str, image: Image, details: Mapping[str, str]) -> StoredImage:
        check_key(key, image)
        async with self._writes:
            data = await image.payload.read()
            record = Record(self._expiry.clock.now(), dict(details))
            await self._run(self._write, key, data, record)
        return record.stored(key, len(data))

    async def find(self, key: str) -> StoredImage | None:
        return await self._run(self._find, key)

    async def read(self, key: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        files = contextlib.ExitStack()
        work: Future[Any] = self._threads.submit(self._open, key, files)
        try:
            opened: tuple[BinaryIO, int] | None = await _result(work)
            if opened is None:
                raise missing(key)
            file, size = opened
            position, end = span(size, start, stop)
            while position < end:
                work = self._threads.submit(self._read, file, position, min(CHUNK, end - position))
                chunk: bytes = await _result(work)
                if not chunk:
                    raise GatewayError("storage_error", f"The image {key!r} ends before its stated size.")
                position += len(chunk)
                yield chunk
        finally:
            # Once the thread is done, which may open or read the file after this call was cancelled.
            work.add_done_callback(lambda _: files.close())

    async def put_answer(self, digest: str, text: str) -> None:
        await self._run(self._write_answer, digest, text)

    async def find_answer(self, digest: str) -> str | None:
        return await self._run(self._read_answer, digest)

    async def list(self, limit: int = 100) -> list[StoredImage]:
        return await self._run(self._newest, limit)

    async def delete(self, key: str) -> bool:
        return await self._run(self._delete, key)

    async def sweep(self) -> int:
        return await self._run(self._sweep)

    async def aclose(self) -> None:
        await asyncio.to_thread(self._threads.shutdown)

    async def _run(self, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Runs ``work`` in a thread; ``OSError`` becomes a ``storage_error``."""
        return await _result(self._threads.submit(work, *args, **kwargs))

    # What follows runs in a thread.

    def _write(self, key: str, data: bytes, record: Record) -> None:
        beside = self._directory / f"{key}{_RECORD}"
        part = self._directory / f".{key}.{secrets.token_hex(4)}.part"
        # "x" makes the record the claim to the key: a second image under it is refused, never mixed with the
        # first.
        file = beside.open("xb")
        try:
            _flush(file, record.to_json().encode())
            _flush(part.open("xb"), data)
            # The listing sorts by it, without reading the records of all.
            os.utime(part, (record.created.timestamp(),) * 2)
            part.replace(self._directory / key)
        except BaseException:
            part.unlink(missing_ok=True)
            beside.unlink(missing_ok=True)
            raise
        _flush_directory(self._directory)

    def _write_answer(self, digest: str, text: str) -> None:
        self._answers.mkdir(mode=0o700, exist_ok=True)
        part = self._answers / f".{digest}.{secrets.token_hex(4)}.part"
        try:
            # Without a flush to the disk: one that a power failure cuts short is not used.
            part.write_text(text, "ascii")
            os.utime(part, (self._expiry.clock.now().timestamp(),) * 2)  # by which it expires
            part.replace(self._answers / f"{digest}{_RECORD}")
        except BaseException:
            part.unlink(missing_ok=True)
            raise

    def _read_answer(self, digest: str) -> str | None:
        try:
            with _open_regular(self._answers / f"{digest}{_RECORD}") as file:
                return file.read(MAX_RECORD_BYTES).decode("ascii", "replace")
        except FileNotFoundError:
            return None
        except ValueError as error:
            _log.warning("image store: a cached answer cannot be read: %s", error)
            return None

    def _find(self, key: str) -> StoredImage | None:
        if not is_key(key):
            return None
        stored = self._stored(key)
        return stored if stored and not self._expiry.has_passed(stored.created) else None

    def _stored(self, key: str) -> StoredImage | None:
        """Expired or not. None, with a line in the log, where the image or its record is broken."""
        try:
            with _open_regular(self._directory / key) as file:
                size = os.fstat(file.fileno()).st_size
            with _open_regular(self._directory / f"{key}{_RECORD}") as file:
                text = file.read(MAX_RECORD_BYTES + 1)
            if len(text) > MAX_RECORD_BYTES:
                raise ValueError("its record is too long")
            record = Record.from_json(text)
            self._expiry.check(record.created)
        except FileNotFoundError:
            return None
        except ValueError as error:
            _log.warning("image store: %s cannot be read: %s", key, error)
            return None
        return record.stored(key, size)

    def _open(self, key: str, files: contextlib.ExitStack) -> tuple[BinaryIO, int] | None:
        """The file, which ``files`` closes, and its length in bytes."""
        found = self._find(key)
        if found is None:
            return None
        try:
            return files.enter_context(_open_regular(self._directory / key)), found.size
        except (FileNotFoundError, ValueError):  # deleted or replaced in between
            return None

    @staticmethod
    def _read(file: BinaryIO, position: int, length: int) -> bytes:
        file.seek(position)
        return file.read(length)

    def _newest(self, limit: int) -> builtins.list[StoredImage]:
        times = {name: modified for name, modified in self._entries() if is_key(name)}
        found: list[StoredImage] = []
        for key in sorted(times, key=times.__getitem__, reverse=True):
            if len(found) >= limit:
                break
            with _logged_failure(key):
                if stored := self._find(key):
                    found.append(stored)
        return sorted(found, key=lambda stored: stored.created, reverse=True)

    def _delete(self, key: str) -> bool:
        found = self._find(key) is not None
        if is_key(key):
            self._remove(key)
        return found

    def _sweep(self) -> int:
        times = dict(self._entries())
        self._sweep_answers()
        abandoned = (self._expiry.clock.now() - ORPHAN_AGE).timestamp()
        swept = 0
        for name, modified in times.items():
            with _logged_failure(name):
                if is_key(name):
                    stored = self._stored(name)
                    if stored and self._expiry.has_passed(stored.created):
                        self._remove(name)
                        swept += 1
                    elif stored is None and modified < abandoned:
                        self._remove(name)
                elif modified < abandoned and _is_left_over(name, times):
                    (self._directory / name).unlink(missing_ok=True)
        return swept

    def _sweep_answers(self) -> None:
        """Removes what has expired, parts of interrupted writes too."""
        if not self._answers.is_dir():
            return
        with os.scandir(self._answers) as entries:
            for entry in entries:
                with _logged_failure(entry.name), contextlib.suppress(FileNotFoundError):
                    written = datetime.fromtimestamp(entry.stat(follow_symlinks=False).st_mtime, UTC)
                    if _ANSWER.fullmatch(entry.name) and self._expiry.has_passed(written):
                        (self._answers / entry.name).unlink()

    def _remove(self, key: str) -> None:
        # The image first: a record without its image is ignored.
        (self._directory / key).unlink(missing_ok=True)
        (self._directory / f"{key}{_RECORD}").unlink(missing_ok=True)

    def _entries(self) -> Iterable[tuple[str, float]]:
        """Name and time of change, in seconds, of every regular file."""
        with os.scandir(self._directory) as entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):  # deleted in between
                    if entry.is_file(follow_symlinks=False):
                        yield entry.name, entry.stat(follow_symlinks=False).st_mtime
                    elif is_key(entry.name):
                        _log.warning("image store: %s is not a regular file and was ignored", entry.name)


async def _result(work: Future[_T]) -> _T:
    """What a thread returns; its ``OSError`` becomes a ``storage_error``."""
    try:
        return await asyncio.wrap_future(work)
    except OSError as error:
        _log.error("image store: %s", error)  # the path is for the log, not for the caller
        raise GatewayError("storage_error", f"The image store failed: {error.strerror or 'disk error'}.") from error


@contextlib.contextmanager
def _logged_failure(name: str) -> Iterator[None]:
    """Logs an OS error of one image, so that the others are still listed or swept."""
    try:
        yield
    except OSError as error:
        _log.error("image store: %s: %s", name, error)


def _open_regular(path: Path) -> BinaryIO:
    """The file, opened to be read without a buffer. Raises ``FileNotFoundError``; ``ValueError`` where it is a
    link, a folder or a device.
    """
    # Looked at before it is opened: Windows has no O_NOFOLLOW. O_NONBLOCK: opening a pipe would wait for a writer.
    if not stat.S_ISREG(path.lstat().st_mode):
        raise ValueError(f"{path.name} is not a regular file")
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    file = os.fdopen(os.open(path, flags), "rb", buffering=0)
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return file
    file.close()
    raise ValueError(f"{path.name} is not a regular file")


def _is_left_over(name: str, names: Mapping[str, float]) -> bool:
    """Whether the file is left from an interrupted write, or is a record without its image."""
    if part := _PART.fullmatch(name):
        return is_key(part["key"])
    key = name.removesuffix(_RECORD)
    return name.endswith(_RECORD) and is_key(key) and key not in names


def _flush(file: BinaryIO, data: bytes) -> None:
    """Writes and syncs the file; otherwise a rename may reach the disk before the bytes."""
    with file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _flush_directory(directory: Path) -> None:
    """Syncs the directory, so that a rename survives a power failure. Windows has no such call, and needs none."""
    if os.name == "nt":
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
