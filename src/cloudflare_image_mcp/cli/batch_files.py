"""The files of a batch: requests, results and errors in the format of OpenAI's batch API, and the images.

https://developers.openai.com/api/docs/guides/batch
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from cloudflare_image_mcp.cli.output_files import Destination, explained, replace_file
from cloudflare_image_mcp.errors import GatewayError, invalid, shown
from cloudflare_image_mcp.rest.paths import OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from cloudflare_image_mcp.catalog import Operation

OUTPUT: Final = "output.jsonl"
ERRORS: Final = "errors.jsonl"
_LONGEST_NAME: Final = 80
"""Bytes of the part of a ``custom_id`` in a file name."""


@dataclass(frozen=True, slots=True)
class BatchLine:
    """One request of the file."""

    custom_id: str
    operation: Operation
    body: Mapping[str, Any]


def read_requests(file: Path) -> list[BatchLine]:
    """Reads the whole file before anything is paid for. Raises ``GatewayError`` naming the line."""
    try:
        text = file.read_text("utf-8-sig")
    except FileNotFoundError:
        raise GatewayError("not_found", f"{file} does not exist", param="file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise invalid(
            "file", f"{file} cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8 text'}"
        ) from None
    numbered = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    first: dict[str, int] = {}
    lines = []
    for number, written in numbered:
        line = _request(written, f"{file.name} line {number}")
        if line.custom_id in first:
            raise invalid(
                "custom_id", f"{file.name} line {number}: line {first[line.custom_id]} has the same custom_id"
            )
        first[line.custom_id] = number
        lines.append(line)
    return lines


def _request(written: str, place: str) -> BatchLine:
    try:
        row = json.loads(written)
    except (ValueError, RecursionError) as error:
        raise invalid(None, f"{place} is not JSON: {error}") from None
    if not isinstance(row, dict):
        raise invalid(None, f"{place} must be an object with custom_id, method, url and body")
    custom_id, method, url, body = (row.get(name) for name in ("custom_id", "method", "url", "body"))
    if not isinstance(custom_id, str) or not custom_id:
        raise invalid("custom_id", f"{place}: custom_id must be a text, not {shown(custom_id)}")
    if method not in ("POST", None):
        raise invalid("method", f"{place}: method must be POST, not {shown(method)}")
    if not isinstance(url, str) or url not in OPERATIONS:
        raise invalid("url", f"{place}: url must be one of {', '.join(OPERATIONS)}, not {shown(url)}")
    if not isinstance(body, dict):
        raise invalid("body", f"{place}: body must be an object, not {shown(body)}")
    return BatchLine(custom_id, OPERATIONS[url], body)


class BatchFolder:
    """The directory of a batch: its images, and ``output.jsonl`` and ``errors.jsonl``."""

    def __init__(self, folder: Path) -> None:
        """Makes the directory and begins a new file of errors: what failed is tried again. Raises ``GatewayError``."""
        self.folder = folder
        Destination(folder).prepare()
        self.done: set[str] = set()
        """The ``custom_id`` of each request that was done before."""
        self._taken: set[str] = set()
        """Names of the files of the requests that are done."""
        with explained(folder):
            self._read_output()
            (folder / ERRORS).write_bytes(b"")

    def add_images(self, line: BatchLine, images: list[tuple[bytes, str]]) -> list[Path]:
        """Writes the images (bytes and extension), each whole or not at all. Those of an earlier try are replaced,
        those of another request never.
        """
        names = _names(_file_name(line.custom_id), images)
        if self._taken.intersection(names):
            names = _names(_hashed_name(line.custom_id), images)
        self._taken.update(names)
        paths = [self.folder / name for name in names]
        with explained(self.folder):
            for path, (data, _) in zip(paths, images, strict=True):
                replace_file(path, data)
        return paths

    def add_row(self, file: str, row: Mapping[str, Any]) -> None:
        """Appends a line to a result file; it is on the disk when this returns."""
        with explained(self.folder / file), (self.folder / file).open("ab") as stream:
            stream.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace") + b"\n")
            stream.flush()
            os.fsync(stream.fileno())

    def _read_output(self) -> None:
        """Reads what is done from the output file. A line that a kill has cut short is cut off."""
        path = self.folder / OUTPUT
        if not path.exists():
            return
        data = path.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]
        if len(whole) < len(data):
            os.truncate(path, len(whole))
        for row in filter(None, whole.split(b"\n")):
            try:
                fields = json.loads(row)
                self.done.add(str(fields["custom_id"]))
                urls = [image["url"] for image in fields["response"]["body"]["data"]]
                self._taken.update(unquote(url).rpartition("/")[2] for url in urls)
            except (ValueError, KeyError, TypeError, AttributeError):
                raise invalid("output", f"{OUTPUT} has a line that no batch has written: {shown(row)}") from None


def _names(stem: str, images: list[tuple[bytes, str]]) -> list[str]:
    """``fox.png``, or ``fox-1.png``, ``fox-2.png`` for several."""
    if len(images) == 1:
        return [f"{stem}.{images[0][1]}"]
    return [f"{stem}-{number}.{extension}" for number, (_, extension) in enumerate(images, 1)]


def _file_name(custom_id: str) -> str:
    """The id where it is a safe file name; else ``_hashed_name``."""
    # Some file systems take two names that differ in case alone for one.
    safe = _safe_part(custom_id)
    return safe if safe == custom_id and safe.lower() == safe else _hashed_name(custom_id)


def _hashed_name(custom_id: str) -> str:
    """What is safe of the id, and a part of its hash."""
    digest = hashlib.sha256(custom_id.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{_safe_part(custom_id)}-{digest[:8]}".lstrip("-")


def _safe_part(custom_id: str) -> str:
    safe = re.sub(r"[^\w-]+", "-", custom_id).encode()[:_LONGEST_NAME]
    return safe.decode("utf-8", "ignore").strip("-")
