"""What a caller wants, in one shape for every door."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from cloudflare_image_mcp.imagefile.header import ImageFormat

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudflare_image_mcp.catalog import Operation, Size

__all__ = ["ImageFormat", "ImageRequest", "ImageSource"]


@dataclass(frozen=True, slots=True)
class ImageSource:
    """An input image as the caller gave it.

    ``data`` is the file itself, or text: base64, a ``data:`` URL, an ``http(s)`` URL, or ``image://{id}`` of an
    earlier result. ``param`` is where it stood in the request, for the error message.
    """

    param: str
    data: bytes | str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRequest:
    """One request. None everywhere means "not said": the model's own default holds.

    Types are right by construction; ranges are checked by the plan, which knows the model.
    """

    operation: Operation
    prompt: str = ""
    model: str | None = None
    """As the caller wrote it: a catalogue id, its last part, or one of OpenAI's names."""
    n: int = 1
    size: Size | None = None
    aspect: float | None = None
    """Width divided by height, where no size is given."""
    steps: int | None = None
    seed: int | None = None
    guidance: float | None = None
    negative_prompt: str | None = None
    strength: float | None = None
    quality: str | None = None
    images: tuple[ImageSource, ...] = ()
    mask: ImageSource | None = None
    output_format: ImageFormat | None = None
    output_compression: int | None = None
    response_format: Literal["url", "b64_json"] | None = None
    partial_images: int = 0
    stream: bool = False
    safety_identifier: str | None = None
    """OpenAI's name for whom the caller makes this for; handed back, and used for nothing."""
    written: Mapping[str, str] = field(default_factory=dict)
    """Parameters that the caller wrote under another name, for the error messages."""
    warnings: tuple[str, ...] = ()
    """What the door already had to say: parameters that it knows and that have no meaning here."""

    def name_of(self, parameter: str) -> str:
        """The parameter as the caller wrote it: ``num_steps`` for ``steps``."""
        return self.written.get(parameter, parameter)
