"""The ports of the core: protocols that the adapters implement, for CPython and for a Worker."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from cloudflare_image_mcp.imagefile.image import Image

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Mapping
    from datetime import datetime

    from cloudflare_image_mcp.catalog import Model, Operation, Size
    from cloudflare_image_mcp.core.abilities import Abilities
    from cloudflare_image_mcp.imagefile.header import ImageFormat
    from cloudflare_image_mcp.imagefile.payload import Payload
    from cloudflare_image_mcp.imagefile.provenance import Provenance

OnPartial: TypeAlias = Callable[[int, Image], Awaitable[None]]
"""Called with each partial image: its index, from 0, and the image."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of a backend, which makes one image. None is not sent: the backend's own default applies."""

    model: Model
    operation: Operation
    prompt: str
    size: Size
    """The size to render, one that the backend takes; ``Finish`` brings it to the requested size."""
    negative_prompt: str | None = None
    background: str | None = None
    """``transparent`` or ``opaque``."""
    quality: str | None = None
    """OpenAI's word, where the model has a setting of its own for it."""
    output_format: ImageFormat | None = None
    """The file format to ask the backend for, where it can choose one; ``Finish`` brings it to the requested one."""
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
    """The answer of a backend to a call."""

    image: Image
    neurons: float | None = None
    """Neurons that the call cost, as reported or as calculated; None where nothing is billed."""
    usd: float | None = None
    """What the call cost where it is paid in USD and the price is known."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Headers of the backend's answer that the caller gets too, in lower case."""
    warnings: tuple[str, ...] = ()
    seed: int | None = None
    """The seed that was used, where it is not the call's."""
    degraded: bool = False
    """Whether a part of it failed that may work the next time."""


class Backend(Protocol):
    """Makes one image for each call. Each backend knows one wire format and no interface."""

    @property
    def name(self) -> str:
        """``local`` or ``workers-ai``: the value of the header ``x-image-backend``."""
        ...

    @property
    def trained(self) -> bool:
        """Whether a trained model makes the image: its metadata has to say so."""
        ...

    @property
    def billed(self) -> bool:
        """Whether a call costs something. One that has begun is finished and stored, also when it is cancelled."""
        ...

    @property
    def engine(self) -> str | None:
        """What makes the images in place of the called model, such as ``illustrator``; it costs nothing. None where
        the called model itself runs.
        """
        ...

    def abilities(self, model: Model) -> Abilities:
        """Returns the parameters, sizes and inputs that this backend takes for the model; a plan sends nothing else."""
        ...

    async def run(self, call: Call, on_partial: OnPartial | None = None) -> Rendered:
        """Makes the image. Raises ``GatewayError``; ``EditRefused`` where the model cannot make this edit."""
        ...

    async def aclose(self) -> None: ...


class PromptWriter(Protocol):
    """Writes a better prompt with a text model."""

    async def write(self, prompt: str, operation: Operation, *, english: bool) -> str:
        """Expands a prompt, or puts the instruction of an edit plainly; ``english``: into English. Raises
        ``GatewayError``.
        """
        ...

    async def aclose(self) -> None: ...


class PromptFilter(Protocol):
    """Refuses prompts that the operator does not want."""

    async def check(self, prompt: str) -> None:
        """Raises ``GatewayError``: ``content_policy_violation``, or another one where there is no verdict."""
        ...

    async def aclose(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """The steps from a rendered image to the requested one. Without any, the bytes are passed on unchanged."""

    size: Size
    """The exact size of the result: another shape is cropped around its centre, then resampled with Lanczos."""
    format: ImageFormat | None = None
    """None keeps the rendered format, if clients can show it."""
    compression: int | None = None
    """0 to 100 for JPEG and WebP, as OpenAI's ``output_compression``: the encoder's quality."""
    original: Image | None = None
    mask: Image | None = None
    """Both have the size ``size``; where the mask is 0 the result has exactly the pixels of the original."""


class Pixels(Protocol):
    """Decodes, scales, composites and encodes images. Raises ``not_supported_here`` for what a runtime cannot do."""

    async def source(self, image: Image, size: Size) -> Image:
        """Converts an input image for an edit: upright, first frame, sRGB, exactly ``size``, PNG."""
        ...

    async def complete_jpeg(self, image: Image) -> Image:
        """Adds the end marker to a JPEG without one. Raises ``ImageCutShort`` where pixels are missing too, or where
        the runtime cannot tell.
        """
        ...

    async def mask(self, mask: Image, source: Image, size: Size) -> Image:
        """Converts a mask (transparent = repaint, or white = repaint) to a grey PNG of ``size``, 255 = repaint.

        Raises ``GatewayError`` (``param`` mask) when its size or shape is not that of ``source``.
        """
        ...

    async def is_transparent(self, image: Image) -> bool | None:
        """Whether some part of the image is transparent, so that it can be its own mask; None where the runtime
        cannot tell.
        """
        ...

    async def reference(self, image: Image, longest: int) -> Image:
        """Scales an input image down to ``longest`` pixels a side, upright; JPEG, or PNG where it has alpha."""
        ...

    async def finish(self, image: Image, finish: Finish) -> Image:
        """Turns a rendered image into the requested one. Raises ``UnreadableImage`` when it does not decode."""
        ...

    async def preview(self, image: Image, longest: int, max_bytes: int) -> Image:
        """Makes a copy of at most ``longest`` pixels a side and ``max_bytes`` bytes: JPEG, or WebP with alpha."""
        ...


class JobNotifier(Protocol):
    """Tells the ``webhook_url`` of a request that its job has ended."""

    def check(self, url: str) -> None:
        """Raises ``GatewayError`` (400, ``webhook_url``) for a URL that cannot be used."""
        ...

    async def send(self, url: str, event_id: str, event: Mapping[str, object]) -> None:
        """Sends a signed event, in three tries. A failure is logged and not raised."""
        ...


class ImageSigner(Protocol):
    """Signs finished images, so that others can check who made them and that nobody changed them since."""

    async def sign(self, image: Image, provenance: Provenance) -> Image:
        """Returns the signed image; its pixels are the same. Raises ``GatewayError`` (``internal_error``)."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredImage:
    """The record of a stored image: everything but its bytes."""

    key: str
    """``{id}.{extension}``; the id is unguessable and never used twice."""
    media_type: str
    size: int
    """Bytes."""
    created: datetime
    """UTC, with a time zone."""
    details: Mapping[str, str] = field(default_factory=dict)
    """Width, height, model, seed, prompt and similar, as text."""

    @property
    def id(self) -> str:
        return self.key.rsplit(".", 1)[0]

    @property
    def owner(self) -> str:
        """The name of the API key that made it; empty without one."""
        return self.details.get(OWNER, "")


OWNER: Final = "owner"
"""The detail of a stored image that names its API key."""


class ImageStore(Protocol):
    """Stores images by key. An image is visible complete or not at all; an expired image is not found, even before
    ``sweep`` deletes it.
    """

    async def put(self, key: str, image: Image, details: Mapping[str, str]) -> StoredImage:
        """Stores the image. Raises ``GatewayError`` (``storage_error``) when it cannot; then no image is visible."""
        ...

    async def find(self, key: str) -> StoredImage | None:
        """Returns the image's record, or None when it does not exist, has expired, or the key is malformed."""
        ...

    def read(self, key: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        """Reads the bytes from ``start`` to ``stop`` (exclusive). Raises ``GatewayError`` (``not_found``)."""
        ...

    async def put_answer(self, digest: str, text: str) -> None:
        """Stores the record of an answer for the cache, in the place of an earlier one; it expires like an image made
        at that time. ``digest``: 64 hexadecimal digits. Raises ``GatewayError`` (``storage_error``).
        """
        ...

    async def find_answer(self, digest: str) -> str | None:
        """Returns the record, also one that has expired but was not swept; None when there is none. Raises
        ``GatewayError`` (``storage_error``).
        """
        ...

    async def list(self, limit: int = 100) -> list[StoredImage]:
        """Returns up to ``limit`` records, the newest first."""
        ...

    async def delete(self, key: str) -> bool:
        """Deletes the image and returns whether it existed."""
        ...

    async def sweep(self) -> int:
        """Deletes expired images and answers. Returns how many images."""
        ...

    async def aclose(self) -> None: ...


class ImageFetcher(Protocol):
    """Fetches images by URL, from public addresses only."""

    async def fetch(self, url: str, param: str) -> Payload:
        """Fetches the image. Raises ``GatewayError`` (``invalid_image_url``, ``param``) with the reason."""
        ...


class Clock(Protocol):
    def now(self) -> datetime:
        """Returns the time in UTC, with a time zone."""
        ...

    def monotonic(self) -> float:
        """Returns seconds for measuring durations. In a Worker it changes only during I/O."""
        ...


class Ids(Protocol):
    def name(self) -> str:
        """Returns a new unguessable name: 22 characters of ``[0-9A-Za-z_-]``, 128 bits."""
        ...

    def seed(self) -> int:
        """Returns a new seed, 0 to 2**32 - 1."""
        ...


class Defer(Protocol):
    def __call__(self, work: Coroutine[object, object, None]) -> None:
        """Runs ``work`` in the background, also after the response was sent, and keeps a reference until it ends."""
        ...
