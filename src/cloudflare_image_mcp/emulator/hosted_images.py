"""The images of answers, hosted for a while under URLs of their own."""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from starlette.responses import Response

LIFETIME: Final = 600.0
"""Seconds for which a URL answers. The providers' lifetimes are not published, but for Bria's three days."""
KEPT: Final = 64
"""Images. When there are more, the oldest are deleted."""


@dataclass(frozen=True, slots=True)
class _Hosted:
    data: bytes
    media_type: str
    until: float


class HostedImages:
    """Images by unguessable names."""

    def __init__(self) -> None:
        self._images: OrderedDict[str, _Hosted] = OrderedDict()

    def add(self, data: bytes, media_type: str, *, expired: bool = False) -> str:
        """Returns the image's path. ``expired``: its URL is too old from the start."""
        name = f"{secrets.token_urlsafe(16)}.{media_type.removeprefix('image/')}"
        self._images[name] = _Hosted(data, media_type, 0.0 if expired else time.monotonic() + LIFETIME)
        while len(self._images) > KEPT:
            self._images.popitem(last=False)
        return f"/emulator/images/{name}"

    def answer(self, name: str) -> Response:
        """Answers like the stores that sign their URLs: 403 when the time has passed."""
        image = self._images.get(name)
        if image is None:
            return Response("no such image", 404)
        if time.monotonic() >= image.until:
            return Response("<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>", 403)
        return Response(image.data, media_type=image.media_type)
