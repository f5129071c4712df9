"""Results as JSON: what is kept of them in records of jobs and in the cache. The images themselves are in the store."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from cloudflare_image_mcp.catalog import Size
from cloudflare_image_mcp.core.ports import StoredImage
from cloudflare_image_mcp.core.result import CacheOutcome, ImageResult, ResultImage
from cloudflare_image_mcp.core.stored_payload import StoredPayload
from cloudflare_image_mcp.imagefile.header import ImageFormat, ImageHeader
from cloudflare_image_mcp.imagefile.image import Image

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudflare_image_mcp.catalog import Model, Operation
    from cloudflare_image_mcp.core.ports import ImageStore


def image_record(image: ResultImage) -> dict[str, Any]:
    """The record of a stored image. Raises ``ValueError`` for one that is not stored."""
    header, stored = image.image.header, image.stored
    if stored is None:
        raise ValueError("the image is not stored")
    return {
        "key": stored.key,
        "bytes": stored.size,
        "media_type": stored.media_type,
        "format": header.format.value,
        "width": header.upright_size.width,
        "height": header.upright_size.height,
        "has_alpha": header.has_alpha,
        "seed": image.seed,
        "neurons": image.neurons,
        "usd": image.usd,
        "headers": dict(image.headers),
    }


def image_of(row: dict[str, Any], created: datetime, store: ImageStore) -> ResultImage:
    """The image of a record, read from the store at each use. Raises ``KeyError``, ``TypeError``, ``ValueError``
    for others.
    """
    stored = StoredImage(key=row["key"], media_type=row["media_type"], size=row["bytes"], created=created)
    size = Size(row["width"], row["height"])
    return ResultImage(
        image=Image(
            StoredPayload(store, stored),
            ImageHeader(ImageFormat(row["format"]), size, has_alpha=row["has_alpha"]),
        ),
        seed=row["seed"],
        neurons=row["neurons"],
        usd=row["usd"],
        stored=stored,
        details={},
        headers=row["headers"],
    )


def result_record(result: ImageResult, *, with_prompt: bool) -> dict[str, Any]:
    """The record of a result, without its images. ``with_prompt`` False leaves the prompt out."""
    return {
        "created": result.created.timestamp(),
        "model": result.model.id,
        "engine": result.engine,
        "backend": result.backend,
        "prompt": result.prompt if with_prompt else "",
        "width": result.size.width,
        "height": result.size.height,
        "warnings": list(result.warnings),
        "timings": dict(result.timings),
        "safety_identifier": result.safety_identifier,
        "cache": result.cache,
    }


def result_of(
    row: dict[str, Any],
    images: tuple[ResultImage, ...],
    offered: Mapping[str, Model],
    *,
    operation: Operation,
    requested_model: str | None,
    response_format: Literal["url", "b64_json"],
) -> ImageResult:
    """The result of a record. Raises ``KeyError``, ``TypeError``, ``ValueError`` for others, and ``KeyError`` where
    its model is not among the ``offered``.
    """
    cache = row.get("cache")
    return ImageResult(
        created=datetime.fromtimestamp(row["created"], UTC),
        operation=operation,
        model=offered[row["model"]],
        engine=row["engine"],
        requested_model=requested_model,
        backend=row["backend"],
        prompt=row["prompt"],
        size=Size(row["width"], row["height"]),
        images=images,
        response_format=response_format,
        warnings=tuple(row["warnings"]),
        timings=row["timings"],
        safety_identifier=row["safety_identifier"],
        cache=None if cache is None else CacheOutcome(cache),
    )
