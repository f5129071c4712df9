"""OpenAI's model names, which clients have built in, as aliases of the configured models."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

from cloudflare_image_mcp.limits import MAX_IMAGES


@dataclass(frozen=True, slots=True)
class OpenAIFamily:
    """Names that start alike, and what OpenAI's API does under them."""

    prefix: str
    response: Literal["url", "b64_json"]
    """The answer when no ``response_format`` was sent."""
    output_format: str | None
    """The file format when no ``output_format`` was sent; None: the model's own."""
    max_images: int
    """The largest ``n``."""
    alpha_is_mask: bool
    """Whether an edit without a mask repaints the transparent parts of its image."""
    names: tuple[str, ...]


@cache
def openai_families() -> tuple[OpenAIFamily, ...]:
    text = files("cloudflare_image_mcp.catalog").joinpath("openai.toml").read_text("utf-8")
    rows = tomllib.loads(text)["families"]
    return tuple(
        OpenAIFamily(
            prefix=prefix,
            response=row["response"],
            output_format=row.get("output_format"),
            max_images=row.get("max_images", MAX_IMAGES),
            alpha_is_mask=row.get("alpha_is_mask", False),
            names=tuple(row["names"]),
        )
        for prefix, row in rows.items()
    )


def openai_family(name: str) -> OpenAIFamily | None:
    """The family of an OpenAI name, also of one that appeared after this table was written, with any prefix
    (``openai/dall-e-3``) and in any case.
    """
    bare = name.rsplit("/", 1)[-1].strip().lower()
    return next((family for family in openai_families() if bare.startswith(family.prefix)), None)
