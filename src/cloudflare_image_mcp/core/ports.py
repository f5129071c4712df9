"""What the core needs from outside, each a small protocol. Two runtimes implement them: CPython and a Worker."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeAlias

from cloudflare_image_mcp.imagefile.image import Image

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Mapping
    from datetime import datetime

    from cloudflare_image_mcp.catalog import Model, Operation, Size
    from cloudflare_image_mcp.core.abilities import Abilities
    from cloudflare_image_mcp.core.result import ResultImage
    from cloudflare_image_mcp.imagefile.header import ImageFormat
    from cloudflare_image_mcp.imagefile.payload import Payload

OnPartial: TypeAlias = Callable[[int, Image], Awaitable[None]]
"""Told of each partial image: its index, from 0, and the image."""

OnImage: TypeAlias = "Callable[[ResultImage], None]"
"""Told of each finished image."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One image to be made. None means "not sent": the backend's own default holds."""

    model: Model
    operation: Operation
    prompt: str
    size: Size
    """What to render, which the backend takes; the finish brings it to the size asked for."""
    negative_prompt: str | None = None
    steps: int | None = None
    guidance: float | None = None
    seed: int | None = None
    strength: float | None = None
    images: tuple[Image, ...] = ()
    """The source first (upright, of ``size``), then references as they came."""
    mask: Image | None = None
    """An 8-bit grey PNG of ``size``: 255 is repainted, 0 is kept."""
    partial_images: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """What a backend made of a call."""

    image: Image
    neurons: float | None = None
    """What the call cost, as reported or as worked out; None where nothing is billed."""
    warnings: tuple[str, ...] = ()
    seed: int | None = None
    """What was really used; None: the call's."""
    drawn_by: str | None = None
    """What really drew, where that is neither the model called nor the backend itself."""


class Backend(Protocol):
    """Makes one image a call. A sibling of equal shape for each engine; each knows one wire and no door."""

    @property
    def name(self) -> str:
        """``local`` or ``workers-ai``: what ``x-image-backend`` says."""
        ...

    @property
    def trained(self) -> bool:
        """Whether a trained model draws: an image's metadata has to say so."""
        ...

    def abilities(self, model: Model) -> Abilities:
        """What this backend takes for the model: the plan sends nothing else."""
        ...

    async def run(self, call: Call, on_partial: OnPartial | None = None) -> Rendered:
        """Makes the image. Raises ``GatewayError``; ``EditRefused`` where the engine does not do this edit."""
        ...

    async def aclose(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """What is left to do to a rendered image. Where nothing is, the bytes go through untouched."""

    size: Size
    """Exactly this: another shape is filled (cropped around the middle), then resampled (Lanczos)."""
    format: ImageFormat | None = None
    """None keeps the format in which it came, if a client can show it."""
    compression: int | None = None
    """0 to 100 for JPEG and WebP, as OpenAI's ``output_compression``: the encoder's quality."""
    original: Image | None = None
    mask: Image | None = None
    """Both of ``size``: where the mask is 0 the result's pixels are the original's, exactly."""


class Pixels(Protocol):
    """Work on pixels. In a Worker it may be missing in part: then it raises ``not_supported_here``."""

    async def source(self, image: Image, size: Size) -> Image:
        """An input image as an edit needs it: upright, first frame, sRGB, of exactly ``size``, PNG."""
        ...

    async def mask(self, mask: Image, source: Image, size: Size) -> Image:
        """A caller's mask (transparent = repaint, or white = repaint) as a grey PNG of ``size``, 255 = repaint.

        Raises ``GatewayError`` (``param`` mask) when its size or shape is not that of ``source``.
        """
        ...

    async def reference(self, image: Image, longest: int) -> Image:
        """An input image with no side over ``longest`` pixels, upright; JPEG, or PNG where it has alpha."""
        ...

    async def finish(self, image: Image, finish: Finish) -> Image:
        """The rendered image as promised. Raises ``UnreadableImage`` when it does not decode."""
        ...

    async def preview(self, image: Image, longest: int, max_bytes: int) -> Image:
        """A smaller copy, at most ``longest`` pixels a side and ``max_bytes`` long: JPEG, or WebP with alpha."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredImage:
    """What the store knows of an image without reading it."""

    key: str
    """``{id}.{extension}``: unguessable, and never used twice."""
    media_type: str
    size: int
    """Bytes."""
    created: datetime
    """Aware, UTC."""
    details: Mapping[str, str] = field(default_factory=dict)
    """Width, height, model, seed, prompt and the like, as text."""

    @property
    def id(self) -> str:
        return self.key.rsplit(".", 1)[0]


class ImageStore(Protocol):
    """Images by key. An image is visible whole or not at all; an expired one is gone, swept or not."""

    async def put(self, key: str, image: Image, details: Mapping[str, str]) -> StoredImage:
        """Stores the image. Raises ``GatewayError`` (``storage_error``) when it cannot; then nothing is visible."""
        ...

    async def find(self, key: str) -> StoredImage | None:
        """The image's record, or None when there is none, it has expired, or the key is not of the store's form."""
        ...

    def read(self, key: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        """Its bytes from ``start`` to ``stop`` (exclusive). Raises ``GatewayError`` (``not_found``)."""
        ...

    async def list(self, limit: int = 100) -> list[StoredImage]:
        """The newest first."""
        ...

    async def delete(self, key: str) -> bool:
        """Whether there was one."""
        ...

    async def sweep(self) -> int:
        """Deletes what has expired; how many."""
        ...

    async def aclose(self) -> None: ...


class ImageFetcher(Protocol):
    """Fetches an image named by URL in a request, from public addresses alone."""

    async def fetch(self, url: str, param: str) -> Payload:
        """Raises ``GatewayError`` (``invalid_image_url``, ``param``) saying what was refused and why."""
        ...


class Clock(Protocol):
    def now(self) -> datetime:
        """Aware, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds, for durations. In a Worker it stands still between two waits."""
        ...


class Ids(Protocol):
    def name(self) -> str:
        """A fresh unguessable name: 22 characters of ``[0-9A-Za-z_-]``, 128 bits."""
        ...

    def seed(self) -> int:
        """A fresh seed, 0 to 2**32 - 1."""
        ...


class Defer(Protocol):
    def __call__(self, work: Coroutine[object, object, None]) -> None:
        """Carries on with ``work`` after the answer has gone out, and holds on to it until it is done."""
        ...
