"""Reads answers as a client does: down to the last pixel."""

from __future__ import annotations

import base64
import io
from typing import Any

import requests
from PIL import Image

from tests.waiting import LONGEST


def decoded(data: bytes | str) -> Image.Image:
    """The image in a file's bytes or in base64, all of it decoded."""
    image = Image.open(io.BytesIO(base64.b64decode(data, validate=True) if isinstance(data, str) else data))
    image.load()
    return image


def downloaded(url: str) -> Image.Image:
    """The image at a URL, whose stated type and extension are the true ones."""
    answer = requests.get(url, timeout=LONGEST)
    assert answer.status_code == 200, answer.text
    image = decoded(answer.content)
    assert image.format is not None
    assert answer.headers["content-type"] == Image.MIME[image.format]
    assert url.rsplit(".", 1)[1] == {"PNG": "png", "JPEG": "jpg", "WEBP": "webp"}[image.format]
    return image


def shown(item: dict[str, Any]) -> Image.Image:
    """The image of one ``data[]`` item, which holds exactly one of ``url`` and ``b64_json``."""
    assert ("url" in item) != ("b64_json" in item)
    return downloaded(item["url"]) if "url" in item else decoded(item["b64_json"])


def size(image: Image.Image) -> str:
    """``WIDTHxHEIGHT``"""
    return f"{image.width}x{image.height}"
