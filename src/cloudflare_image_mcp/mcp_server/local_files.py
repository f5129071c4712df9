"""Reads input images by their path on this machine, only from the folders that the operator allows: ``..``, symbolic
links and renames while reading do not lead out of them.
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from cloudflare_image_mcp.errors import GatewayError, invalid, shown
from cloudflare_image_mcp.limits import MAX_IMAGE_BYTES, MEBIBYTE

if TYPE_CHECKING:
    from collections.abc import Iterable

_FLAGS: Final = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_FILE: Final = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | _FLAGS
"""Without waiting: opening a pipe would hang."""
_FOLDER: Final = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | _FLAGS

_ESCAPED: Final = re.compile(r"\\(.)")
"""A character that a shell takes literally."""


class LocalFiles:
    """Reads files below a few folders."""

    def __init__(self, roots: Iterable[Path]) -> None:
        """Missing folders are allowed; a path that is a file is ignored."""
        self._roots = tuple(dict.fromkeys(Path(os.path.realpath(root.expanduser())) for root in roots))

    @property
    def roots(self) -> tuple[Path, ...]:
        """As they really are, symbolic links resolved."""
        return self._roots

    def read(self, param: str, written: str) -> bytes:
        """Returns the file's bytes. ``written`` is a path or a ``file:`` URL, absolute or from the working directory;
        its spaces may have backslashes before them, as terminals write a dragged file.

        Raises ``GatewayError`` (400) naming ``param``. Of what lies outside the folders it does not tell whether it
        exists.
        """
        real, root = self._resolve(param, written, _path(param, written))
        if "\\" in written and os.name != "nt" and (root is None or not real.exists()):
            real, root = self._resolve(param, written, _path(param, _ESCAPED.sub(r"\1", written)))
        if root is None:
            allowed = ", ".join(map(str, self._roots)) or "none"
            raise invalid(
                param,
                f"{param} is {shown(written, 200)}, which is not in a folder that images may be read from "
                f"({allowed}); MCP_IMAGE_ROOTS sets them",
            )
        try:
            return _read(param, written, root, real)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise invalid(param, f"{param} is {shown(written, 200)}, which cannot be read: {reason}") from None

    def _resolve(self, param: str, written: str, path: Path) -> tuple[Path, Path | None]:
        """Returns where a path leads, and the folder that allows it."""
        try:
            real = Path(os.path.realpath(path))
        except OSError:  # a link that went away while it was followed
            raise invalid(param, f"{param} is {shown(written, 200)}, which cannot be read") from None
        return real, next((root for root in self._roots if real.is_relative_to(root) and real != root), None)


def _path(param: str, written: str) -> Path:
    text = written
    if written[:5].lower() == "file:":
        parts = urlsplit(written)
        if parts.netloc not in ("", "localhost"):
            raise invalid(param, f"{param} is {shown(written, 200)}; a file URL of this machine has three slashes")
        text = unquote(parts.path)
        if os.name == "nt":
            text = text.lstrip("/")
    if "\0" in text:
        raise invalid(param, f"{param} is a path with a NUL in it")
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise invalid(param, f"{param} is {shown(written, 200)}; nobody has that home folder") from None


def _read(param: str, written: str, root: Path, real: Path) -> bytes:
    descriptor = _open_below(root, real) if os.open in os.supports_dir_fd else _open_checked(real)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise invalid(param, f"{param} is {shown(written, 200)}, which is no file")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            data = file.read(MAX_IMAGE_BYTES + 1)
    finally:
        os.close(descriptor)
    if len(data) > MAX_IMAGE_BYTES:
        raise GatewayError(
            "invalid_image",
            f"{param} is {shown(written, 200)} of more than {MAX_IMAGE_BYTES // MEBIBYTE} MiB, the most allowed",
            param=param,
        )
    return data


def _open_below(root: Path, real: Path) -> int:
    """Opens a resolved path a folder at a time, following no link: one put there meanwhile leads nowhere."""
    *folders, name = real.relative_to(root).parts
    descriptor = os.open(root, _FOLDER)
    try:
        for folder in folders:
            inner = os.open(folder, _FOLDER, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = inner
        return os.open(name, _FILE, dir_fd=descriptor)
    finally:
        os.close(descriptor)


def _open_checked(real: Path) -> int:
    """Where a path cannot be walked by descriptors (Windows): opens, then looks whether it is still the same."""
    descriptor = os.open(real, _FILE)
    if os.path.realpath(real) != str(real) or not os.path.samestat(os.fstat(descriptor), os.lstat(real)):
        os.close(descriptor)
        raise PermissionError("it changed while it was opened")
    return descriptor
