"""Image headers in pure Python: what a file is, and how large, before a pixel of it is decoded."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from cloudflare_image_mcp.catalog import Size


class ImageFormat(StrEnum):
    """The formats that the gateway reads; all but GIF it also writes."""

    PNG = "png"
    JPEG = "jpeg"
    WEBP = "webp"
    GIF = "gif"

    @property
    def media_type(self) -> str:
        return f"image/{self.value}"

    @property
    def extension(self) -> str:
        """Without the dot: ``jpg`` for JPEG."""
        return "jpg" if self is ImageFormat.JPEG else self.value


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """What a header says. ``size`` is as stored; ``upright_size`` as shown."""

    format: ImageFormat
    size: Size
    orientation: int = 1
    """EXIF: 1 to 8; 5 to 8 swap width and height."""
    has_alpha: bool = False
    frames: int = 1
    """As far as the header tells: 2 stands for "more than one"."""

    @property
    def upright_size(self) -> Size:
        return Size(self.size.height, self.size.width) if self.orientation >= 5 else self.size


def read_header(head: bytes) -> ImageHeader:
    """Reads the first bytes of a file. Raises ``UnreadableImage``."""
    raise NotImplementedError


def is_complete(image_format: ImageFormat, tail: bytes, size: int) -> bool:
    """Whether a file of ``size`` bytes that ends in ``tail`` ends as its format says."""
    raise NotImplementedError
