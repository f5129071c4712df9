"""Pictures that the tests send, and what they look at in those that come back."""

from __future__ import annotations

import base64
import io
import re

from PIL import Image

STAMPED_TIME = re.compile(rb"<xmp:CreateDate>[^<]*</xmp:CreateDate>")


def picture(size: tuple[int, int] = (320, 256), kind: str = "PNG") -> bytes:
    """A gradient with a disc, so that every part of the picture differs."""
    image = Image.linear_gradient("L").resize(size).convert("RGB")
    image.paste((220, 40, 60), (size[0] // 4, size[1] // 4, size[0] // 2, size[1] // 2))
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


def mask(size: tuple[int, int] = (320, 256)) -> bytes:
    """OpenAI's kind: transparent where it is to be repainted, which is the left half."""
    image = Image.new("RGBA", size, (0, 0, 0, 255))
    image.paste((0, 0, 0, 0), (0, 0, size[0] // 2, size[1]))
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def opened(data: bytes | str | None) -> Image.Image:
    """The picture, decoded to its last pixel. Text is base64."""
    assert data is not None
    image = Image.open(io.BytesIO(base64.b64decode(data, validate=True) if isinstance(data, str) else data))
    image.load()
    return image


def without_time(data: bytes) -> bytes:
    """A JPEG with the moment of its making taken out of its metadata."""
    return STAMPED_TIME.sub(b"", data)
