"""The models: what the gateway promises for each, what it costs, what it is known to refuse."""

from cloudflare_image_mcp.catalog.loading import BACKGROUND_REMOVER, MAX_SEED, PROMPT_LENGTH, models, proxied_models
from cloudflare_image_mcp.catalog.model import (
    Currency,
    Live,
    MaskUse,
    Model,
    Operation,
    Parameter,
    Price,
    Promise,
)
from cloudflare_image_mcp.catalog.openai_names import OpenAIFamily, openai_families, openai_family
from cloudflare_image_mcp.catalog.sizes import Size, SizeRule
from cloudflare_image_mcp.catalog.toml_table import CatalogError

__all__ = [
    "BACKGROUND_REMOVER",
    "MAX_SEED",
    "PROMPT_LENGTH",
    "CatalogError",
    "Currency",
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
    "models",
    "openai_families",
    "openai_family",
    "proxied_models",
]
