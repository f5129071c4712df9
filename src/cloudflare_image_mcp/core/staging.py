"""A plan and a request's input images, made into the call that a backend takes and the finish that follows it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from cloudflare_image_mcp.core.image_sources import unreadable_image
from cloudflare_image_mcp.errors import GatewayError, UnreadableImage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cloudflare_image_mcp.core.plan import Plan
    from cloudflare_image_mcp.core.ports import Call, Finish, Pixels
    from cloudflare_image_mcp.core.request import ImageRequest, ImageSource
    from cloudflare_image_mcp.imagefile.image import Image


@dataclass(frozen=True, slots=True)
class Inputs:
    """A request's input images, their headers read."""

    images: tuple[Image, ...]
    mask: Image | None


async def with_own_mask(request: ImageRequest, inputs: Inputs, pixels: Pixels) -> tuple[ImageRequest, Inputs]:
    """Takes the image as its own mask, where it is transparent somewhere."""
    source, image = request.images[0], inputs.images[0]
    try:
        transparent = await pixels.is_transparent(image)
    except UnreadableImage as error:
        raise unreadable_image(source.param, error) from None
    if transparent is None:
        warning = f"the transparent parts of {source.param} were not used as a mask: they cannot be read here"
        return request.replace(warnings=(*request.warnings, warning)), inputs
    if not transparent:
        return request, inputs
    return request.replace(mask=source), Inputs(inputs.images, image)


async def stage(plan: Plan, request: ImageRequest, inputs: Inputs, pixels: Pixels) -> tuple[Call, Finish]:
    """The call of every image (its seed is filled in later) and what is left to do to each.

    Raises ``GatewayError`` (400) where an input image does not decode or the mask does not fit it.
    """
    call, finish = plan.call, plan.finish
    if not inputs.images or not plan.images:
        return call, finish
    first, *others = inputs.images[: plan.images]
    with _named(request.images[0]):
        source = await pixels.source(first, call.size)
        same = call.size == finish.size
        original = source if same or inputs.mask is None else await pixels.source(first, finish.size)
    call = replace(call, images=(source, *await _references(plan, request, others, pixels)))
    if inputs.mask is None or request.mask is None:
        return call, finish
    with _named(request.mask):
        mask = await pixels.mask(inputs.mask, first, finish.size)
        if plan.native_mask:
            wired = mask if same else await pixels.mask(inputs.mask, first, call.size)
            call = replace(call, mask=wired)
    return call, replace(finish, original=original, mask=mask)


async def _references(plan: Plan, request: ImageRequest, images: list[Image], pixels: Pixels) -> list[Image]:
    """Scaled down one after another, because a large one takes hundreds of megabytes while it is decoded."""
    side = plan.reference_side
    if side is None:
        return images
    references: list[Image] = []
    for source, image in zip(request.images[1:], images, strict=False):
        with _named(source):
            references.append(await pixels.reference(image, side) if max(image.size) > side else image)
    return references


@contextmanager
def _named(source: ImageSource) -> Iterator[None]:
    """What does not decode is the caller's, under the name that the caller used."""
    try:
        yield
    except UnreadableImage as error:
        raise GatewayError("invalid_image", f"{source.param} cannot be read: {error}", param=source.param) from None
