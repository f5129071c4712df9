"""What all stores share: the form of a key, the time of expiry, and the format of an image's record.

Runs in a Worker too: no files, threads or sockets.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from cloudflare_image_mcp.core.ports import StoredImage
from cloudflare_image_mcp.errors import GatewayError, shown
from cloudflare_image_mcp.imagefile.header import ImageFormat

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudflare_image_mcp.core.ports import Clock
    from cloudflare_image_mcp.imagefile.image import Image

_MEDIA_TYPES: Final = {format_.extension: format_.media_type for format_ in ImageFormat}
_KEY: Final = re.compile(rf"[0-9A-Za-z_-]{{22}}\.(?:{'|'.join(_MEDIA_TYPES)})")

DIGEST: Final = "[0-9a-f]{64}"
"""Pattern of the name of a record of an answer for the cache."""
CHUNK: Final = 256 * 1024
"""Bytes that a store reads at a time."""
MAX_RECORD_BYTES: Final = 1024 * 1024
"""Length of a record in a file. Longer ones are not read: the prompts, all escapes, take 50 kB."""

_CLOCK_SKEW: Final = timedelta(days=1)
"""How far another machine's clock may be ahead. A record from further in the future would never expire."""
_NUMBER: Final = re.compile(r"[0-9]{1,10}")
_NUMBERS: Final = ("width", "height", "seed")
"""Details that are read as numbers."""


def is_key(key: str) -> bool:
    """Whether ``key`` has the one form that a stored image's key has. Nothing else comes near a path."""
    return _KEY.fullmatch(key) is not None


def media_type(key: str) -> str:
    """``image/jpeg`` for a key that ends in ``.jpg``."""
    return _MEDIA_TYPES[key.rsplit(".", 1)[1]]


def check_key(key: str, image: Image) -> None:
    """Raises ``GatewayError`` (``storage_error``) unless ``key`` is a key for an image of this format."""
    if not is_key(key) or media_type(key) != image.format.media_type:
        raise GatewayError("storage_error", f"{key!r} is no key for an image of type {image.format.media_type}.")


def missing(key: str) -> GatewayError:
    return GatewayError("not_found", f"There is no image {shown(key, 80)}: it never was, was deleted, or has expired.")


def span(size: int, start: int, stop: int | None) -> tuple[int, int]:
    """The part of a file of ``size`` bytes that ``start`` and ``stop`` name; empty when they lie outside."""
    end = size if stop is None else max(0, min(stop, size))
    return min(max(0, start), end), end


@dataclass(frozen=True, slots=True)
class Expiry:
    """When stored images end. ``after`` is their life; None keeps them for good."""

    after: timedelta | None
    clock: Clock

    def has_passed(self, created: datetime) -> bool:
        # The difference, because the sum is out of range for a time near the year 9999.
        return self.after is not None and self.clock.now() - created >= self.after

    def check(self, created: datetime) -> None:
        """Raises ``ValueError`` where an image says that it was made in the future."""
        if created - self.clock.now() > _CLOCK_SKEW:
            raise ValueError(f"its time is in the future: {created.isoformat()}")


@dataclass(frozen=True, slots=True)
class Record:
    """The record stored beside an image. Type and size are not in it: they follow from the key and the bytes."""

    created: datetime
    """Aware, UTC."""
    details: Mapping[str, str]

    def to_json(self) -> str:
        """ASCII, on one line."""
        created = self.created.astimezone(UTC).isoformat().replace("+00:00", "Z")
        return json.dumps({"created": created, "details": dict(self.details)}, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str | bytes) -> Record:
        """Raises ``ValueError`` when ``text`` is no record."""
        try:
            data = json.loads(text)
            created = datetime.fromisoformat(data["created"])
            details = {_text(name): _text(value) for name, value in data["details"].items()}
            if created.tzinfo is None:
                raise ValueError("not a record: its time has no zone")
            created = created.astimezone(UTC)
        except (KeyError, TypeError, AttributeError, RecursionError, OverflowError) as error:
            raise ValueError("not a record") from error
        for name in _NUMBERS:
            if name in details and _NUMBER.fullmatch(details[name]) is None:
                raise ValueError(f"not a record: its {name} is no number")
        return cls(created, details)

    def to_header(self, limit: int) -> str:
        """JSON that passes through an HTTP header unchanged, of at most ``limit`` bytes.

        ASCII without a space, because signatures of headers collapse runs of spaces: a space becomes ``+``
        and a ``+`` its JSON escape. What is too long loses the end of its longest details, marked with an
        ellipsis; the whole prompt is in the image's own metadata anyway.
        """
        details = dict(self.details)
        while len(text := self._header(details)) > limit:
            name = max(details, key=lambda name: len(details[name]), default=None)
            if name is None or len(details[name]) <= 1:
                return self._header({})
            # An escaped character takes up to 12 bytes: cut what surely must go, then look again.
            excess = -(-(len(text) - limit) // 12)
            details[name] = details[name].removesuffix("…")[: -excess - 1] + "…"
        return text

    def _header(self, details: Mapping[str, str]) -> str:
        return Record(self.created, details).to_json().replace("+", "\\u002b").replace(" ", "+")

    @classmethod
    def from_header(cls, text: str) -> Record:
        """Raises ``ValueError`` when ``text`` is no record."""
        return cls.from_json(text.replace("+", " "))

    def stored(self, key: str, size: int) -> StoredImage:
        """``size`` in bytes."""
        return StoredImage(key=key, media_type=media_type(key), size=size, created=self.created, details=self.details)


def _text(value: object) -> str:
    """As text that can be encoded: half a surrogate pair would break every answer that it stands in."""
    return str(value).encode("utf-8", "replace").decode()
