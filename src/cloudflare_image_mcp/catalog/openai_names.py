"""OpenAI's model names, which clients have built in, as aliases of the configured models."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal


@dataclass(frozen=True, slots=True)
class OpenAIFamily:
    """Names that start alike, and what OpenAI answered for them when no ``response_format`` was sent."""

    prefix: str
    response: Literal["url", "b64_json"]
    names: tuple[str, ...]


@cache
def openai_families() -> tuple[OpenAIFamily, ...]:
    text = files("cloudflare_image_mcp.catalog").joinpath("openai.toml").read_text("utf-8")
    rows = tomllib.loads(text)["families"]
    return tuple(OpenAIFamily(prefix, row["response"], tuple(row["names"])) for prefix, row in rows.items())


def openai_family(name: str) -> OpenAIFamily | None:
    """The family of an OpenAI name, also of one that appeared after this table was written."""
    return next((family for family in openai_families() if name.startswith(family.prefix)), None)
