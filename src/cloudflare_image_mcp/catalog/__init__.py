"""The models: what each promises at our door, what its wire takes, what it costs, what it is known to refuse."""

from cloudflare_image_mcp.catalog.loading import MAX_SEED, PROMPT_LENGTH, CatalogError, models
from cloudflare_image_mcp.catalog.model import (
    Live,
    MaskUse,
    Model,
    Operation,
    Parameter,
    Price,
    Promise,
    Wire,
    WireParameter,
)
from cloudflare_image_mcp.catalog.openai_names import OpenAIFamily, openai_families, openai_family
from cloudflare_image_mcp.catalog.sizes import Size, SizeRule

__all__ = [
    "MAX_SEED",
    "PROMPT_LENGTH",
    "CatalogError",
    "Live",
    "MaskUse",
    "Model",
    "OpenAIFamily",
    "Operation",
    "Parameter",
    "Price",
    "Promise",
    "Size",
    "SizeRule",
    "Wire",
    "WireParameter",
    "models",
    "openai_families",
    "openai_family",
]
