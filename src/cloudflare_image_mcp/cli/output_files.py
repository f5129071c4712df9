"""Writes image files to ``--output``: atomically, under names that are not taken."""

from __future__ import annotations

import errno
import mimetypes
import os
import re
import secrets
import stat
import sys
import unicodedata
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from cloudflare_image_mcp.errors import GatewayError, invalid

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cloudflare_image_mcp.imagefile.header import ImageFormat

_LONGEST_SLUG: Final = 50
"""Characters; four bytes each in the worst script still fit a file name's 255."""

FORMAT_OF_SUFFIX: Final[Mapping[str, str]] = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".webp": "webp"}
"""File name extension -> output format."""


@dataclass(frozen=True, slots=True)
class Destination:
    """Where the images of one request go: standard output, one file named by the caller, or a directory."""

    directory: Path
    file: Path | None = None
    stdout: bool = False

    @classmethod
    def parse(cls, output: str | None, *, n: int) -> Self:
        """Reads ``--output``: None (the working directory), ``-``, a directory (there, or with a slash at the
        end), or a file. Raises ``GatewayError``.
        """
        if output is None:
            return cls(Path())
        if output == "-":
            if n > 1:
                raise invalid("output", f"output - takes one image; {n} were asked for")
            if sys.stdout.isatty():
                raise invalid(
                    "output", "output - would write an image to the terminal; redirect it to a file or a pipe"
                )
            return cls(Path(), stdout=True)
        path = Path(output).expanduser()
        with explained(path):
            if path.is_dir() or output.endswith(("/", os.sep)):
                return cls(path)
        return cls(path.parent, path)

    @property
    def format(self) -> str | None:
        """The output format that the file's name asks for."""
        return None if self.file is None else FORMAT_OF_SUFFIX.get(self.file.suffix.lower())

    def misnamed(self, image_format: ImageFormat) -> str | None:
        """A warning if the file's extension is that of another format."""
        kind = None if self.file is None else mimetypes.guess_type(self.file.name, strict=False)[0]
        if self.file is None or kind is None or not kind.startswith("image/") or kind == image_format.media_type:
            return None
        return f"{self.file.name} is a {image_format.value} image, although its name has another extension"

    def prepare(self) -> None:
        """Creates the directory and checks that it is writable, before images are paid for. Raises ``GatewayError``."""
        if self.stdout or self._special:
            return
        directory = self.directory if self.file is None else self.file.resolve().parent
        with explained(directory):
            _make(directory)
            probe = _beside(directory / "probe")
            probe.write_bytes(b"")
            probe.unlink()

    def write(self, files: list[ImageFile]) -> list[Path]:
        """Writes the images and returns their paths; none for standard output. Raises ``GatewayError``."""
        if self.stdout:
            with explained("standard output"):
                sys.stdout.buffer.write(files[0].data)
                sys.stdout.buffer.flush()
            return []
        if self.file is not None and self._special:
            with explained(self.file):
                self.file.write_bytes(b"".join(file.data for file in files))
            return [self.file]
        if self.file is not None and len(files) == 1:
            with explained(self.file):
                replace_file(self.file, files[0].data)
            return [self.file]
        return [self._add(file, index) for index, file in enumerate(files, 1)]

    @property
    def _special(self) -> bool:
        """Whether the path is a device or a pipe, which is written to and not replaced."""
        return self.file is not None and self.file.exists() and not self.file.is_file()

    def _add(self, file: ImageFile, index: int) -> Path:
        if self.file is None:
            names = chain([file.name], (f"{file.name}-{number}" for number in count(2)))
            suffix = f".{file.extension}"
        else:
            names = chain(f"{self.file.stem}-{number}" for number in count(index))
            suffix = self.file.suffix
        with explained(self.directory):
            return _create((self.directory / f"{name}{suffix}" for name in names), file.data)


@dataclass(frozen=True, slots=True)
class ImageFile:
    """The bytes of an image, and the name of its file when the caller gives none."""

    data: bytes
    name: str
    """Without directory and extension."""
    extension: str


def slug(text: str) -> str:
    """``A red fox, in the snow!`` -> ``a-red-fox-in-the-snow``: letters and digits of any script."""
    words = re.findall(r"[^\W_]+", unicodedata.normalize("NFKC", text).lower())
    kept = ""
    for word in words:
        longer = f"{kept}-{word}" if kept else word[:_LONGEST_SLUG]
        if len(longer) > _LONGEST_SLUG:
            break
        kept = longer
    return kept or "image"


def _beside(path: Path) -> Path:
    return path.parent / f".{secrets.token_hex(8)}.part"


def replace_file(path: Path, data: bytes, mode: int = 0o666) -> None:
    """Writes a file whole or not at all, in place of one that is there, whose owner and rights it takes over. ``mode``:
    the rights of a new one, less the umask. Raises ``OSError``.
    """
    # The target of a symbolic link is replaced, not the link.
    target = path.resolve()
    part = _written(target, data, mode)
    try:
        with suppress(FileNotFoundError):
            _take_over_rights(target.stat(), part)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _take_over_rights(before: os.stat_result, part: Path) -> None:
    if hasattr(os, "chown"):  # Windows has none
        with suppress(PermissionError):  # only root may give a file away
            os.chown(part, before.st_uid, before.st_gid)
    part.chmod(stat.S_IMODE(before.st_mode))


def _create(names: Iterator[Path], data: bytes) -> Path:
    """Writes to the first free name; two processes never use the same one."""
    first = next(names)
    part = _written(first, data)
    try:
        for path in chain([first], names):
            if _claimed(part, path):
                return path
    finally:
        part.unlink(missing_ok=True)
    raise AssertionError("no free name")


def _claimed(part: Path, path: Path) -> bool:
    try:
        os.link(part, path)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # FAT and some network file systems have no hard links: create an empty file, then replace it.
        try:
            path.open("xb").close()
        except FileExistsError:
            return False
        part.replace(path)
    return True


_NO_LINKS: Final = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV}


def _written(path: Path, data: bytes, mode: int = 0o666) -> Path:
    """The bytes on disk under a temporary name in the same directory."""
    part = _beside(path)
    try:
        with open(part, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return part


def _make(directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)) from None


@contextmanager
def explained(place: Path | str) -> Iterator[None]:
    """Turns an ``OSError`` into a ``GatewayError`` (``storage_error``) that names the place."""
    try:
        yield
    except BrokenPipeError:
        raise  # the reader has closed the pipe
    except OSError as error:
        raise GatewayError(
            "storage_error", f"cannot write {place}: {error.strerror or error}", param="output"
        ) from None
