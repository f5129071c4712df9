"""The result of a request, which each interface renders in its own form."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from cloudflare_image_mcp.catalog import Model, Operation, Size
    from cloudflare_image_mcp.core.ports import StoredImage
    from cloudflare_image_mcp.imagefile.header import ImageFormat
    from cloudflare_image_mcp.imagefile.image import Image


OnImage: TypeAlias = "Callable[[ResultImage], None]"
"""Called with each finished image."""


class Maker(NamedTuple):
    """Who makes the images of a request."""

    name: str
    """The model's id, or the name of the engine that stands in for it."""
    backend: str


class CacheOutcome(StrEnum):
    """How the cache of ``IMAGE_CACHE`` answered a request."""

    HIT = "hit"
    """With stored images."""
    JOINED = "joined"
    """With the images of an identical request that was being answered."""
    MISS = "miss"
    """The images were made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultImage:
    """One image: finished, stamped and, where a URL was asked for, stored."""

    image: Image
    seed: int | None
    neurons: float | None
    usd: float | None = None
    """The price, where it is paid in USD and known."""
    stored: StoredImage | None
    details: Mapping[str, str] = field(repr=False)
    """What is stored beside it: model, size, seed, prompt."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Headers of the backend's answer that the caller gets too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageResult:
    """The images that succeeded, in order. There is at least one; if all had failed, the first error was raised."""

    created: datetime
    operation: Operation
    model: Model
    """The model called."""
    engine: str | None = None
    """See ``Backend.engine``."""
    requested_model: str | None = None
    """The model's name as the caller wrote it."""
    backend: str
    prompt: str
    size: Size
    images: tuple[ResultImage, ...]
    response_format: Literal["url", "b64_json"]
    warnings: tuple[str, ...]
    timings: Mapping[str, float]
    """Seconds by phase, for ``server-timing``; those of several images added up."""
    safety_identifier: str | None = None
    """The request's."""
    degraded: bool = False
    """Whether something failed that may work the next time: another model made the images, some are missing, ..."""
    cache: CacheOutcome | None = None
    """None where the cache does not count: it is off, or the request has no seed."""

    @property
    def made_by(self) -> str:
        """The id of the model that ran, or the name of the engine that stood in for it."""
        return self.engine or self.model.id

    @property
    def output_format(self) -> ImageFormat:
        return self.images[0].image.format

    @property
    def headers(self) -> dict[str, str]:
        """The images' headers; the values of several images are joined with commas, in order."""
        names = dict.fromkeys(name for image in self.images for name in image.headers)
        return {
            name: ", ".join(image.headers[name] for image in self.images if name in image.headers) for name in names
        }

    @property
    def neurons(self) -> float | None:
        """Of all the images together; None when nothing is billed."""
        billed = [image.neurons for image in self.images if image.neurons is not None]
        return sum(billed) if billed else None

    @property
    def usd(self) -> float | None:
        """Of all the images together; None where nothing is paid in USD, or no price is known."""
        billed = [image.usd for image in self.images if image.usd is not None]
        return sum(billed) if billed else None
