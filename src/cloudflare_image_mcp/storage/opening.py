"""Opens the store of ``IMAGE_STORAGE_URL``. Only the chosen kind of store is imported."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from cloudflare_image_mcp.errors import SettingError, masked_url
from cloudflare_image_mcp.storage.record import Expiry

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import timedelta

    from cloudflare_image_mcp.core.ports import Clock, ImageStore

SETTING: Final = "IMAGE_STORAGE_URL"
_ALLOWED: Final = "Allowed are file:///directory, s3://bucket/prefix and memory:"


def open_store(
    url: str, *, expiry: timedelta | None, clock: Clock, environ: Mapping[str, str] | None = None
) -> ImageStore:
    """The store that ``url`` names; its images live for ``expiry``, or for good when that is None.

    ``environ`` (the process's, when None) holds S3's or R2's credentials and endpoint. Raises
    ``SettingError``: an unknown scheme, a URL that is not of its scheme's form, a directory that cannot
    be written to.
    """
    scheme = url.partition(":")[0].lower() if ":" in url else ""
    opener = _OPENERS.get(scheme)
    if opener is None:
        raise SettingError(f"{SETTING}: {_shown(url)} names no known kind of store. {_ALLOWED}.")
    try:
        return opener(url, Expiry(expiry, clock), os.environ if environ is None else environ)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise SettingError(
            f"{SETTING}: {_shown(url)} cannot be used: {reason}. It has to be a directory to write to."
        ) from error
    except ValueError as error:
        raise SettingError(f"{SETTING}: {_shown(url)} cannot be used: {error}. {_ALLOWED}.") from error


def _file(url: str, expiry: Expiry, _environ: Mapping[str, str]) -> ImageStore:
    from cloudflare_image_mcp.storage.file import FileStore

    return FileStore(Path(directory_of(url, windows=os.name == "nt")), expiry)


def _memory(url: str, expiry: Expiry, _environ: Mapping[str, str]) -> ImageStore:
    from cloudflare_image_mcp.storage.memory import MemoryStore

    if url.partition(":")[2].strip("/"):
        raise ValueError("nothing follows memory:")
    return MemoryStore(expiry)


def _s3(url: str, expiry: Expiry, environ: Mapping[str, str]) -> ImageStore:
    from cloudflare_image_mcp.storage.s3 import S3Store
    from cloudflare_image_mcp.storage.s3_access import S3Access

    return S3Store(S3Access.read(url, environ), expiry)


_OPENERS: Final[Mapping[str, Callable[[str, Expiry, Mapping[str, str]], ImageStore]]] = {
    "file": _file,
    "memory": _memory,
    "s3": _s3,
}


def directory_of(url: str, *, windows: bool) -> str:
    """The path in a file URL (RFC 8089): ``file:///var/images``, and on Windows ``file:///C:/images`` and
    ``file://server/share``. Raises ``ValueError``.
    """
    parts = urlsplit(url)
    if parts.query or parts.fragment:
        raise ValueError("a ? or # in a path is written %3F or %23")
    host, path = parts.netloc, unquote(parts.path)
    if "\0" in path or not path.startswith("/") or path.strip("/") == "":
        raise ValueError("a file URL holds an absolute path, as in file:///var/images")
    if windows:
        if host not in ("", "localhost"):
            return f"//{host}{path}"
        if not re.match(r"/[A-Za-z][:|]/", path):
            raise ValueError("a file URL on Windows names a drive, as in file:///C:/images")
        return f"{path[1]}:{path[3:]}"
    if host not in ("", "localhost"):
        raise ValueError("a path has three slashes before it, as in file:///var/images")
    return path


def _shown(url: str) -> str:
    return f'"{masked_url(url)[:200]}"'
