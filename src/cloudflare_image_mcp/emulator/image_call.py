"""The parameters of one accepted call, and its input images."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from cloudflare_image_mcp.catalog import Size
from cloudflare_image_mcp.emulator.errors import UNDECODABLE, refuse

if TYPE_CHECKING:
    from cloudflare_image_mcp.catalog import Model


class Mode(StrEnum):
    """Which behaviour of the service is emulated."""

    LIVE = "live"
    """As the running service was seen to behave."""
    DOCUMENTED = "documented"
    """As the schemas and the documentation describe it."""


@dataclass(frozen=True, slots=True)
class InputImage:
    """An input image's file and its size in pixels, which was read by decoding it."""

    data: bytes = field(repr=False)
    size: Size
    media_type: str

    @classmethod
    def decode(cls, data: bytes, index: int = 0) -> InputImage:
        """Raises ``RefusalError`` when the bytes are no image."""
        from PIL import Image

        try:
            with Image.open(io.BytesIO(data)) as picture:
                picture.load()
                # Pillow's own name for a JPEG with further pictures behind it, as phones write them.
                kind = "JPEG" if picture.format == "MPO" else picture.format or ""
                return cls(data, Size(*picture.size), Image.MIME.get(kind, ""))
        except Exception:  # Pillow's decoders raise many types
            raise refuse(UNDECODABLE, index=index) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageCall:
    """The parameters of one call, with the model's defaults for those left out."""

    model: Model
    prompt: str
    negative_prompt: str
    size: Size
    steps: int
    guidance: float
    strength: float
    seed: int | None
    """None: the model takes none, or ignores it."""
    images: tuple[InputImage, ...] = ()
    mask: InputImage | None = None

    @property
    def picture(self) -> bytes | None:
        """A digest of the parameters, equal for equal pictures; None without a seed, when no two are equal."""
        if self.seed is None:
            return None
        values = (self.model.id, self.prompt, self.negative_prompt, self.size, self.steps, self.guidance, self.strength)
        digest = hashlib.sha256(repr((*values, self.seed)).encode())
        for image in (*self.images, *([self.mask] if self.mask else [])):
            digest.update(image.data)
        return digest.digest()

    @property
    def neurons(self) -> float:
        return self.model.price.amount(self.size, self.steps, [image.size for image in self.images])
